//! What learns: match → forward → loss → backward → clip → optimise → average, one optimiser step at a time.
//!
//! What it is not: it knows no file, no thread, no clock and no command line, so that the page can learn with it as `train` does. Who
//! calls it brings the pictures, says at which rate a step is made and keeps what comes out.

pub mod config;

pub mod batch;
pub mod ema;
pub mod learner;
pub mod optimizer;
pub mod reading;
pub mod schedule;
pub mod surgery;

pub use batch::{BatchGradients, Example, HostBatch, Local, Matcher};
pub use config::{Difficult, LearnConfig, OptimizerName, SettingError};
pub use learner::{Learner, Watch};
pub use reading::Reading;
pub use schedule::{LearningRate, Schedule};
