//! The progress of a run, as saved in its checkpoints.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ssd_data::Dataset;

use crate::digest;

/// The progress of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Complete epochs.
    pub epoch: usize,
    /// Complete steps.
    pub step: usize,
    /// Pictures done in the current epoch.
    pub pictures: usize,
    /// The best mAP so far.
    pub best: Option<f64>,
    /// What the run learns from.
    pub subject: Subject,
}

/// What a run learns from: without the classes weights are meaningless, without the pictures a position in an epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The classes, by their numbers.
    pub labels: Vec<String>,
    /// Number of pictures to learn from.
    pub pictures: usize,
    /// SHA-256 of their names in the order of the data set, in hexadecimal.
    pub names: String,
}

impl Subject {
    /// A data set's.
    pub fn of(data: &Dataset) -> Self {
        let mut names = Sha256::new();
        for index in 0..data.len() {
            names.update(data.name(index));
            names.update([0]);
        }
        Self { labels: data.labels().to_vec(), pictures: data.len(), names: digest::hexadecimal(names) }
    }
}
