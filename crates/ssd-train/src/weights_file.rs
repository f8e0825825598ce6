//! Reading weights files: the one place, with one error that names the file.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ssd::Ssd;
use ssd::weights::{self, Header, WeightsError};

/// An unusable weights file.
#[derive(Debug, thiserror::Error)]
pub enum WeightsFileError {
    /// It cannot be read.
    #[error("cannot read {0}: {1}; check the path.")]
    Read(PathBuf, #[source] std::io::Error),
    /// It is not a detector.
    #[error("{0}: {1}.")]
    Weights(PathBuf, #[source] WeightsError),
}

/// The bytes of a file.
///
/// # Errors
/// If the file cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, WeightsFileError> {
    fs::read(path).map_err(|error| WeightsFileError::Read(path.into(), error))
}

/// Loads a detector onto a device.
///
/// # Errors
/// If the file cannot be read or is not a detector.
pub fn load(path: &Path, device: &Device) -> Result<(Header, Ssd), WeightsFileError> {
    weights::load(bytes(path)?, device).map_err(|error| WeightsFileError::Weights(path.into(), error))
}

/// A detector's header.
///
/// # Errors
/// Those of [`load`], except that tensors are not checked.
pub fn header(path: &Path, bytes: &[u8]) -> Result<Header, WeightsFileError> {
    weights::read_header(bytes).map_err(|error| WeightsFileError::Weights(path.into(), error))
}
