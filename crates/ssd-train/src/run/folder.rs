//! The folder of a run: one run per folder, files written whole, and the settings that repeat it.

use std::path::{Path, PathBuf};

use ssd_data::write_atomic;

use crate::failure::Failure;
use crate::run::checkpoint;
use crate::run::config::TrainConfig;

/// The folder of a run's checkpoints.
pub(crate) fn checkpoints(out: &Path) -> PathBuf {
    out.join("checkpoint")
}

/// Refuses a folder that holds another run, whose files this one would overwrite.
pub(crate) fn refuse_other_run(out: &Path) -> Result<(), Failure> {
    let sentence = if checkpoint::latest(&checkpoints(out)).is_some() {
        "already holds a run; add --resume to continue it, or choose another --out."
    } else if ["best.safetensors", "last.safetensors"].iter().any(|file| out.join(file).exists()) {
        "already holds the weights of a run; choose another --out."
    } else {
        return Ok(());
    };
    Err(Failure::Input(format!("{} {sentence}", out.display())))
}

/// Creates the folder if it is missing.
pub(crate) fn make_folder(out: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(out).map_err(|error| {
        Failure::Input(format!("cannot create the folder {}: {error}; choose another --out.", out.display()))
    })
}

/// Writes `config.json`.
pub(crate) fn save_config(out: &Path, config: &TrainConfig) -> Result<(), Failure> {
    let json = serde_json::to_vec_pretty(config).map_err(Failure::run)?;
    Ok(write_atomic(&out.join("config.json"), &json)?)
}

/// What is wrong where no folder is named.
pub(crate) fn no_out() -> Failure {
    Failure::Input("--out is missing; name a folder for what the run writes.".into())
}
