//! Why a program ends early: the sentence that the user reads, and whose fault it is.
//!
//! The sentence says which file, what is wrong and what to do (`cli::usage` and `cli::folders` check it).
//! What it is not: how the sentence is printed and the program ended, which is [`crate::cli`]'s.

use std::fmt;

use ssd_data::WriteError;

/// Why a program ends early, with the sentence that the user reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Bad usage or bad input: exit code 2.
    Input(String),
    /// Failed while running: exit code 1.
    Run(String),
}

impl Failure {
    /// An error that the user mends by other arguments or another file.
    pub fn input(error: impl fmt::Display) -> Self {
        Self::Input(error.to_string())
    }

    /// An error that came up on the way: a full disk, a lost device.
    pub fn run(error: impl fmt::Display) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::run(error)
    }
}
