//! Where weights come from, as their file says it.

use ssd::weights::Provenance;

use crate::run::config::{TrainConfig, file_name};

/// The provenance of the weights to be trained.
pub(crate) fn provenance(config: &TrainConfig, device: &str) -> Provenance {
    let source_file = config.init.as_deref().map(|path| file_name(&path.display().to_string()));
    Provenance {
        data: config.data.iter().map(|data| file_name(data)).collect::<Vec<_>>().join(", "),
        split: config.split.clone().unwrap_or_else(|| "train".into()),
        command: format!("{} --out runs/again", config.command(source_file.as_deref())),
        source_file,
        device: device.into(),
        ..Provenance::default()
    }
}
