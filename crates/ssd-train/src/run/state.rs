//! Where a run stands, as its checkpoint keeps it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ssd_data::Dataset;

use crate::digest;

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Complete epochs.
    pub epoch: usize,
    /// Complete steps.
    pub step: usize,
    /// Pictures of the epoch under way that are done.
    pub pictures: usize,
    /// The best mAP so far.
    pub best: Option<f64>,
    /// What is learned.
    pub subject: Subject,
}

/// What a run learns: the weights mean nothing without the one, the order of an epoch without the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The classes, by their numbers.
    pub labels: Vec<String>,
    /// How many pictures are learned from.
    pub pictures: usize,
    /// SHA-256 of their names in the order of the data set, in hexadecimal.
    pub names: String,
}

impl Subject {
    /// That of a data set.
    pub fn of(data: &Dataset) -> Self {
        let mut names = Sha256::new();
        for index in 0..data.len() {
            names.update(data.name(index));
            names.update([0]);
        }
        Self { labels: data.labels().to_vec(), pictures: data.len(), names: digest::hexadecimal(names) }
    }
}
