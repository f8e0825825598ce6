//! Zooming in (paper, section 2.2): a patch of the picture that overlaps at least one object by a minimum IoU.
//!
//! One choice is drawn for each picture: the whole picture, or a patch with one of the minimum IoUs. *Any* object has
//! to reach it, not all; an object is kept if its centre is inside the patch, and its box is clipped.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use ssd::{CornerBox, GroundTruth};

use super::chance::between;
use super::check::{self, AugmentError};

/// Choices drawn for one picture before it is left whole.
const MAX_CHOICES: usize = 70;

/// Limits of the settings: at less than a hundredth a patch has few pixels; trials take time.
const SMALLEST_SCALE: f32 = 0.01;
const MOST_TRIALS: f32 = 1_000.0;

/// How patches are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crop {
    /// Minimum IoUs of the patch with an object, to choose from; the whole picture is one more, equally likely choice.
    pub min_ious: Vec<f32>,
    /// Side of the patch relative to the picture, before the aspect ratio: the square root of its share of the area.
    /// The paper says 0.1 to 1, its code 0.3 to 1; the published results are the code's.
    pub scale: (f32, f32),
    /// Aspect ratio of the patch, relative to the picture's.
    pub aspect_ratio: (f32, f32),
    /// Patches tried for one choice before another is drawn.
    pub trials: usize,
}

impl Default for Crop {
    fn default() -> Self {
        Self { min_ious: vec![0.0, 0.1, 0.3, 0.5, 0.7, 0.9], scale: (0.3, 1.0), aspect_ratio: (0.5, 2.0), trials: 50 }
    }
}

impl Crop {
    /// Always the whole picture.
    pub fn none() -> Self {
        Self { min_ious: Vec::new(), ..Self::default() }
    }
}

/// A patch in whole pixels of the picture, so that boxes stay exactly on their pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Crop {
    /// A patch of a picture of this size with these objects, boxes in its pixels; `None` for the whole picture.
    pub fn draw(&self, size_px: (u32, u32), truths_px: &[GroundTruth], rng: &mut Pcg64) -> Option<Patch> {
        // A choice that cannot be met (IoU 0.9 with a small object) gives way to another. The whole picture is drawn
        // sooner or later; the bound is in case it is not.
        for _ in 0..MAX_CHOICES {
            let min_iou = self.draw_min_iou(rng)?;
            for _ in 0..self.trials {
                let patch = self.draw_patch(size_px, rng);
                if patch.suits(truths_px, min_iou) {
                    return Some(patch);
                }
            }
        }
        None
    }

    /// One of the minimum IoUs; `None` for the whole picture.
    fn draw_min_iou(&self, rng: &mut Pcg64) -> Option<f32> {
        let choice = rng.random_range(0..=self.min_ious.len());
        self.min_ious.get(choice).copied()
    }

    /// A patch anywhere in the picture, of a scale and an aspect ratio that fit.
    fn draw_patch(&self, (width, height): (u32, u32), rng: &mut Pcg64) -> Patch {
        let scale = between(self.scale, rng);
        let widest = self.aspect_ratio.1.min(1.0 / (scale * scale));
        let narrowest = self.aspect_ratio.0.max(scale * scale);
        let aspect_ratio = between((narrowest, widest), rng).sqrt();

        let side = |share: f32, pixels: u32| ((share * pixels as f32).round() as u32).clamp(1, pixels);
        let patch_width = side(scale * aspect_ratio, width);
        let patch_height = side(scale / aspect_ratio, height);
        Patch {
            x: rng.random_range(0..=width - patch_width),
            y: rng.random_range(0..=height - patch_height),
            width: patch_width,
            height: patch_height,
        }
    }

    pub(super) fn check(&self) -> Result<(), AugmentError> {
        for min_iou in &self.min_ious {
            check::within("crop.min_ious", *min_iou, 0.0, 1.0)?;
        }
        check::range("crop.scale", self.scale, SMALLEST_SCALE, 1.0)?;
        // Around 1, so that at any scale some ratio fits into the picture.
        check::within("crop.aspect_ratio", self.aspect_ratio.0, SMALLEST_SCALE, 1.0)?;
        check::within("crop.aspect_ratio", self.aspect_ratio.1, 1.0, 1.0 / SMALLEST_SCALE)?;
        check::within("crop.trials", self.trials as f32, 1.0, MOST_TRIALS)
    }
}

impl Patch {
    /// The patch as a box, in pixels of the picture.
    fn bbox_px(&self) -> CornerBox {
        let (x1, y1) = (self.x as f32, self.y as f32);
        CornerBox::new(x1, y1, x1 + self.width as f32, y1 + self.height as f32)
    }

    /// Whether one object is overlapped enough and one is kept. Without objects, any patch will do.
    fn suits(&self, truths_px: &[GroundTruth], min_iou: f32) -> bool {
        let patch_px = self.bbox_px();
        let reached = || truths_px.iter().any(|truth| truth.bbox.iou(&patch_px) >= min_iou);
        truths_px.is_empty() || (reached() && truths_px.iter().any(|truth| self.keeps(&truth.bbox)))
    }

