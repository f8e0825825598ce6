//! How well tracks agree with the truth, as the MOT challenge defines it.
//!
//! CLEAR MOT (Bernardin and Stiefelhagen, 2008) follows frame by frame who is matched with whom (`clear`); the identity
//! scores (Ristani et al., 2016) ask which track is which object over the whole sequence (`identity`). Objects match at
//! an IoU of at least [`LEAST_IOU`]. Classes are the caller's: one sequence for each.

mod clear;
mod identity;

#[cfg(test)]
mod recorded_tests;

use crate::Rect;

/// IoU from which a track's box is an object's.
pub const LEAST_IOU: f64 = 0.5;

/// Boxes of a frame with the identity of each.
pub type Boxes = Vec<(u64, Rect)>;

/// A frame: what is there, and what was tracked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// The truth.
    pub objects: Boxes,
    /// The tracks.
    pub tracks: Boxes,
}

/// The measures of a sequence. A share of nothing is 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measures {
    /// Accuracy: 1 − (misses + false positives + switches) / objects; may be negative.
    pub mota: f64,
    /// Precision: mean IoU of what matches.
    pub motp: f64,
    /// F1 of the identities: the share of boxes that belong to the right one.
    pub idf1: f64,
    /// Boxes of objects that match.
    pub matches: usize,
    /// Boxes of objects without a track.
    pub misses: usize,
    /// Boxes of tracks without an object.
    pub false_positives: usize,
    /// How many times an object is matched with another track than the last time.
    pub switches: usize,
    /// How many times an object is matched again after it was not.
    pub fragmentations: usize,
}

/// Measures a sequence.
pub fn measure(frames: &[Frame]) -> Measures {
    let mut measures = clear::clear(frames);
    measures.idf1 = identity::idf1(frames);
    measures
}

/// `part / whole`, or 0.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
