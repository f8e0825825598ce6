//! The augmentation done naively, for tests to compare with: each link copies the whole picture.
//!
//! Draws come from the links themselves, in the same order; applying them is implemented here a second time.

use image::{Rgb, RgbImage, imageops};
use rand_pcg::Pcg64;
use ssd::{CornerBox, GroundTruth};

use super::AugmentConfig;
use super::photometric::Change;

/// The augmented picture and its objects, boxes in its pixels.
pub struct Augmented {
    pub image: RgbImage,
    pub truths_px: Vec<GroundTruth>,
}

/// Runs the chain on a picture; boxes are fractions of it.
pub fn augment(image: &RgbImage, truths: &[GroundTruth], config: &AugmentConfig, rng: &mut Pcg64) -> Augmented {
    let mut image = recolored(image, &config.photometric.draw(rng));
    let (width, height) = (image.width() as f32, image.height() as f32);
    let boxes_px = |truth: &GroundTruth| GroundTruth { bbox: truth.bbox.scaled(width, height), ..*truth };
    let mut truths_px: Vec<GroundTruth> = truths.iter().map(boxes_px).collect();

    if let Some(placement) = config.expand.draw(image.dimensions(), rng) {
        let mut canvas = RgbImage::from_pixel(placement.canvas_px.0, placement.canvas_px.1, Rgb(config.expand.fill));
        imageops::replace(&mut canvas, &image, i64::from(placement.left), i64::from(placement.top));
        image = canvas;
        let (dx, dy) = (placement.left as f32, placement.top as f32);
        for truth in &mut truths_px {
            let b = truth.bbox;
            truth.bbox = CornerBox::new(b.x1 + dx, b.y1 + dy, b.x2 + dx, b.y2 + dy);
        }
    }
    if let Some(patch) = config.crop.draw(image.dimensions(), &truths_px, rng) {
        image = imageops::crop_imm(&image, patch.x, patch.y, patch.width, patch.height).to_image();
        truths_px.retain(|truth| patch.keeps(&truth.bbox));
        let (x, y, w, h) = (patch.x as f32, patch.y as f32, patch.width as f32, patch.height as f32);
        for truth in &mut truths_px {
            let b = truth.bbox;
            truth.bbox = CornerBox::new(
                (b.x1 - x).clamp(0.0, w),
                (b.y1 - y).clamp(0.0, h),
                (b.x2 - x).clamp(0.0, w),
                (b.y2 - y).clamp(0.0, h),
            );
        }
    }
    if config.flip.draw(rng) {
        imageops::flip_horizontal_in_place(&mut image);
        let width = image.width() as f32;
        for truth in &mut truths_px {
            let b = truth.bbox;
            truth.bbox = CornerBox::new(width - b.x2, b.y1, width - b.x1, b.y2);
        }
    }
    Augmented { image, truths_px }
}

/// A recoloured picture, pixel by pixel.
fn recolored(image: &RgbImage, change: &Change) -> RgbImage {
    let mut image = image.clone();
    for pixel in image.pixels_mut() {
        let [mut r, mut g, mut b] = pixel.0.map(|v| [f32::from(v)]);
        change.apply([&mut r, &mut g, &mut b]);
        let [red, green, blue] = change.by_source_channel([&mut [0.0], &mut [1.0], &mut [2.0]]).map(|place| place[0]);
        let mut shown = [0; 3];
        for (place, value) in [(red, r), (green, g), (blue, b)] {
            shown[place as usize] = value[0] as u8;
        }
        pixel.0 = shown;
    }
    image
}
