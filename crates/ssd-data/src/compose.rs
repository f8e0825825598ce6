//! One input of the network: a picture as it is, or augmented, or several put together.
//!
//! What is drawn depends on seed, epoch and position alone: each picture has a generator of its own, and so has the
//! choice of pictures that join it.

use rand::RngExt;
use rand_pcg::Pcg64;
use ssd::GroundTruth;
use ssd::preprocess::{Preprocess, preprocess_rgb};

use crate::augment::{AugmentConfig, Augmentation, mixup};
use crate::boxes_px::TruthPx;
use crate::error::DataError;
use crate::sample::Sample;
use crate::seeded::seeded;

/// Streams of the seed: what is done to pictures, and which ones come together, must not share random numbers.
const AUGMENT: u64 = 2;
const COMPOSE: u64 = 3;

/// One picture as the network sees it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prepared {
    /// `[3, S, S]`, normalised.
    pub pixels: Vec<f32>,
    /// The objects left after augmentation, those marked `difficult` included; boxes are fractions of the picture.
    pub truths: Vec<GroundTruth>,
    /// The sample's name; of several put together, the first one's.
    pub name: String,
    /// Width and height in pixels of the picture that its annotation refers to.
    pub size_px: (u32, u32),
    /// For measuring: the objects before augmentation, crowds included, in its pixels.
    pub truths_px: Vec<TruthPx>,
}

impl Prepared {
    /// A picture that is only scaled.
    pub fn unchanged(sample: Sample, spec: &Preprocess) -> Self {
        let Sample { name, image, truths, size_px, truths_px } = sample;
        let (width, height) = image.dimensions();
        let pixels = preprocess_rgb(image.as_raw(), width as usize, height as usize, spec);
        Self { pixels, truths, name, size_px, truths_px }
    }
}

/// Pixels `[3, S, S]`, and the objects in them.
type Input = (Vec<f32>, Vec<GroundTruth>);

/// Makes one augmented input.
pub struct Composer<'a, G> {
    /// Reads a picture by its index, below `len`.
    get: G,
    len: usize,
    augment: &'a AugmentConfig,
    spec: &'a Preprocess,
    /// Seed, epoch and position.
    place: [u64; 3],
    /// Decides which pictures come together, and how.
    dice: Pcg64,
    /// Pictures augmented so far.
    done: u64,
}

impl<'a, G: Fn(usize) -> Result<Sample, DataError>> Composer<'a, G> {
    /// For the input at a place: seed, epoch and position. Pictures that join it are among the `len` that `get` reads.
    pub fn new(get: G, len: usize, augment: &'a AugmentConfig, spec: &'a Preprocess, place: [u64; 3]) -> Self {
        let [seed, epoch, position] = place;
        Self { get, len, augment, spec, place, dice: seeded(&[seed, COMPOSE, epoch, position]), done: 0 }
    }

    /// The input that begins with `sample`.
    ///
    /// # Errors
    /// A picture to join it that cannot be read.
    pub fn prepared(mut self, sample: Sample) -> Result<Prepared, DataError> {
        let (mut pixels, mut truths) = self.scene(&sample)?;
        if let Some(share) = self.augment.mixup.draw(&mut self.dice) {
            let other = self.other()?;
            let (others_pixels, others_truths) = self.scene(&other)?;
            mixup::mix(&mut pixels, &others_pixels, share);
            truths.extend(others_truths);
        }
        let Sample { name, size_px, truths_px, .. } = sample;
        Ok(Prepared { pixels, truths, name, size_px, truths_px })
    }

