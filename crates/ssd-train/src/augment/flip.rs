//! Left and right exchanged.

use image::imageops;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use ssd::CornerBox;

use super::happens;
use crate::data::Sample;

/// How often to exchange left and right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flip {
    /// Probability; 0 for classes that are not their own mirror image, such as text or traffic signs.
    pub probability: f64,
}

impl Default for Flip {
    fn default() -> Self {
        Self { probability: 0.5 }
    }
}

/// Mirrors a picture and its boxes.
pub fn flip(sample: &mut Sample, params: &Flip, rng: &mut Pcg64) {
    if !happens(params.probability, rng) {
        return;
    }
    imageops::flip_horizontal_in_place(&mut sample.image);
    for truth in &mut sample.truths {
        let b = truth.bbox;
        truth.bbox = CornerBox::new(1.0 - b.x2, b.y1, 1.0 - b.x1, b.y2);
    }
}
