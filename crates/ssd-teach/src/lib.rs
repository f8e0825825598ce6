//! Teaching: the heads of a detector learn new classes from a few pictures, in seconds and without a graphics card.
//!
//! Trunk and extras stay as they are, so what they make of a picture is computed once for each of its views and kept:
//! picture → [`views`] → [`features`] → matching → heads → loss → optimiser → weights file. The last part is
//! [`ssd_learn`]'s. Knows no file, thread, clock or command line: `train --recipe teach` and the page call the same
//! [`Lesson`], and from the same pictures and seed it makes the same detector.

pub mod config;

pub mod classes;

pub mod views;

pub mod features;

pub mod heads;

pub mod exam;

pub mod lesson;

pub mod error;

#[cfg(test)]
mod tests;

pub use config::TeachConfig;
pub use error::TeachError;
pub use exam::Exam;
pub use lesson::{Lesson, Role};
