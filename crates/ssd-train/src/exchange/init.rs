//! `--init`: a new model from the weights of another, whose classes may differ, in any layout that `convert` reads.

use std::path::Path;

use burn::tensor::Device;
use ssd::weights::{self, Dtype, Header, WeightsError};
use ssd::{Arch, Ssd};
use ssd_import::{Conversion, FileError, FileSource, ImportError, Options, TensorFile};

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
    /// No file of weights.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: FileError,
    },
    /// Weights of an unknown network, or not all of a known one.
    #[error("{path}: {source}")]
    Import {
        /// The file.
        path: String,
        /// Why.
        source: ImportError,
    },
    /// Not a detector's weights, or not the network's.
    #[error("{path}: {source}")]
    Weights {
        /// The file.
        path: String,
        /// Why.
        source: WeightsError,
    },
    /// Another network.
    #[error(
        "{path} holds weights for {found}, and {wanted} is to be trained; choose a file of the same architecture or change --arch"
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

/// What the file says of itself, if it is a detector of `arch`: its heads were trained for its priors, and its trunk for its pixels.
///
/// # Errors
///
/// When the file cannot be read, or is in no known layout.
pub fn detector(path: &Path, arch: Arch) -> Result<Option<Header>, InitError> {
    let file = open(path)?;
    match Conversion::plan(&file, &Options::default()) {
        Ok(conversion) => Ok(conversion.header().filter(|header| header.arch == arch).cloned()),
        Err(ImportError::Unknown { .. }) => Ok(None),
        Err(source) => Err(InitError::Import { path: path.display().to_string(), source }),
    }
}

fn open(path: &Path) -> Result<TensorFile, InitError> {
    let name = || path.display().to_string();
    let source = FileSource::open(path).map_err(|source| InitError::Read { path: name(), source })?;
    TensorFile::open(Box::new(source)).map_err(|source| InitError::File { path: name(), source })
}

/// The model to start from, and a sentence on what was taken over.
///
/// # Errors
///
/// When the file cannot be read, is in no known layout, or holds another architecture.
pub fn from_file(path: &Path, header: &Header, device: &Device) -> Result<(Ssd, String), InitError> {
    let name = || path.display().to_string();
    let start = read(path, header.arch)?;
    let weights_error = |source| InitError::Weights { path: name(), source };
    if start.is_trunk {
        return trunk_alone(start, header, device).map_err(weights_error);
    }
    let (source, model) = weights::load(start.bytes, device).map_err(weights_error)?;
    if source.arch != header.arch {
        return Err(InitError::Arch { path: name(), found: source.arch, wanted: header.arch });
    }
    let what = start.what;
    if source.labels == header.labels {
        return Ok((model, format!("Starting from {what}, all weights taken over.")));
    }
    let mut fresh = Ssd::undrawn(header.arch, header.classes(), device);
    fresh.backbone = model.backbone;
    for (head, old) in fresh.heads.iter_mut().zip(model.heads) {
        head.offsets = old.offsets;
        head.logits.depthwise = old.logits.depthwise;
    }
    let (old, new) = (source.labels.len(), header.labels.len());
    Ok((
        fresh.drawn(),
        format!("Starting from {what}; its {old} classes are not these {new}, so the class predictors are made anew."),
    ))
}

/// Weights under our names.
struct Start {
    bytes: Vec<u8>,
    is_trunk: bool,
    /// The file, and its layout where that is not ours.
    what: String,
}

/// Reads a file in whatever layout it is.
fn read(path: &Path, wanted: Arch) -> Result<Start, InitError> {
    let name = || path.display().to_string();
    let unread = |source| InitError::Read { path: name(), source };
    let file = open(path)?;
    let ours = |is_trunk| Ok(Start { bytes: std::fs::read(path).map_err(unread)?, is_trunk, what: name() });
    match Conversion::plan(&file, &Options::default()) {
        Ok(conversion) => match conversion.layout() {
            Some(_)
                if conversion.header().is_none() && !conversion.arch().trunk().shares_weights_with(wanted.trunk()) =>
            {
                Err(InitError::Arch { path: name(), found: conversion.arch(), wanted })
            }
            Some(layout) => {
                let bytes = conversion.to_bytes(Dtype::F32, &mut |_, _| {});
                let bytes = bytes.map_err(|source| InitError::Import { path: name(), source })?;
                let is_trunk = conversion.header().is_none();
                Ok(Start { bytes, is_trunk, what: format!("{} ({layout})", name()) })
            }
            None => ours(false),
        },
        // It may be a trunk by our own names.
        Err(ImportError::Unknown { .. })
            if file.tensors().iter().any(|tensor| tensor.name.starts_with("backbone.")) =>
        {
            ours(true)
        }
        Err(source) => Err(InitError::Import { path: name(), source }),
    }
}

/// From a file that is no detector, but holds tensors of a trunk.
fn trunk_alone(start: Start, header: &Header, device: &Device) -> Result<(Ssd, String), WeightsError> {
    let (model, taken, missing) = weights::load_trunk(start.bytes, header.arch, header.classes(), device)?;
    let anew = match missing.first() {
        Some(first) => format!("{first} and {} more of the trunk, and all heads, are made anew", missing.len() - 1),
        None => "the heads are made anew".into(),
    };
    Ok((model, format!("Starting from {}, a trunk alone: {taken} tensors taken over; {anew}.", start.what)))
}
