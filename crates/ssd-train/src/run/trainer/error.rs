//! Why a run stops early, each as one sentence.

use ssd::weights::WeightsError;
use ssd_data::DataError;
use ssd_data::WriteError;

use crate::device::lent::for_people;
use crate::device::replicas::LostReplica;
use crate::run::checkpoint::CheckpointError;
use crate::run::metrics::MetricsError;
use crate::run::tensorboard::EventError;
use crate::run::validate::ValidateError;

/// Why a run stopped early. What it had saved is kept.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A picture cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The metrics cannot be written.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The model cannot be measured.
    #[error(transparent)]
    Validate(#[from] ValidateError),
    /// The event file cannot be written.
    #[error(transparent)]
    Events(#[from] EventError),
    /// A weights file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A weights file cannot be encoded.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A device beside the main one failed.
    #[error(transparent)]
    Replica(#[from] LostReplica),
    /// The device failed at this step, for the runtime's reason.
    #[error("the device failed at step {0} ({1}); continue from the last checkpoint with --resume")]
    Device(usize, String),
    /// The loss is NaN or infinite.
    #[error("the loss of step {step} is {loss}, on the pictures {pictures}; {advice}")]
    Diverged {
        /// The step.
        step: usize,
        /// NaN or infinite.
        loss: f32,
        /// The pictures of the step.
        pictures: String,
        /// What to do.
        advice: &'static str,
    },
    /// The weights are NaN or overflow half precision.
    #[error(
        "the update of step {step} left weights that are NaN or too large for half precision, on the pictures \
         {pictures}; {advice}"
    )]
    Ruined {
        /// The step.
        step: usize,
        /// The pictures of the step.
        pictures: String,
        /// What to do.
        advice: &'static str,
    },
}

impl TrainError {
    /// The device failed at a step, with the runtime's reason.
    pub(super) fn device(step: usize, error: &impl std::fmt::Display) -> Self {
        Self::Device(step, for_people(&error.to_string()).into())
    }
}
