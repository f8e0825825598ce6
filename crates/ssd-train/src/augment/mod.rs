//! Augmentation: each picture is learned from in a new guise every epoch.
//!
//! What it is: the chain of the paper (section 2.2, "Data augmentation", and section 3.6 for the expansion), each link with
//! its parameters: [`photometric`] → [`expand`] → [`crop`] → [`flip`]. What it is not: it does not scale to the size of the
//! network, see [`ssd::preprocess`].
//!
//! Where the paper is silent the values are those of its authors' Caffe code; where the hue's range differs between
//! implementations (18 or 36 degrees) it is the narrower one. Boxes stay fractions of the picture at every step.

pub mod crop;
pub mod expand;
pub mod flip;
pub mod photometric;

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::data::Sample;

pub use crop::Crop;
pub use expand::Expand;
pub use flip::Flip;
pub use photometric::Photometric;

/// Parameters of the whole chain; the default is the paper's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Changes of light and colour.
    pub photometric: Photometric,
    /// Zooming out, which makes small objects.
    pub expand: Expand,
    /// Zooming in, which makes large and cut objects.
    pub crop: Crop,
    /// Left and right exchanged.
    pub flip: Flip,
}

/// Runs a picture and its boxes through the chain. Objects whose centre is cropped away are gone from the result.
pub fn augment(sample: &mut Sample, config: &AugmentConfig, rng: &mut Pcg64) {
    photometric::photometric(sample, &config.photometric, rng);
    expand::expand(sample, &config.expand, rng);
    crop::crop(sample, &config.crop, rng);
    flip::flip(sample, &config.flip, rng);
}

/// Whether something of a probability happens. Unlike `random_bool` it takes any number, as a hand-written `config.json` may.
fn happens(probability: f64, rng: &mut Pcg64) -> bool {
    rng.random::<f64>() < probability
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

    use image::{Rgb, RgbImage};
    use ssd::{CornerBox, GroundTruth};

    use super::*;
    use crate::data::seeded::seeded;

    /// A black picture with two painted boxes, the colour of each saying which.
    fn marked() -> Sample {
        let (width, height) = (200, 160);
        let boxes = [([20, 30, 70, 90], Rgb([255, 0, 0])), ([110, 50, 190, 150], Rgb([0, 255, 0]))];
        let mut image = RgbImage::new(width, height);
        let mut truths = Vec::new();
        for (i, ([x1, y1, x2, y2], color)) in boxes.into_iter().enumerate() {
            for (x, y) in (y1..y2).flat_map(|y| (x1..x2).map(move |x| (x, y))) {
                image.put_pixel(x, y, color);
            }
            let bbox_px = CornerBox::new(x1 as f32, y1 as f32, x2 as f32, y2 as f32);
            let bbox = bbox_px.scaled(1.0 / width as f32, 1.0 / height as f32);
            truths.push(GroundTruth { bbox, class: i + 1, difficult: i == 1 });
        }
        Sample { name: "marked".into(), image, truths, ..Sample::default() }
    }

    /// The tight box around the pixels of a class's colour.
    fn found(image: &RgbImage, class: usize) -> Option<CornerBox> {
        let pixels = image.enumerate_pixels().filter(|(_, _, p)| {
            let others = 3 - (class - 1) - 2;
            p[class - 1] > 100 && p[others] < 100 && p[2] < 100
        });
        pixels.fold(None, |b, (x, y, _)| {
            let (x1, y1) = (x as f32, y as f32);
            let b = b.unwrap_or(CornerBox::new(x1, y1, x1, y1));
            Some(CornerBox::new(b.x1.min(x1), b.y1.min(y1), b.x2.max(x1 + 1.0), b.y2.max(y1 + 1.0)))
        })
    }

    #[test]
    fn boxes_stay_on_their_pixels() {
        // Light and colour stay as they are, so that the marks can be found again.
        let config = AugmentConfig { photometric: Photometric::none(), ..AugmentConfig::default() };
        let mut kept = 0;
        for index in 0..300 {
            let mut sample = marked();
            augment(&mut sample, &config, &mut seeded(&[1, index]));
            let (width, height) = (sample.image.width() as f32, sample.image.height() as f32);
            for truth in &sample.truths {
                assert!(truth.bbox.is_proper(), "{index}: {truth:?}");
                assert_eq!(truth.bbox, truth.bbox.clipped(), "{index}: outside the picture");
                assert_eq!(truth.difficult, truth.class == 2, "{index}: the flag has moved to another object");
                let bbox_px = truth.bbox.scaled(width, height);
                let pixels = found(&sample.image, truth.class).unwrap();
                for (a, b) in
                    [(bbox_px.x1, pixels.x1), (bbox_px.y1, pixels.y1), (bbox_px.x2, pixels.x2), (bbox_px.y2, pixels.y2)]
                {
                    assert!((a - b).abs() < 0.01, "{index}: box {bbox_px:?}, pixels {pixels:?}");
                }
                kept += 1;
            }
        }
        assert!(kept > 300, "only {kept} boxes of 600 were kept: the crop throws away too much");
    }

    #[test]
    fn same_seed_gives_same_picture_and_another_seed_another() {
        let run = |seed| {
            let mut sample = marked();
            augment(&mut sample, &AugmentConfig::default(), &mut seeded(&[seed]));
            sample
        };
        assert_eq!(run(3), run(3));
        assert!((0..10).any(|seed| run(seed) != run(3)));
    }

    #[test]
    fn a_picture_without_objects_goes_through() {
        for index in 0..50 {
            let mut sample = marked();
            sample.truths.clear();
            augment(&mut sample, &AugmentConfig::default(), &mut seeded(&[2, index]));
            assert!(sample.image.width() > 0 && sample.image.height() > 0 && sample.truths.is_empty());
        }
    }
}
