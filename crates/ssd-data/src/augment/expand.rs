//! Zooming out (paper, section 3.6): the picture is placed somewhere on a larger canvas, which makes its objects small.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::chance::happens;
use super::check::{self, AugmentError};

/// The largest `max_ratio`: the picture is then 19 pixels wide in an input of 300.
const LARGEST_RATIO: f32 = 16.0;

/// How far to zoom out, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expand {
    /// Probability of zooming out.
    pub probability: f64,
    /// Most times that the canvas may have the picture's width and height (4: 16 times the area); the least is one.
    pub max_ratio: f32,
    /// Colour of the canvas around the picture: ImageNet's mean, which normalises to about 0.
    pub fill: [u8; 3],
}

impl Default for Expand {
    fn default() -> Self {
        Self { probability: 0.5, max_ratio: 4.0, fill: [123, 117, 104] }
    }
}

/// Position of a picture on a canvas, in whole pixels, so that boxes stay exactly on their pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Columns left of the picture.
    pub left: u32,
    /// Rows above it.
    pub top: u32,
    /// Width and height of the canvas.
    pub canvas_px: (u32, u32),
}

impl Expand {
    /// A canvas of the picture's shape and a position on it; `None` if the picture stays as it is.
    pub fn draw(&self, (width, height): (u32, u32), rng: &mut Pcg64) -> Option<Placement> {
        if !happens(self.probability, rng) {
            return None;
        }
        let ratio = 1.0 + (self.max_ratio.min(LARGEST_RATIO) - 1.0).max(0.0) * rng.random::<f32>();
        let side = |pixels: u32| ((pixels as f32 * ratio) as u32).max(pixels);
        let canvas_px = (side(width), side(height));
        let left = rng.random_range(0..=canvas_px.0 - width);
        let top = rng.random_range(0..=canvas_px.1 - height);
        Some(Placement { left, top, canvas_px })
    }

    pub(super) fn check(&self) -> Result<(), AugmentError> {
        check::probability("expand.probability", self.probability)?;
        check::within("expand.max_ratio", self.max_ratio, 1.0, LARGEST_RATIO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::statistics::{assert_share, assert_uniform};
    use crate::seeded::seeded;

    #[test]
    fn half_of_the_pictures_are_placed_evenly_on_a_canvas_of_one_to_four_times_their_size() {
        let (width, height) = (5_000, 4_000);
        let rng = &mut seeded(&[31]);
        let drawn: Vec<Option<Placement>> = (0..20_000).map(|_| Expand::default().draw((width, height), rng)).collect();
        let placed: Vec<Placement> = drawn.iter().flatten().copied().collect();
        assert_share(placed.len(), drawn.len(), 0.5);

        let share = |inside: u32, room: u32| f64::from(inside) / f64::from(room.max(1));
        assert_uniform(placed.iter().map(|p| share(p.canvas_px.0, width)), 1.0, 4.0);
        assert_uniform(placed.iter().map(|p| share(p.canvas_px.1, height)), 1.0, 4.0);
        assert_uniform(placed.iter().map(|p| share(p.left, p.canvas_px.0 - width)), 0.0, 1.0);
        assert_uniform(placed.iter().map(|p| share(p.top, p.canvas_px.1 - height)), 0.0, 1.0);
        for p in placed {
            let (x, y) = (share(p.canvas_px.0, width), share(p.canvas_px.1, height));
            assert!((x - y).abs() < 1e-3, "{p:?} does not have the picture's shape");
        }
    }
}
