//! What expanding, cropping and flipping leave of a picture, as one window over it.
//!
//! The size of the augmented picture, where the source's pixels lie in it, and its objects. The augmented picture
//! itself is never made: [`View::pixels`] lets the resize read through the window. A canvas of sixteen times the
//! picture's area would cost more than everything else, and the resize reads few of its pixels: one in five where 1600
//! x 1200 become 300 x 300. Nothing is drawn at random here (see [`super::expand`], [`super::crop`], [`super::flip`]).
//!
//! The window lies on whole pixels, so that boxes stay exactly on theirs.

use image::RgbImage;
use ssd::preprocess::{Normalization, resize_rows};
use ssd::{CornerBox, GroundTruth};

use super::crop::Patch;
use super::expand::Placement;
use super::photometric::Change;

/// A window over a source picture, and the objects in it.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Width and height of the source, in pixels.
    source_px: (u32, u32),
    /// Left and upper edge in source pixels; negative where the view begins outside the source.
    origin_px: (i64, i64),
    /// Width and height of the view, in pixels as large as the source's.
    size_px: (u32, u32),
    /// Whether left and right are mirrored.
    mirrored: bool,
    /// Colour outside the source.
    fill: [u8; 3],
    /// The objects, boxes in pixels of the view.
    pub truths_px: Vec<GroundTruth>,
}

impl View {
    /// The whole of a picture; boxes are fractions of it.
    pub fn whole((width, height): (u32, u32), truths: &[GroundTruth]) -> Self {
        let to_px =
            |truth: &GroundTruth| GroundTruth { bbox: truth.bbox.scaled(width as f32, height as f32), ..*truth };
        Self {
            source_px: (width, height),
            origin_px: (0, 0),
            size_px: (width, height),
            mirrored: false,
            fill: [0; 3],
            truths_px: truths.iter().map(to_px).collect(),
        }
    }

    /// Width and height, in pixels as large as the source's.
    pub fn size_px(&self) -> (u32, u32) {
        self.size_px
    }

    /// Places the current view on a larger canvas.
    pub fn expand(&mut self, placement: Placement, fill: [u8; 3]) {
        self.fill = fill;
        self.move_to((-i64::from(placement.left), -i64::from(placement.top)), placement.canvas_px);
        for truth in &mut self.truths_px {
            truth.bbox = shifted(truth.bbox, placement.left as f32, placement.top as f32);
        }
    }

    /// Narrows the view to a patch. Objects with their centre inside are kept, boxes clipped.
    pub fn crop(&mut self, patch: Patch) {
        self.move_to((i64::from(patch.x), i64::from(patch.y)), (patch.width, patch.height));
        let (width, height) = (patch.width as f32, patch.height as f32);
        self.truths_px.retain(|truth| patch.keeps(&truth.bbox));
        for truth in &mut self.truths_px {
            let moved = shifted(truth.bbox, -(patch.x as f32), -(patch.y as f32));
            truth.bbox = moved.intersection(&CornerBox::new(0.0, 0.0, width, height));
        }
    }

    /// Mirrors left and right.
    pub fn flip(&mut self) {
        self.mirrored = !self.mirrored;
        let width = self.size_px.0 as f32;
        for truth in &mut self.truths_px {
            let b = truth.bbox;
            truth.bbox = CornerBox::new(width - b.x2, b.y1, width - b.x1, b.y2);
        }
    }

    /// The objects, boxes as fractions of the view, inside it.
    pub fn truths(&self) -> impl Iterator<Item = GroundTruth> {
        let (sx, sy) = (1.0 / self.size_px.0 as f32, 1.0 / self.size_px.1 as f32);
        self.truths_px.iter().map(move |truth| GroundTruth { bbox: truth.bbox.scaled(sx, sy).clipped(), ..*truth })
    }

    /// The view as a part of the network's input of this width and height, `[3, H, W]`: the source's pixels recoloured,
    /// the fill around them as it is.
    ///
    /// Equal to the bit to resizing a copy of the view, but only pixels that the resize reads are touched.
    ///
    /// # Panics
    /// If `source` is smaller than the picture that the view was made for.
    pub fn pixels(
        &self,
        source: &RgbImage,
        change: &Change,
        part_px: (usize, usize),
        normalization: &Normalization,
    ) -> Vec<f32> {
        let (width, height) = (self.source_px.0 as usize, self.source_px.1 as usize);
        let bytes = source.as_raw();
        let size_px = (self.size_px.0 as usize, self.size_px.1 as usize);
        resize_rows(size_px, part_px, normalization, |y, columns, mut planes| {
            for (plane, value) in planes.iter_mut().zip(self.fill) {
                plane.fill(f32::from(value));
            }
            let source_y = usize::try_from(y as i64 + self.origin_px.1).ok().filter(|y| *y < height);
            let Some(row) = source_y.map(|y| &bytes[y * width * 3..][..width * 3]) else { return };

            let start = self.source_start_x();
            let first = columns.partition_point(|x| (*x as i64) < start);
            let last = columns.partition_point(|x| (*x as i64) < start + width as i64);
            let [red, green, blue] = change.by_source_channel(planes).map(|plane| &mut plane[first..last]);
            for (((x, r), g), b) in columns[first..last].iter().zip(&mut *red).zip(&mut *green).zip(&mut *blue) {
                let offset = (*x as i64 - start) as usize;
                let source_x = if self.mirrored { width - 1 - offset } else { offset };
                let pixel = &row[source_x * 3..][..3];
                (*r, *g, *b) = (f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2]));
            }
            change.apply([red, green, blue]);
        })
    }

    /// Where the source's pixels begin in the view, along x.
    fn source_start_x(&self) -> i64 {
        if self.mirrored {
            i64::from(self.size_px.0) + self.origin_px.0 - i64::from(self.source_px.0)
        } else {
            -self.origin_px.0
        }
    }

    /// Moves the window's upper left corner by a vector in the view's pixels, and resizes it.
    fn move_to(&mut self, (dx, dy): (i64, i64), size_px: (u32, u32)) {
        // Left in a mirrored view is right in the source.
        let mirrored_dx = i64::from(self.size_px.0) - dx - i64::from(size_px.0);
        self.origin_px.0 += if self.mirrored { mirrored_dx } else { dx };
        self.origin_px.1 += dy;
        self.size_px = size_px;
    }
}

fn shifted(bbox_px: CornerBox, dx: f32, dy: f32) -> CornerBox {
    CornerBox::new(bbox_px.x1 + dx, bbox_px.y1 + dy, bbox_px.x2 + dx, bbox_px.y2 + dy)
}
