//! `metrics.jsonl`: one line per step and per validation, in order.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use ssd_data::{WriteError, write_atomic};

use crate::run::state::State;

/// One optimiser step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepLine {
    /// Counted from 1.
    pub step: usize,
    /// Counted from 1.
    pub epoch: usize,
    /// The sum of the two parts.
    pub loss: f32,
    /// The box loss.
    pub loss_box: f32,
    /// The class loss (cross-entropy).
    pub loss_class: f32,
    /// Learning rate of the step.
    pub lr: f64,
    /// Pictures per second, from the end of the previous step to the end of this one, including the wait for data.
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
    /// Opens the file and drops the lines after `state`: what a run did after its last checkpoint is repeated.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn open(path: &Path, state: &State) -> Result<Self, MetricsError> {
        let old = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        // A line cut short by a crash is not JSON and is dropped as well.
        let old = String::from_utf8_lossy(&old);
        let kept: String = old.lines().filter(|line| has_seen(state, line)).flat_map(|line| [line, "\n"]).collect();
        write_atomic(path, kept.as_bytes())?;
        Ok(Self(OpenOptions::new().append(true).open(path)?))
    }

    /// Appends a line.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn push(&mut self, line: &impl Serialize) -> Result<(), MetricsError> {
        let mut text = serde_json::to_string(line).map_err(io::Error::from)?;
        text.push('\n');
        Ok(self.0.write_all(text.as_bytes())?)
    }
}

/// Whether a checkpoint includes what a line reports. An epoch's last step and its validation have the same step
/// number, and there may be a checkpoint between them.
fn has_seen(state: &State, line: &str) -> bool {
    match (serde_json::from_str::<StepLine>(line), serde_json::from_str::<ValidationLine>(line)) {
        (Ok(line), _) => line.step <= state.step,
        (_, Ok(line)) => line.epoch <= state.epoch,
        _ => false,
    }
}

/// The file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// While dropping lines after the checkpoint.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// While reading or appending.
    #[error(
        "metrics.jsonl was not read or written: {0}; check its permissions, free some space and continue with --resume"
    )]
    Append(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn lines_after_the_checkpoint_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let step =
            |step| StepLine { step, epoch: 1, loss: 3.0, loss_box: 1.0, loss_class: 2.0, lr: 0.1, images_per_s: 9.0 };
        let validation = ValidationLine { epoch: 1, step: 2, map_voc07: None, map_voc: Some(0.5), map_coco: None };
        let lines = |state: &State| {
            Metrics::open(&path, state).unwrap();
            std::fs::read_to_string(&path).unwrap().lines().count()
        };
        let mut metrics = Metrics::open(&path, &State::default()).unwrap();
        metrics.push(&step(1)).unwrap();
        metrics.push(&step(2)).unwrap();
        metrics.push(&validation).unwrap();
        metrics.push(&step(3)).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"step\":4,\"epo").unwrap();

        assert_eq!(lines(&State { epoch: 1, step: 3, ..State::default() }), 4, "the torn line is dropped");
        assert_eq!(lines(&State { epoch: 1, step: 2, ..State::default() }), 3);
        assert_eq!(
            lines(&State { epoch: 0, step: 2, pictures: 4, ..State::default() }),
            2,
            "saved before the validation"
        );
        assert_eq!(lines(&State::default()), 0);
    }
}