    /// A picture alone, or in a mosaic with three others.
    fn scene(&mut self, first: &Sample) -> Result<Input, DataError> {
        let size = self.spec.input_size;
        let Some(parts) = self.augment.mosaic.draw(size, &mut self.dice) else {
            let mut rng = self.next_generator();
            let drawn = Augmentation::draw(first.image.dimensions(), &first.truths, self.augment, &mut rng);
            return Ok((drawn.pixels(&first.image, self.spec), drawn.truths(size)));
        };
        let (mut pixels, mut truths) = (vec![0.0; 3 * size * size], Vec::new());
        for (index, part) in parts.into_iter().enumerate() {
            let other = if index == 0 { None } else { Some(self.other()?) };
            let sample = other.as_ref().unwrap_or(first);
            let mut rng = self.next_generator();
            let (size_px, objects) = (sample.image.dimensions(), &sample.truths);
            let drawn = Augmentation::draw_part(part, size_px, objects, self.augment, &mut rng);
            part.copy(&drawn.pixels(&sample.image, self.spec), &mut pixels, size);
            truths.extend(drawn.truths(size));
        }
        Ok((pixels, truths))
    }

    /// Any picture of the data set, the first one again among them.
    fn other(&mut self) -> Result<Sample, DataError> {
        (self.get)(self.dice.random_range(0..self.len.max(1)))
    }

