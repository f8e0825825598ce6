//! Adds a weights file to those that the page ships, and lists it in `models/index.json`.
//!
//! Other people's pages read the list by the field names here; a measure that was not taken is null.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ssd_data::{WriteError, write_atomic};

use crate::digest;
use crate::weights_file::{self, WeightsFileError};

/// The list of shipped models.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Index {
    /// The model that the page starts with.
    pub default: String,
    /// All models.
    pub models: Vec<Entry>,
}

impl Index {
    /// That of a folder; an empty one where there is none.
    fn read(folder: &Path) -> Result<Self, PublishError> {
        let list = folder.join("index.json");
        if !list.exists() {
            return Ok(Self::default());
        }
        let parsed = serde_json::from_slice(&weights_file::bytes(&list)?);
        parsed.map_err(|error| PublishError::Index(list.display().to_string(), error))
    }

    fn write(&self, folder: &Path) -> Result<(), PublishError> {
        let list = folder.join("index.json");
        let json = serde_json::to_vec_pretty(self);
        let mut json = json.map_err(|error| PublishError::Index(list.display().to_string(), error))?;
        json.push(b'\n');
        Ok(write_atomic(&list, &json)?)
    }
}

/// One shipped model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the page.
    pub name: String,
    /// Path relative to the list.
    pub file: String,
    /// Size of the file.
    pub bytes: usize,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The architecture.
    pub arch: String,
    /// Class names.
    pub labels: Vec<String>,
    /// Its measures.
    pub measured: Measured,
    /// The command that trained it.
    pub made_by: String,
    /// Terms of use.
    pub licence: String,
}

/// Measures of a model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Measured {
    /// The data set.
    pub data: Option<String>,
    /// Its split.
    pub split: Option<String>,
    /// VOC 2007, 11 points.
    pub voc07_11pt: Option<f64>,
    /// VOC, all points.
    pub voc_all_point: Option<f64>,
    /// COCO.
    pub coco_ap: Option<f64>,
}

impl Measured {
    /// From the output of `eval --json` on a data set and split.
    pub fn from_report(report: &Value, data: &str, split: &str) -> Self {
        let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
        Self {
            data: Some(data.into()),
            split: Some(split.into()),
            voc07_11pt: number("/voc07_11pt"),
            voc_all_point: number("/voc_all_point"),
            coco_ap: number("/coco/ap"),
        }
    }
}

/// A model that could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The weights file or the list cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsFileError),
    /// The list at this path is damaged.
    #[error("{0} is not a list of models ({1}); correct or remove it")]
    Index(String, #[source] serde_json::Error),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Copies `file` into `folder` as `NAME.safetensors` and lists it there, replacing an older one of the same name.
///
/// # Errors
/// See [`PublishError`]; the list is replaced last, so it never names a missing file.
pub fn publish(
    file: &Path,
    folder: &Path,
    name: &str,
    measured: Measured,
    licence: &str,
) -> Result<Entry, PublishError> {
    let bytes = weights_file::bytes(file)?;
    let header = weights_file::header(file, &bytes)?;
    let mut index = Index::read(folder)?;
    if index.default.is_empty() {
        index.default = name.into();
    }
    let entry = Entry {
        name: name.into(),
        file: format!("{name}.safetensors"),
        bytes: bytes.len(),
        sha256: digest::sha256(&bytes),
        arch: header.arch.to_string(),
        labels: header.labels,
        measured,
        made_by: header.provenance.command,
        licence: licence.into(),
    };
    write_atomic(&folder.join(&entry.file), &bytes)?;
    index.models.retain(|model| model.name != name);
    index.models.push(entry.clone());
    index.write(folder)?;
    Ok(entry)
}

/// Lets the page start with a model of `folder`.
///
/// # Errors
/// When the list cannot be read or written.
pub fn start_with(folder: &Path, name: &str) -> Result<(), PublishError> {
    Index { default: name.into(), ..Index::read(folder)? }.write(folder)
}
