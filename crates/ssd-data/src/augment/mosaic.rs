//! Mosaic (Bochkovskiy, Wang and Liao, arXiv 2004.10934, section 3.4): four pictures share one input, in two rows of
//! two, so that a batch shows four times as many objects, in smaller sizes and beside strange neighbours.
//!
//! Every part shows a picture as the chain left it, but never zoomed out, since a part is smaller already. The picture
//! is cut to the part's proportions, so that nothing is stretched; objects go by the rule of [`super::crop`].

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use ssd::{CornerBox, GroundTruth};

use super::chance::{between, happens};
use super::check::{self, AugmentError};
use super::crop::Patch;

/// How often pictures are put together, and where they meet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mosaic {
    /// Probability; 0 as in the paper of SSD.
    pub probability: f64,
    /// Where the four meet, as a fraction of the input in each direction, between these.
    pub center: (f32, f32),
}

impl Default for Mosaic {
    fn default() -> Self {
        Self { probability: 0.0, center: (0.3, 0.7) }
    }
}

/// A rectangle of the network's input, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

impl Mosaic {
    /// The four parts of an input of `size` pixels a side, in random order; `None` for one picture alone.
    pub fn draw(&self, size: usize, rng: &mut Pcg64) -> Option<[Part; 4]> {
        // An input of one pixel has no four parts.
        if !happens(self.probability, rng) || size < 2 {
            return None;
        }
        let mut meet = || ((between(self.center, rng) * size as f32).round() as usize).clamp(1, size - 1);
        let (x, y) = (meet(), meet());
        let part = |(x, width), (y, height)| Part { x, y, width, height };
        let [columns, rows] = [x, y].map(|at| [(0, at), (at, size - at)]);
        let mut parts = [
            part(columns[0], rows[0]),
            part(columns[1], rows[0]),
            part(columns[0], rows[1]),
            part(columns[1], rows[1]),
        ];
        parts.shuffle(rng);
        Some(parts)
    }

    pub(super) fn check(&self) -> Result<(), AugmentError> {
        check::probability("mosaic.probability", self.probability)?;
        check::range("mosaic.center", self.center, 0.1, 0.9)
    }
}

impl Part {
    /// The whole of an input of `size` pixels a side.
    pub fn whole(size: usize) -> Self {
        Self { x: 0, y: 0, width: size, height: size }
    }

    /// The largest patch of a picture of this size that fills the part without stretching it more than the whole input
    /// would stretch the picture; anywhere in it.
    pub fn draw_patch(&self, (width, height): (u32, u32), rng: &mut Pcg64) -> Patch {
        let longer = self.width.max(self.height) as f32;
        let side = |part: usize, pixels: u32| ((part as f32 / longer * pixels as f32).round() as u32).clamp(1, pixels);
        let (patch_width, patch_height) = (side(self.width, width), side(self.height, height));
        Patch {
            x: rng.random_range(0..=width - patch_width),
            y: rng.random_range(0..=height - patch_height),
            width: patch_width,
            height: patch_height,
        }
    }

    /// An object of the part, its box a fraction of it, as one of the input of `size` pixels a side.
    pub fn placed(&self, truth: GroundTruth, size: usize) -> GroundTruth {
        let size = size as f32;
        let along = |at: f32, start: usize, extent: usize| (start as f32 + at * extent as f32) / size;
        let b = truth.bbox;
        let bbox = CornerBox::new(
            along(b.x1, self.x, self.width),
            along(b.y1, self.y, self.height),
            along(b.x2, self.x, self.width),
            along(b.y2, self.y, self.height),
        );
        GroundTruth { bbox, ..truth }
    }

    /// Copies the part's pixels `[3, H, W]` to their place in the input `[3, S, S]`.
    pub fn copy(&self, pixels: &[f32], input: &mut [f32], size: usize) {
        for (row, values) in pixels.chunks_exact(self.width).enumerate() {
            let (channel, y) = (row / self.height, self.y + row % self.height);
            input[(channel * size + y) * size + self.x..][..self.width].copy_from_slice(values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::statistics::{assert_share, assert_uniform};
    use crate::seeded::seeded;

    #[test]
    fn four_parts_fill_the_input() {
        let mosaic = Mosaic { probability: 1.0, ..Mosaic::default() };
        for (index, size) in [2, 3, 10, 301].into_iter().cycle().take(200).enumerate() {
            let parts = mosaic.draw(size, &mut seeded(&[61, index as u64])).expect("it is certain");
            let mut input = vec![0.0; 3 * size * size];
            let mut covered = 0;
            for part in parts {
                covered += part.width * part.height;
                part.copy(&vec![1.0; 3 * part.width * part.height], &mut input, size);
            }
            assert_eq!(covered, size * size, "{parts:?}");
            assert!(input.iter().all(|value| *value == 1.0), "{parts:?} leave a gap");
        }
        assert_eq!(mosaic.draw(1, &mut seeded(&[61])), None);
    }

    #[test]
    fn they_meet_evenly_between_the_bounds_and_as_often_as_asked() {
        let mosaic = Mosaic { probability: 0.25, ..Mosaic::default() };
        let rng = &mut seeded(&[62]);
        let drawn: Vec<_> = (0..20_000).map(|_| mosaic.draw(100_000, rng)).collect();
        assert_share(drawn.iter().flatten().count(), drawn.len(), 0.25);
        let meet = |parts: &[Part; 4]| parts.iter().map(|part| part.x).max().unwrap_or(0) as f64 / 1e5;
        assert_uniform(drawn.iter().flatten().map(meet), 0.3, 0.7);
        let first = |corner: (bool, bool)| {
            let here = |parts: &&[Part; 4]| (parts[0].x == 0, parts[0].y == 0) == corner;
            assert_share(drawn.iter().flatten().filter(here).count(), drawn.iter().flatten().count(), 0.25);
        };
        [(true, true), (true, false), (false, true), (false, false)].into_iter().for_each(first);
    }

    #[test]
    fn a_patch_has_the_parts_proportions_and_one_side_of_the_picture() {
        let part = Part { x: 0, y: 0, width: 60, height: 90 };
        for index in 0..50 {
            let patch = part.draw_patch((300, 120), &mut seeded(&[63, index]));
            assert_eq!((patch.width, patch.height, patch.y), (200, 120, 0));
            assert!(patch.x <= 100, "{patch:?}");
        }
        let tiny = part.draw_patch((1, 1), &mut seeded(&[63]));
        assert_eq!((tiny.width, tiny.height), (1, 1));
    }
}