    /// Whether an object is kept: its centre is inside.
    pub fn keeps(&self, bbox_px: &CornerBox) -> bool {
        let (patch_px, center_px) = (self.bbox_px(), bbox_px.to_center());
        (patch_px.x1..patch_px.x2).contains(&center_px.cx)
            && (patch_px.y1..patch_px.y2).contains(&center_px.cy)
            && bbox_px.intersection(&patch_px).is_proper()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::augment::statistics::{assert_share, assert_uniform};
    use crate::seeded::seeded;

    const SIZE_PX: (u32, u32) = (320, 240);

    fn truths_px() -> Vec<GroundTruth> {
        let truth = |x1, y1, x2, y2| GroundTruth { bbox: CornerBox::new(x1, y1, x2, y2), class: 1, difficult: false };
        vec![truth(32.0, 24.0, 96.0, 84.0), truth(48.0, 24.0, 304.0, 228.0)]
    }

    #[test]
    fn patches_keep_to_the_least_overlap_the_scale_and_the_aspect_ratio() {
        for min_iou in [0.0, 0.1, 0.3, 0.5, 0.7, 0.9] {
            let params = Crop { min_ious: vec![min_iou], ..Crop::default() };
            let mut found = 0;
            for index in 0..200 {
                let Some(patch) = params.draw(SIZE_PX, &truths_px(), &mut seeded(&[index])) else { continue };
                found += 1;
                let (w, h) = (patch.width as f32 / 320.0, patch.height as f32 / 240.0);
                assert!((0.29..=1.01).contains(&(w * h).sqrt()), "scale of {patch:?}");
                assert!((0.48..=2.05).contains(&(w / h)), "aspect ratio of {patch:?}");
                assert!(patch.x + patch.width <= 320 && patch.y + patch.height <= 240, "{patch:?} leaves the picture");

                let best = truths_px().iter().map(|t| t.bbox.iou(&patch.bbox_px())).fold(0.0, f32::max);
                assert!(best >= min_iou, "{patch:?} overlaps by {best}, less than {min_iou}");
                assert!(truths_px().iter().any(|t| patch.keeps(&t.bbox)), "{patch:?} loses all objects");
            }
            assert!(found > 15, "{found} patches of 200 at IoU {min_iou}");
        }
    }

    #[test]
    fn an_object_stays_where_its_centre_is_inside() {
        let patch = Patch { x: 10, y: 20, width: 30, height: 40 };
        let around = |cx: f32, cy: f32| CornerBox::new(cx - 6.0, cy - 6.0, cx + 6.0, cy + 6.0);
        for (cx, cy, stays) in [
            (10.0, 20.0, true),
            (9.5, 30.0, false),
            (39.5, 59.5, true),
            (40.0, 30.0, false),
            (20.0, 60.0, false),
            (20.0, 19.5, false),
        ] {
            assert_eq!(patch.keeps(&around(cx, cy)), stays, "centre {cx}, {cy}");
        }
        assert!(!patch.keeps(&CornerBox::new(20.0, 30.0, 20.0, 40.0)), "a box without width");
    }

    #[test]
    fn one_object_overlapped_enough_is_enough() {
        // The patch is the first object's box and has little in common with the second.
        let patch = Patch { x: 32, y: 24, width: 64, height: 60 };
        assert!(patch.suits(&truths_px(), 1.0));
        assert!(!patch.suits(&truths_px()[1..], 0.1), "its centre is outside");
        assert!(patch.suits(&[], 1.0));
    }

    #[test]
    fn each_choice_is_as_likely_as_the_whole_picture() {
        let params = Crop::default();
        let rng = &mut seeded(&[51]);
        let drawn: Vec<Option<f32>> = (0..14_000).map(|_| params.draw_min_iou(rng)).collect();
        for choice in [None, Some(0.0), Some(0.1), Some(0.3), Some(0.5), Some(0.7), Some(0.9)] {
            assert_share(drawn.iter().filter(|drawn| **drawn == choice).count(), drawn.len(), 1.0 / 7.0);
        }
        let whole = (0..2_000).filter(|&i| params.draw(SIZE_PX, &truths_px(), &mut seeded(&[9, i])).is_none()).count();
        // One in seven is 286; choices that cannot be met add some of their share.
        assert!((220..480).contains(&whole), "{whole} of 2000");
        assert!(Crop::none().draw(SIZE_PX, &truths_px(), rng).is_none());
    }

    #[test]
    fn scale_aspect_ratio_and_place_are_uniform() {
        // Large, so that rounding to whole pixels is negligible.
        let (width, height) = (40_000, 30_000);
        let rng = &mut seeded(&[52]);
        let patches: Vec<Patch> = (0..10_000).map(|_| Crop::default().draw_patch((width, height), rng)).collect();
        let sides = |p: &Patch| (f64::from(p.width) / f64::from(width), f64::from(p.height) / f64::from(height));
        assert_uniform(patches.iter().map(|p| (sides(p).0 * sides(p).1).sqrt()), 0.3, 1.0);

        // At each scale the ratio is uniform between the bounds that fit. Near scale 1 only one ratio does.
        let ratios = patches.iter().filter_map(|p| {
            let (w, h) = sides(p);
            let (narrowest, widest) = ((w * h).max(0.5), (1.0 / (w * h)).min(2.0));
            (widest - narrowest > 0.1).then(|| (w / h - narrowest) / (widest - narrowest))
        });
        assert_uniform(ratios, 0.0, 1.0);

        let place = |offset: u32, room: u32| (room > 100).then(|| f64::from(offset) / f64::from(room));
        assert_uniform(patches.iter().filter_map(|p| place(p.x, width - p.width)), 0.0, 1.0);
        assert_uniform(patches.iter().filter_map(|p| place(p.y, height - p.height)), 0.0, 1.0);
    }
}
