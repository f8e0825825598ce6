//! Zooming out (paper, section 3.6): the picture is placed somewhere on a larger canvas, which makes its objects small.

use image::{Rgb, RgbImage, imageops};
use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::happens;
use crate::data::Sample;

/// How far to zoom out, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expand {
    /// Probability of zooming out.
    pub probability: f64,
    /// The canvas has at most so many times the picture's width and height, and at least once (4: 16 times the area).
    pub max_ratio: f32,
    /// Colour of the canvas around the picture: the mean of ImageNet, which normalisation turns into about 0.
    pub fill: [u8; 3],
}

impl Default for Expand {
    fn default() -> Self {
        Self { probability: 0.5, max_ratio: 4.0, fill: [123, 117, 104] }
    }
}

/// Places a picture on a larger canvas of its own shape.
pub fn expand(sample: &mut Sample, params: &Expand, rng: &mut Pcg64) {
    if !happens(params.probability, rng) {
        return;
    }
    let ratio = 1.0 + (params.max_ratio - 1.0).max(0.0) * rng.random::<f32>();
    let (width, height) = sample.image.dimensions();
    let (canvas_width, canvas_height) = ((width as f32 * ratio) as u32, (height as f32 * ratio) as u32);
    // Whole pixels, so that the boxes lie exactly where the picture does.
    let left = rng.random_range(0..=canvas_width - width);
    let top = rng.random_range(0..=canvas_height - height);

    let mut canvas = RgbImage::from_pixel(canvas_width, canvas_height, Rgb(params.fill));
    imageops::replace(&mut canvas, &sample.image, i64::from(left), i64::from(top));
    sample.image = canvas;
    for truth in &mut sample.truths {
        let mut bbox_px = truth.bbox.scaled(width as f32, height as f32);
        bbox_px.x1 += left as f32;
        bbox_px.x2 += left as f32;
        bbox_px.y1 += top as f32;
        bbox_px.y2 += top as f32;
        truth.bbox = bbox_px.scaled(1.0 / canvas_width as f32, 1.0 / canvas_height as f32).clipped();
    }
    sample.truths.retain(|truth| truth.bbox.is_proper());
}
