//! Why a program ends early, and whose fault it is. Printing it and ending the program is [`crate::cli`]'s.
//!
//! Errors say which file, what is wrong and what to do (checked by `cli::usage` and `cli::folders`).

use std::fmt;

use ssd_data::WriteError;
use ssd_gpu::GpuError;

/// Why a program ends early, as a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Bad usage or bad input: exit code 2.
    Input(String),
    /// Failed while running: exit code 1.
    Run(String),
}

impl Failure {
    /// An error that the user corrects with other arguments or another file.
    pub fn input(error: impl fmt::Display) -> Self {
        Self::Input(error.to_string())
    }

    /// An error that occurred while running: a full disk, a lost device.
    pub fn run(error: impl fmt::Display) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::run(error)
    }
}

impl From<GpuError> for Failure {
    fn from(error: GpuError) -> Self {
        Self::run(error)
    }
}