    /// The generator of the next picture to augment. That of the first depends on its place alone.
    fn next_generator(&mut self) -> Pcg64 {
        let [seed, epoch, position] = self.place;
        let place = [seed, AUGMENT, epoch, position, self.done];
        self.done += 1;
        if place[4] == 0 { seeded(&place[..4]) } else { seeded(&place) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use image::RgbImage;
    use ssd::preprocess::Normalization;

    use super::*;
    use crate::augment::tests::{found, marked};
    use crate::augment::{Mixup, Mosaic, Photometric};

    const SIZE: usize = 300;

    fn spec() -> Preprocess {
        Preprocess { input_size: SIZE, normalization: Normalization::CAFFE }
    }

    fn picture(name: &str, (image, truths): (RgbImage, Vec<GroundTruth>)) -> Sample {
        Sample { name: name.into(), image, truths, ..Sample::default() }
    }

    /// An input whose first picture has two marks; others are black.
    fn composed(augment: &AugmentConfig, place: u64) -> Prepared {
        let black = |_| Ok(picture("black", (RgbImage::new(90, 120), Vec::new())));
        let spec = spec();
        Composer::new(black, 9, augment, &spec, [0, 0, place]).prepared(picture("marked", marked())).unwrap()
    }

    /// Without normalisation: `[3, S, S]` of `0..=255`.
    fn planes(pixels: &[f32]) -> Vec<f32> {
        let mean = spec().normalization.mean;
        (0..3).flat_map(|c| pixels[c * SIZE * SIZE..][..SIZE * SIZE].iter().map(move |v| v + mean[c])).collect()
    }

    /// How many boxes are on their pixels; fails if one is not.
    fn on_their_pixels(prepared: &Prepared, what: &str) -> usize {
        let planes = planes(&prepared.pixels);
        for truth in &prepared.truths {
            let bbox_px = truth.bbox.scaled(SIZE as f32, SIZE as f32);
            assert!(bbox_px.width() >= 1.0 && bbox_px.height() >= 1.0, "{what}: {bbox_px:?}");
            let found = found(&planes, SIZE, truth.class).unwrap();
            // The edge of a mark lies between the centres of two input pixels.
            let off = [bbox_px.x1 - found.x1, bbox_px.y1 - found.y1, bbox_px.x2 - found.x2, bbox_px.y2 - found.y2];
            assert!(off.iter().all(|d| d.abs() < 1.0), "{what}: box {bbox_px:?}, pixels {found:?}");
        }
        prepared.truths.len()
    }

    /// No photometric changes, so that the marks can be found again.
    fn colours_kept() -> AugmentConfig {
        AugmentConfig { photometric: Photometric::none(), ..AugmentConfig::default() }
    }

    #[test]
    fn boxes_stay_on_their_pixels_up_to_the_network_s_input() {
        let plain = Prepared::unchanged(picture("marked", marked()), &spec());
        assert_eq!(on_their_pixels(&plain, "unchanged"), 2);
        let seen: usize =
            (0..150).map(|place| on_their_pixels(&composed(&colours_kept(), place), &place.to_string())).sum();
        assert!(seen > 150, "{seen} boxes of 300");
    }

    #[test]
    fn boxes_stay_on_their_pixels_in_a_mosaic() {
        let augment = AugmentConfig { mosaic: Mosaic { probability: 1.0, ..Mosaic::default() }, ..colours_kept() };
        let (mut seen, mut corners) = (0, [0; 4]);
        for place in 0..200 {
            let prepared = composed(&augment, place);
            seen += on_their_pixels(&prepared, &format!("mosaic {place}"));
            for truth in &prepared.truths {
                let center = truth.bbox.to_center();
                corners[usize::from(center.cx > 0.5) + 2 * usize::from(center.cy > 0.5)] += 1;
            }
            assert_eq!(prepared.name, "marked");
        }
        assert!(seen > 150, "{seen} boxes of 400");
        assert!(corners.iter().all(|count| *count > 10), "the first picture is in every corner: {corners:?}");
    }

    #[test]
    fn all_four_pictures_of_a_mosaic_bring_their_objects() {
        let mosaic = Mosaic { probability: 1.0, ..Mosaic::default() };
        let augment = AugmentConfig { crop: crate::augment::Crop::none(), mosaic, ..colours_kept() };
        let get = |_| Ok(picture("other", marked()));
        let spec = spec();
        let count = |place| {
            let composer = Composer::new(get, 3, &augment, &spec, [7, 1, place]);
            composer.prepared(picture("first", marked())).unwrap().truths.len()
        };
        let counts: Vec<usize> = (0..40).map(count).collect();
        assert!(counts.iter().any(|count| *count > 4) && counts.iter().all(|count| *count <= 8), "{counts:?}");
    }

    #[test]
    fn mixed_pictures_bring_the_objects_of_both() {
        let alone = AugmentConfig { crop: crate::augment::Crop::none(), ..colours_kept() };
        let mixup = Mixup { probability: 1.0, share: (0.75, 0.75) };
        let mixed = AugmentConfig { mixup, ..alone.clone() };
        for place in 0..20 {
            let (one, with_black) = (composed(&alone, place), composed(&mixed, place));
            assert_eq!(one.truths, with_black.truths, "nothing is on a black picture");
            for (one, mixed) in planes(&one.pixels).into_iter().zip(planes(&with_black.pixels)) {
                // The second is black, or the colour around it where it was zoomed out.
                assert!(mixed + 1e-3 >= one * 0.75 && mixed <= one * 0.75 + 0.25 * 123.0 + 1e-3, "{mixed} of {one}");
            }
            let spec = spec();
            let both = Composer::new(|_| Ok(picture("other", marked())), 3, &mixed, &spec, [0, 0, place]);
            assert_eq!(both.prepared(picture("marked", marked())).unwrap().truths.len(), 4);
        }
    }

    #[test]
    fn the_same_place_gives_the_same_input_and_another_place_another() {
        let mosaic = Mosaic { probability: 0.5, ..Mosaic::default() };
        let augment = AugmentConfig { mosaic, mixup: Mixup { probability: 0.5, ..Mixup::default() }, ..colours_kept() };
        let run = |place| composed(&augment, place);
        assert_eq!(run(3), run(3));
        assert!((0..10).any(|place| run(place).pixels != run(3).pixels));
    }

    #[test]
    fn a_picture_that_cannot_be_read_is_told() {
        let augment = AugmentConfig { mosaic: Mosaic { probability: 1.0, ..Mosaic::default() }, ..colours_kept() };
        let gone = |index| Err(DataError::OutOfRange { index, len: 0 });
        let spec = spec();
        assert!(Composer::new(gone, 5, &augment, &spec, [0; 3]).prepared(picture("marked", marked())).is_err());
    }
}
