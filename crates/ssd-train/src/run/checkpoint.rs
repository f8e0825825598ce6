//! Checkpoints: all that a run needs to go on, in a folder of its own for each, with a pointer to the last complete one.
//!
//! A folder is written under another name and renamed when it is whole; then the pointer is replaced; then older folders
//! go. Whenever the program or the disk stops, the pointer names a complete checkpoint.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::ModuleRecord;
use ssd::Ssd;
use ssd_data::{WriteError, write_atomic};
use ssd_learn::Learner;

use crate::run::state::State;

/// A checkpoint that was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Writing failed.
    #[error(
        "the checkpoint {path} was not written: {reason}; the one before it is unharmed, free some space and go on with --resume"
    )]
    Write {
        /// The folder.
        path: String,
        /// Why.
        reason: String,
    },
    /// The pointer was not written.
    #[error(transparent)]
    Pointer(#[from] WriteError),
    /// It has learned something else.
    #[error(
        "the checkpoint {path} has learned the classes {was}, and the data has {now}; mend the data, or start anew with --init and another --out"
    )]
    Labels {
        /// The folder.
        path: String,
        /// The labels, separated by commas.
        was: String,
        /// Those of the data.
        now: String,
    },
    /// There is none.
    #[error("there is no complete checkpoint in {0}; start anew in another --out")]
    None(String),
    /// It does not fit.
    #[error(
        "the checkpoint {path} cannot be read: {reason}; it belongs to another network or was changed, start anew in another --out"
    )]
    Read {
        /// The folder.
        path: String,
        /// Why.
        reason: String,
    },
}

/// Names the folder of the last complete checkpoint.
const POINTER: &str = "latest";

/// The files of a checkpoint; the average is there where one is kept.
const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const AVERAGE: &str = "average.bpk";
const STATE: &str = "state.json";

/// Writes a checkpoint into `folder` and makes it the last one.
///
/// # Errors
///
/// When the disk does not take it; the checkpoint before it stays.
pub fn save(folder: &Path, learner: &Learner, state: &State) -> Result<(), CheckpointError> {
    // Epochs and steps: at the end of an epoch two checkpoints lie at the same step, before and after the validation.
    let name = format!("step-{:08}-epochs-{:04}", state.step, state.epoch);
    let path = folder.join(&name);
    // The one that the pointer names is this one, and is not to be touched.
    if latest(folder).is_some_and(|latest| latest == path) {
        return Ok(());
    }
    let failed = |reason: String| CheckpointError::Write { path: path.display().to_string(), reason };
    fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    let unfinished =
        tempfile::Builder::new().prefix(".writing-").tempdir_in(folder).map_err(|e| failed(e.to_string()))?;
    write_parts(unfinished.path(), learner, state).map_err(failed)?;
    if path.exists() {
        fs::remove_dir_all(&path).map_err(|error| failed(error.to_string()))?;
    }
    fs::rename(unfinished.path(), &path).map_err(|error| failed(error.to_string()))?;
    write_atomic(&folder.join(POINTER), name.as_bytes())?;
    remove_others(folder, &name);
    Ok(())
}

fn write_parts(folder: &Path, learner: &Learner, state: &State) -> Result<(), String> {
    let write =
        |name: &str, bytes: &[u8]| write_through(&folder.join(name), bytes).map_err(|error| format!("{name}: {error}"));
    // Batch norm keeps the last update of its running statistics back, and a record would lack it. To make an evaluation
    // model of the network brings the network's own statistics up to date.
    let _up_to_date = learner.model.valid();
    let model = learner.model.clone().into_record().into_bytes().map_err(|error| error.to_string())?;
    write(MODEL, &model)?;
    let optimizer = learner.optimizer.into_bytes().map_err(|error| error.to_string())?;
    write(OPTIMIZER, &optimizer)?;
    if let Some(ema) = &learner.ema {
        let average = ema.average().clone().into_record().into_bytes().map_err(|error| error.to_string())?;
        write(AVERAGE, &average)?;
    }
    let state = serde_json::to_vec_pretty(state).map_err(|error| error.to_string())?;
    write(STATE, &state)
}

/// Writes a file and waits until the disk has it: the folder gets its name only then.
fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Old checkpoints and unfinished ones; one that cannot be removed does no harm.
fn remove_others(folder: &Path, keep: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != keep && (name.starts_with("step-") || name.starts_with(".writing-")) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Reads the last complete checkpoint into a learner of the same make and with the same classes.
///
/// # Errors
///
/// When there is none, or it belongs to another network or to other classes.
pub fn load(folder: &Path, mut learner: Learner, labels: &[String]) -> Result<(Learner, State), CheckpointError> {
    let path = latest(folder).ok_or_else(|| CheckpointError::None(folder.display().to_string()))?;
    let failed = |reason: String| CheckpointError::Read { path: path.display().to_string(), reason: shortened(reason) };
    let state = fs::read(path.join(STATE)).map_err(|error| failed(error.to_string()))?;
    let state: State = serde_json::from_slice(&state).map_err(|error| failed(error.to_string()))?;
    if state.subject.labels != labels {
        let (was, now) = (state.subject.labels.join(", "), labels.join(", "));
        return Err(CheckpointError::Labels { path: path.display().to_string(), was, now });
    }
    let read = |model: Ssd, name: &str| {
        let record = ModuleRecord::load(path.join(name)).map_err(|error| failed(format!("{name}: {error}")))?;
        model.try_load_record(record).map_err(|error| failed(format!("{name}: {error}")))
    };
    learner.model = read(learner.model, MODEL)?;
    learner.optimizer = learner.optimizer.load(path.join(OPTIMIZER)).map_err(|error| failed(error.to_string()))?;
    if let Some(ema) = &mut learner.ema {
        // A run that is told to average only now starts from the weights as they are.
        let averaged = path.join(AVERAGE).exists();
        let average = learner.model.valid();
        ema.restart(if averaged { read(average, AVERAGE)? } else { average });
    }
    Ok((learner, state))
}

/// The first line of a reason, and not much of it: a network that does not fit is told of tensor by tensor.
fn shortened(reason: String) -> String {
    let line = reason.lines().next().unwrap_or_default();
    line.chars().take(160).collect()
}

/// The last complete checkpoint, if there is one.
pub fn latest(folder: &Path) -> Option<PathBuf> {
    let name = fs::read_to_string(folder.join(POINTER)).ok()?;
    let path = folder.join(name.trim());
    path.join(STATE).exists().then_some(path)
}
