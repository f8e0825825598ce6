//! Checkpoints: what a run needs to continue, each in its own folder, with a pointer to the last complete one.
//!
//! A folder is written under another name and renamed when complete; then the pointer is replaced; then older folders
//! are removed. Wherever the program or the disk stops, the pointer names a complete checkpoint.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use ssd::Ssd;
use ssd_data::{WriteError, write_atomic};
use ssd_learn::Learner;

use crate::run::state::State;

/// A checkpoint that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Writing the folder failed, for this reason.
    #[error(
        "the checkpoint {0} was not written: {1}; the previous one is intact, free some space and continue \
         with --resume"
    )]
    Write(String, String),
    /// The pointer was not written.
    #[error(transparent)]
    Pointer(#[from] WriteError),
    /// The data's classes are not those it has learned.
    #[error(
        "the checkpoint {path} has learned the classes {was}, but the data has {now}; correct the data, or start anew \
         with --init and another --out"
    )]
    Labels {
        /// The folder.
        path: String,
        /// Its labels, separated by commas.
        was: String,
        /// The data's labels.
        now: String,
    },
    /// There is no checkpoint.
    #[error("there is no complete checkpoint in {0}; start anew in another --out")]
    None(String),
    /// The folder does not fit the run, for this reason.
    #[error(
        "the checkpoint {0} cannot be read: {1}; it belongs to another network or was changed, start anew in \
         another --out"
    )]
    Read(String, String),
}

/// Names the folder of the last complete checkpoint.
const POINTER: &str = "latest";

/// The files of a checkpoint; the average is optional.
const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const AVERAGE: &str = "average.bpk";
const STATE: &str = "state.json";

/// Writes a checkpoint into `folder` and makes it the last one.
///
/// # Errors
/// If the disk fails; the previous checkpoint is kept.
pub fn save(folder: &Path, learner: &Learner, state: &State) -> Result<(), CheckpointError> {
    // Epochs and steps: the end of an epoch has two checkpoints at the same step, before and after the validation.
    let name = format!("step-{:08}-epochs-{:04}", state.step, state.epoch);
    let path = folder.join(&name);
    // The pointer names this very checkpoint, which must not be touched.
    if latest(folder).is_some_and(|latest| latest == path) {
        return Ok(());
    }
    let failed = |reason: String| CheckpointError::Write(path.display().to_string(), reason);
    // Before there is a folder: a lent device that is lost while it is read leaves none half written.
    let parts = parts(learner, state).map_err(failed)?;
    fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    let unfinished =
        tempfile::Builder::new().prefix(".writing-").tempdir_in(folder).map_err(|e| failed(e.to_string()))?;
    for (name, bytes) in parts {
        write_through(&unfinished.path().join(name), &bytes).map_err(|error| failed(format!("{name}: {error}")))?;
    }
    if path.exists() {
        fs::remove_dir_all(&path).map_err(|error| failed(error.to_string()))?;
    }
    fs::rename(unfinished.path(), &path).map_err(|error| failed(error.to_string()))?;
    write_atomic(&folder.join(POINTER), name.as_bytes())?;
    remove_others(folder, &name);
    Ok(())
}

/// The files of a checkpoint: names and bytes.
fn parts(learner: &Learner, state: &State) -> Result<Vec<(&'static str, Bytes)>, String> {
    // Batch norm defers the last update of its running statistics, so a record would lack it. Making an evaluation
    // model of the network brings the network's own statistics up to date.
    let _up_to_date = learner.model.valid();
    let mut records =
        vec![(MODEL, learner.model.clone().into_record().into_bytes()), (OPTIMIZER, learner.optimizer.into_bytes())];
    if let Some(ema) = &learner.ema {
        records.push((AVERAGE, ema.average().clone().into_record().into_bytes()));
    }
    let mut parts = Vec::new();
    for (name, record) in records {
        parts.push((name, record.map_err(|error| error.to_string())?));
    }
    let state = serde_json::to_vec_pretty(state).map_err(|error| error.to_string())?;
    parts.push((STATE, Bytes::from_bytes_vec(state)));
    Ok(parts)
}

/// Writes a file and waits for the disk: the folder is renamed only then.
fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes old and unfinished checkpoints; one that cannot be removed does no harm.
fn remove_others(folder: &Path, keep: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != keep && (name.starts_with("step-") || name.starts_with(".writing-")) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Reads the last complete checkpoint into a learner of the same kind and with the same classes.
///
/// # Errors
/// If there is none, or it belongs to another network or other classes.
pub fn load(folder: &Path, mut learner: Learner, labels: &[String]) -> Result<(Learner, State), CheckpointError> {
    let path = latest(folder).ok_or_else(|| CheckpointError::None(folder.display().to_string()))?;
    let failed = |reason: String| CheckpointError::Read(path.display().to_string(), shortened(reason));
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
        // A run that starts averaging only now begins at the current weights.
        let averaged = path.join(AVERAGE).exists();
        let average = learner.model.valid();
        ema.restart(if averaged { read(average, AVERAGE)? } else { average });
    }
    Ok((learner, state))
}

/// The start of a reason's first line: for a network that does not fit, the reason lists every tensor.
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
