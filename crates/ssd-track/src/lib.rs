//! Objects that keep their identity from frame to frame.
//!
//! [`Tracker`] takes a frame's detections and their time, and says which track each belongs to: a Kalman filter
//! predicts where each known object is now (`motion`), detections go to the predictions that they overlap most
//! (`association`, `assignment`), and [`Rules`] say when tracks begin and end. Sources: SORT (Bewley et al., 2016),
//! ByteTrack (Zhang et al., 2022).
//! [`Counter`] counts what crosses a line or enters a region; [`measure`] compares tracks with the truth.
//!
//! Limits: boxes are all that is known of an object, not its looks. Two of one size and class that pass through each
//! other at nearly the same speed are told apart by their courses alone: where one is faster by a fortieth of its
//! width in a frame, of a hundred objects one exchanges its identity, by an eightieth five, by a hundred-and-sixtieth
//! twenty (`sequence_tests`). NMS mostly leaves one detection of such a pair anyway, and the other object is lost for
//! a while.
//!
//! No pixels, tensors, files, threads or clock: the caller says what time it is, in seconds. Boxes are in pixels of the
//! picture and in `f64`. Compiles for wasm32.

mod assignment;
mod association;
mod counter;
mod detection;
mod motion;
mod rect;
mod rules;
mod track;
mod tracker;

pub mod measure;

#[cfg(test)]
mod drawn;
#[cfg(test)]
mod sequence_tests;

pub use counter::{Counter, Passed, Shape};
pub use detection::Detection;
pub use rect::{Point, Rect};
pub use rules::{RULES, Rule, Rules};
pub use track::{State, Track};
pub use tracker::{ClassCount, Tracker};

/// Why a tracker or counter does not take what it was given.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrackError {
    /// A rule has a value that makes no sense.
    #[error("{name} is {value}, and may be {least} to {most}: choose a value in that range.")]
    Rule {
        /// The rule.
        name: &'static str,
        /// What it was to be.
        value: f64,
        /// The least value that it may have.
        least: f64,
        /// The largest.
        most: f64,
    },
    /// There is no such rule.
    #[error("there is no rule {0:?}; the rules are {1}.")]
    UnknownRule(String, String),
    /// Frames come in order.
    #[error("a frame at {time} s follows one at {last} s: give frames in the order of their times, or start anew.")]
    Time {
        /// The time of the frame, in seconds.
        time: f64,
        /// The time of the frame before it.
        last: f64,
    },
    /// A line of no length, a region of fewer than three corners, or a coordinate that is NaN or infinite.
    #[error("a line needs two different points, and a region at least three, all of them finite.")]
    Shape,
}
