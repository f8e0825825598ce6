//! `--data shapes`: scenes drawn on demand, with exact boxes.
//!
//! A detection set of any length that needs no download, hard enough to need a detector (clutter, textures, overlap,
//! sizes from 18 to 220 of 300 pixels) and easy enough to be learned from scratch in a few thousand steps. It is no
//! benchmark: results on it compare only with each other.
//!
//! Scene `i` depends on the seed, the split and `i` alone: `backdrop` first, then the objects from back to front
//! (`objects`: `outline` is the shape, `paint` the fill), then blur and noise.

mod backdrop;
mod objects;
pub(crate) mod outline;
pub(crate) mod paint;

use image::RgbImage;
use rand::RngExt;
use rand_pcg::Pcg64;
use ssd::GroundTruth;

pub use self::objects::LABELS;
use self::objects::Seen;
use self::paint::Canvas;
use crate::boxes_px::TruthPx;
use crate::error::DataError;
use crate::sample::Sample;
use crate::seeded::seeded;

/// Width and height of the scenes of `--data shapes`, in pixels, equally likely.
pub const SIZES_PX: [(u32, u32); 4] = [(300, 300), (360, 270), (270, 360), (400, 240)];

/// Pictures in an epoch if the argument names no number.
const DEFAULT_COUNT: usize = 2_000;

/// One split of the generated set.
#[derive(Debug, Clone)]
pub struct Shapes {
    seed: u64,
    split: Split,
    count: usize,
    labels: Vec<String>,
}

/// Training and validation draw from different streams of the same seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Split {
    Train,
    Val,
}

impl Shapes {
    /// Opens `shapes[:SEED[:COUNT]]`: COUNT scenes for split `train`, a tenth of it for split `val`.
    ///
    /// # Errors
    /// An argument not of this form, another split, or labels (a trained model's) other than [`LABELS`].
    pub fn open(data: &str, split: &str, labels: Option<&[String]>) -> Result<Self, DataError> {
        let wrong = |why: String| DataError::Generated { given: data.into(), why };
        let mut parts = data.split(':').skip(1);
        let seed = match parts.next() {
            Some(text) => text.parse().map_err(|_| wrong(format!("the seed \"{text}\" is not a whole number")))?,
            None => 0,
        };
        let count: usize = match parts.next() {
            Some(text) => text.parse().map_err(|_| wrong(format!("the count \"{text}\" is not a whole number")))?,
            None => DEFAULT_COUNT,
        };
        if count == 0 {
            return Err(wrong("a set needs at least one picture".into()));
        }
        if let Some(rest) = parts.next() {
            return Err(wrong(format!("\"{rest}\" is one part too many")));
        }
        if let Some(other) = labels.filter(|labels| *labels != LABELS) {
            return Err(wrong(format!("its classes are {}, the model's are {}", LABELS.join(", "), other.join(", "))));
        }
        match split {
            "train" => Ok(Self::new(seed, Split::Train, count)),
            "val" => Ok(Self::new(seed, Split::Val, (count / 10).max(1))),
            _ => Err(DataError::NoSplit {
                path: data.into(),
                split: split.into(),
                hint: "its splits are train and val".into(),
            }),
        }
    }

    fn new(seed: u64, split: Split, count: usize) -> Self {
        Self { seed, split, count, labels: LABELS.map(String::from).to_vec() }
    }

    /// Number of scenes.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no scenes.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// [`LABELS`].
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// A name such as `train-00007`.
    pub fn name(&self, index: usize) -> String {
        match self.split {
            Split::Train => format!("train-{index:05}"),
            Split::Val => format!("val-{index:05}"),
        }
    }

