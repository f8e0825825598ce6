//! `--init`: a new model from the weights of another, whose classes may differ.

use std::path::Path;

use burn::tensor::Device;
use ssd::weights::{self, Header, WeightsError};
use ssd::{Arch, Ssd};

/// A start that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Cannot be read.
    #[error("cannot read {path}: {source}; check the path after --init")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Not a detector.
    #[error("{path}: {source}")]
    Weights {
        /// The file.
        path: String,
        /// Why.
        source: WeightsError,
    },
    /// Another network.
    #[error(
        "{path} holds {found}, and {wanted} is to be trained; choose a file of the same architecture or change --arch"
    )]
    Arch {
        /// The file.
        path: String,
        /// Its network.
        found: Arch,
        /// The one asked for.
        wanted: Arch,
    },
}

/// The model to start from, and a sentence on what was taken over.
///
/// # Errors
///
/// When the file cannot be read, is no detector, or holds another architecture.
pub fn from_file(path: &Path, header: &Header, device: &Device) -> Result<(Ssd, String), InitError> {
    let name = || path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| InitError::Read { path: name(), source })?;
    let failed = |source| InitError::Weights { path: name(), source };
    if weights::read_header(&bytes) == Err(WeightsError::NoHeader) {
        return trunk_alone(bytes, header, device, &name()).map_err(failed);
    }
    let (source, model) = weights::load(bytes, device).map_err(failed)?;
    if source.arch != header.arch {
        return Err(InitError::Arch { path: name(), found: source.arch, wanted: header.arch });
    }
    if source.labels == header.labels {
        return Ok((model, format!("Starting from {}, all weights taken over.", name())));
    }
    let mut fresh = Ssd::new(header.arch, header.classes(), device);
    fresh.backbone = model.backbone;
    for (head, old) in fresh.heads.iter_mut().zip(model.heads) {
        head.offsets = old.offsets;
        head.logits.depthwise = old.logits.depthwise;
    }
    let (old, new) = (source.labels.len(), header.labels.len());
    Ok((
        fresh,
        format!(
            "Starting from {}; its {old} classes are not these {new}, so the class predictors are made anew.",
            name()
        ),
    ))
}

/// From a file that is no detector, but may hold the tensors of a trunk.
fn trunk_alone(bytes: Vec<u8>, header: &Header, device: &Device, name: &str) -> Result<(Ssd, String), WeightsError> {
    let fresh = Ssd::new(header.arch, header.classes(), device);
    let (model, taken, missing) = weights::load_trunk(bytes, header.arch, fresh)?;
    let anew = match missing.first() {
        Some(first) => format!("{first} and {} more of the trunk, and all heads, are made anew", missing.len() - 1),
        None => "the heads are made anew".into(),
    };
    Ok((model, format!("Starting from {name}, a trunk alone: {taken} tensors taken over; {anew}.")))
}
