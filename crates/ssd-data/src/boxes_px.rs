//! Boxes in pixels of the source picture, as annotations and COCO files have them: corner and size, in `f64`.
//!
//! Not the boxes that the network learns and predicts: those are fractions of the picture, in `f32` ([`ssd::boxes`]).

use ssd::{CornerBox, GroundTruth};

/// A box by its upper left corner and its size, in pixels of the source picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct XywhPx {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl XywhPx {
    /// From corners given as fractions of a picture of `width` by `height` pixels.
    pub fn from_normalised(bbox: CornerBox, width: u32, height: u32) -> Self {
        let (sx, sy) = (f64::from(width), f64::from(height));
        let [x1, y1, x2, y2] = [bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(f64::from);
        Self { x: x1 * sx, y: y1 * sy, w: (x2 - x1) * sx, h: (y2 - y1) * sy }
    }

    /// Area in square pixels.
    pub fn area(&self) -> f64 {
        self.w * self.h
    }

    /// Area of the overlap; 0 for disjoint boxes.
    pub fn intersection_area(&self, other: &Self) -> f64 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        if w > 0.0 && h > 0.0 { w * h } else { 0.0 }
    }

    /// Intersection over union; 0 if neither has an area. Unlike VOC's own code, adds no pixel to widths and heights.
    pub fn iou(&self, other: &Self) -> f64 {
        let intersection = self.intersection_area(other);
        let union = self.area() + other.area() - intersection;
        if union > 0.0 { intersection / union } else { 0.0 }
    }
}

/// A ground-truth object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruthPx {
    /// Class number, 1-based.
    pub class: usize,
    /// Its box.
    pub bbox_px: XywhPx,
    /// The annotation's area in square pixels (COCO: the outline's); decides between small, medium and large.
    pub area_px: f64,
    /// Marked difficult (Pascal VOC): neither a hit nor a miss.
    pub difficult: bool,
    /// A crowd (COCO `iscrowd`): may hold any number of detections, none of which counts.
    pub crowd: bool,
}

impl TruthPx {
    /// From an object in a picture of `width` by `height` pixels; its area is the box's.
    pub fn from_normalised(truth: &GroundTruth, (width, height): (u32, u32)) -> Self {
        let bbox_px = XywhPx::from_normalised(truth.bbox, width, height);
        Self { class: truth.class, bbox_px, area_px: bbox_px.area(), difficult: truth.difficult, crowd: false }
    }
}
