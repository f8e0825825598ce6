//! Boxes in their two forms: conversion, area, overlap, clipping.
//!
//! The type of a box tells its form. Its space is the picture as a unit square, `0..1` in both directions, unless a
//! name ends in `_px`; the arithmetic here is the same in both spaces. Plain `f32`, no tensors.

use serde::{Deserialize, Serialize};

/// A box by two corners: `x1 <= x2`, `y1 <= y2`, the second corner excluded.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CornerBox {
    /// Left edge.
    pub x1: f32,
    /// Upper edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Lower edge.
    pub y2: f32,
}

/// A box by centre and size, the form in which priors are defined and offsets are learned.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CenterBox {
    /// Centre, horizontally.
    pub cx: f32,
    /// Centre, vertically.
    pub cy: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl CornerBox {
    /// A box from its left, upper, right and lower edge.
    pub fn new(x1: f32, y1: f32, x2: f32, y2: f32) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// Width; negative for an inverted box.
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// Height; negative for an inverted box.
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// Area; zero for a box without width or height, and for an inverted one.
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// Whether the corners are finite and the area is not zero, as for each box of a data set.
    pub fn is_proper(&self) -> bool {
        let finite = [self.x1, self.y1, self.x2, self.y2].iter().all(|v| v.is_finite());
        finite && self.x1 < self.x2 && self.y1 < self.y2
    }

    /// The common part of two boxes; inverted where they do not overlap.
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
            x2: self.x2.min(other.x2),
            y2: self.y2.min(other.y2),
        }
    }

    /// Intersection over union, the Jaccard overlap of the paper; 0 if neither box has an area.
    pub fn iou(&self, other: &Self) -> f32 {
        let inter = self.intersection(other).area();
        let union = self.area() + other.area() - inter;
        if union > 0.0 { inter / union } else { 0.0 }
    }

    /// The part of the box inside the unit square.
    pub fn clipped(&self) -> Self {
        Self {
            x1: self.x1.clamp(0.0, 1.0),
            y1: self.y1.clamp(0.0, 1.0),
            x2: self.x2.clamp(0.0, 1.0),
            y2: self.y2.clamp(0.0, 1.0),
        }
    }

    /// The box scaled by a factor for each direction: from the unit square to the pixels of a `sx` by `sy` picture.
    pub fn scaled(&self, sx: f32, sy: f32) -> Self {
        Self { x1: self.x1 * sx, y1: self.y1 * sy, x2: self.x2 * sx, y2: self.y2 * sy }
    }

    /// The same box by centre and size.
    pub fn to_center(&self) -> CenterBox {
        CenterBox { cx: 0.5 * (self.x1 + self.x2), cy: 0.5 * (self.y1 + self.y2), w: self.width(), h: self.height() }
    }
}

impl CenterBox {
    /// A box from its centre and size.
    pub fn new(cx: f32, cy: f32, w: f32, h: f32) -> Self {
        Self { cx, cy, w, h }
    }

    /// The same box by two corners.
    pub fn to_corner(&self) -> CornerBox {
        CornerBox {
            x1: self.cx - 0.5 * self.w,
            y1: self.cy - 0.5 * self.h,
            x2: self.cx + 0.5 * self.w,
            y2: self.cy + 0.5 * self.h,
        }
    }
}

/// An object of a picture, as annotated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GroundTruth {
    /// As a fraction of the picture.
    pub bbox: CornerBox,
    /// 1-based; 0 is background and never appears here.
    pub class: usize,
    /// Marked as hard to recognise (Pascal VOC): left out of training, neither hit nor miss in evaluation.
    pub difficult: bool,
}

/// An object that the detector found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// As a fraction of the picture, clipped to it.
    pub bbox: CornerBox,
    /// 1-based; 0 is background and never appears here.
    pub class: usize,
    /// The softmax probability of that class, `0..=1`.
    pub score: f32,
}
