//! What a detector found: the input of a tracker.

use crate::Rect;

/// An object that a detector found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// In pixels.
    pub bbox: Rect,
    /// 1-based.
    pub class: usize,
    /// `0..=1`.
    pub score: f64,
}