    /// Draws scene `index`, in one of a few aspect ratios, since real pictures are not square either.
    ///
    /// # Errors
    /// An index past the end.
    pub fn get(&self, index: usize) -> Result<Sample, DataError> {
        if index >= self.count {
            return Err(DataError::OutOfRange { index, len: self.count });
        }
        let mut rng = seeded(&[self.seed, self.split as u64, index as u64]);
        let (width, height) = SIZES_PX[rng.random_range(0..SIZES_PX.len())];
        let (image, truths) = scene(width, height, &mut rng);
        let truths_px = truths.iter().map(|truth| TruthPx::from_normalised(truth, (width, height))).collect();
        Ok(Sample { name: self.name(index), image, truths, size_px: (width, height), truths_px })
    }

    /// Keeps only the first `len` scenes.
    pub fn truncate(&mut self, len: usize) {
        self.count = self.count.min(len);
    }
}

/// Draws one scene of any size and lists the objects in it, boxes as fractions of the picture.
///
/// Objects scale with the short side (60 pixels or more). One less than 35 % visible is drawn but not listed.
pub fn scene(width: u32, height: u32, rng: &mut Pcg64) -> (RgbImage, Vec<GroundTruth>) {
    let mut canvas = Canvas::new(width as usize, height as usize);
    backdrop::paint_ground(&mut canvas, rng);
    backdrop::paint_clutter(&mut canvas, rng);

    let mut seen: Seen = vec![0; canvas.pixels.len()];
    let objects = objects::place_objects(&canvas, rng);
    for (i, object) in objects.iter().enumerate() {
        objects::paint_object(&mut canvas, &mut seen, i, object, rng);
    }
    if rng.random_bool(0.4) {
        canvas.soften();
    }
    canvas.add_noise(rng.random_range(0.0..0.035), rng);

    let truths = objects::visible_truths(&objects, &seen, width as f32, height as f32);
    (canvas.into_image(), truths)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn open(data: &str, split: &str) -> Shapes {
        Shapes::open(data, split, None).unwrap()
    }

    #[test]
    fn a_scene_depends_on_seed_split_and_index_alone() {
        let train = open("shapes:7", "train");
        let scene = train.get(3).unwrap();
        assert_eq!(scene, open("shapes:7:10", "train").get(3).unwrap());
        for other in
            [train.get(4).unwrap(), open("shapes:8", "train").get(3).unwrap(), open("shapes:7", "val").get(3).unwrap()]
        {
            assert_ne!(scene.image, other.image);
        }
    }

    #[test]
    fn counts_and_arguments() {
        assert_eq!([open("shapes", "train").len(), open("shapes", "val").len()], [2_000, 200]);
        assert_eq!([open("shapes:1:50", "train").len(), open("shapes:1:50", "val").len()], [50, 5]);
        assert_eq!(open("shapes:1:5", "val").len(), 1);
        for wrong in ["shapes:", "shapes:x", "shapes:1:0", "shapes:1:-4", "shapes:1:2:3"] {
            assert!(Shapes::open(wrong, "train", None).is_err(), "{wrong} was accepted");
        }
        assert!(Shapes::open("shapes", "test", None).is_err());
        assert!(Shapes::open("shapes", "val", Some(&["cat".to_string()])).is_err());
        assert!(open("shapes:1:5", "train").get(5).is_err());
    }

    #[test]
    fn boxes_are_proper_inside_and_of_all_classes_and_some_scenes_are_empty() {
        let shapes = open("shapes:2:80", "train");
        let (mut of_class, mut empty) = ([0; LABELS.len() + 1], 0);
        for i in 0..shapes.len() {
            let sample = shapes.get(i).unwrap();
            empty += usize::from(sample.truths.is_empty());
            for truth in &sample.truths {
                assert!(truth.bbox.is_proper() && truth.bbox == truth.bbox.clipped(), "scene {i}: {truth:?}");
                of_class[truth.class] += 1;
            }
        }
        assert!(empty > 0 && empty < 20, "{empty} empty scenes of 80");
        assert!(of_class[0] == 0 && of_class[1..].iter().all(|count| *count > 20), "{of_class:?}");
    }
}
