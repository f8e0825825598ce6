//! A weights file on disk: read here alone, with one error that names it.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ssd::Ssd;
use ssd::weights::{self, Header, WeightsError};

/// A weights file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsFileError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}; check the path")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a detector.
    #[error("{path}: {source}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// Why.
        source: WeightsError,
    },
}

/// The bytes of a file.
///
/// # Errors
///
/// When the system does not hand them out.
pub fn bytes(path: &Path) -> Result<Vec<u8>, WeightsFileError> {
    fs::read(path).map_err(|source| WeightsFileError::Read { path: path.into(), source })
}

/// A detector on a device.
///
/// # Errors
///
/// When the file cannot be read, or is no detector.
pub fn load(path: &Path, device: &Device) -> Result<(Header, Ssd), WeightsFileError> {
    weights::load(bytes(path)?, device).map_err(|source| WeightsFileError::Weights { path: path.into(), source })
}

/// What a detector says of itself.
///
/// # Errors
///
/// As [`load`], but for its tensors, which are not looked at.
pub fn header(path: &Path, bytes: &[u8]) -> Result<Header, WeightsFileError> {
    weights::read_header(bytes).map_err(|source| WeightsFileError::Weights { path: path.into(), source })
}
