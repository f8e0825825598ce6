//! `metrics.jsonl`: one line a step, one line a validation, in the order they happened.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::{WriteError, write_atomic};

/// One optimiser step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepLine {
    /// Counted from 1.
    pub step: usize,
    /// Counted from 1.
    pub epoch: usize,
    /// The sum of the two parts.
    pub loss: f32,
    /// Smooth L1 on offsets.
    pub loss_box: f32,
    /// Cross entropy.
    pub loss_class: f32,
    /// Learning rate of the step.
    pub lr: f64,
    /// Pictures a second since the last step.
    pub images_per_s: f64,
}

/// One validation, at the end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ValidationLine {
    /// Counted from 1.
    pub epoch: usize,
    /// The last step before it.
    pub step: usize,
    /// VOC 2007, 11 points, IoU 0.5.
    pub map_voc07: Option<f64>,
    /// VOC, all points, IoU 0.5.
    pub map_voc: Option<f64>,
    /// COCO, IoU 0.50 to 0.95.
    pub map_coco: Option<f64>,
}

/// The open file.
#[derive(Debug)]
pub struct Metrics(File);

impl Metrics {
    /// Opens the file behind its lines up to `step`: what a run wrote after its last checkpoint happens again.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written.
    pub fn open(path: &Path, step: usize) -> Result<Self, MetricsError> {
        let old = std::fs::read_to_string(path).unwrap_or_default();
        let is_past = |line: &&str| {
            let value = serde_json::from_str::<serde_json::Value>(line).ok();
            value.and_then(|value| value.get("step")?.as_u64()).is_some_and(|at| at <= step as u64)
        };
        let kept: String = old.lines().filter(is_past).flat_map(|line| [line, "\n"]).collect();
        write_atomic(path, kept.as_bytes())?;
        Ok(Self(OpenOptions::new().append(true).open(path)?))
    }

    /// Appends a line.
    ///
    /// # Errors
    ///
    /// When the disk does not take it.
    pub fn push(&mut self, line: &impl Serialize) -> Result<(), MetricsError> {
        let mut text = serde_json::to_string(line).map_err(io::Error::from)?;
        text.push('\n');
        Ok(self.0.write_all(text.as_bytes())?)
    }
}

/// The file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// While it was cut to the checkpoint.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// While it was appended to.
    #[error("metrics.jsonl was not written: {0}; free some space and go on with --resume")]
    Append(#[from] io::Error),
}
