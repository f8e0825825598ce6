//! The learning crate: match → forward → loss → backward → clip → optimise → average, one optimiser step at a time.
//!
//! Knows no file, thread, clock or command line, so that the page can learn with it just like `train`. The caller
//! brings the pictures, chooses the learning rate of a step and keeps the results.

pub mod config;

pub mod batch;
pub mod classes;
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
