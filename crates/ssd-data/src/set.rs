//! Data sets: pictures with the objects in them, and batches of both.
//!
//! What it is: one type, [`Dataset`], over a generated set and folders on disk, and the [`loader`] that turns either into
//! batches in an order that depends on the seed alone. What it is not: it changes no picture (see [`crate::augment`]) and
//! scales none (see [`ssd::preprocess`]).
//!
//! In the order in which data flows: `layout` (which format is it?) → a reader (`voc`, `coco`, `yolo`) → [`pictures`] (what
//! all have in common), or [`shapes`] → [`loader`] → [`show`], for eyes.

mod coco;
pub(crate) mod coco_json;
pub mod error;
mod files;
mod found;
mod layout;
pub mod loader;
pub mod pictures;
pub mod report;
pub mod seeded;
pub mod shapes;
pub mod show;
mod split;
mod voc;
mod voc_xml;
mod yolo;
mod yolo_labels;
mod yolo_set;
mod yolo_yaml;

#[cfg(test)]
mod fuzz;

use image::RgbImage;
use ssd::GroundTruth;

use crate::evaluation::TruthPx;

pub use error::DataError;
pub use layout::Format;
pub use loader::{Loader, LoaderConfig, Prepared};
pub use pictures::{CocoIds, Pictures};
pub use report::{LoadReport, Reason, Skipped};
pub use shapes::Shapes;

/// One picture and what is known to be in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// What to call it in messages and files: the file's stem, or the number of a generated scene.
    pub name: String,
    /// The picture, `[H, W]` pixels of 8-bit RGB.
    pub image: RgbImage,
    /// What is learned from: the objects but for crowds; a picture may have none. Boxes are fractions of the picture.
    pub truths: Vec<GroundTruth>,
    /// Width and height of the picture as it lies on disk, in pixels; augmentation leaves it as it is.
    pub size_px: (u32, u32),
    /// What is measured with: all objects, boxes in pixels of the picture on disk; augmentation leaves them as they are.
    pub truths_px: Vec<TruthPx>,
}

/// A data set of any kind, one split of it.
#[derive(Debug, Clone)]
pub enum Dataset {
    /// Generated scenes.
    Shapes(Shapes),
    /// Folders on disk.
    Pictures(Pictures),
}

impl Dataset {
    /// How many pictures.
    pub fn len(&self) -> usize {
        match self {
            Self::Shapes(shapes) => shapes.len(),
            Self::Pictures(pictures) => pictures.len(),
        }
    }

    /// Whether there is no picture; [`open`] never returns such a set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Class names without background: class `c` of a [`GroundTruth`] is `labels()[c - 1]`.
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Shapes(shapes) => shapes.labels(),
            Self::Pictures(pictures) => pictures.labels(),
        }
    }

    /// Name of picture `index`; empty past the end.
    pub fn name(&self, index: usize) -> String {
        match self {
            Self::Shapes(shapes) => shapes.name(index),
            Self::Pictures(pictures) => pictures.name(index),
        }
    }

    /// Picture `index` with its objects, read or generated now.
    ///
    /// # Errors
    /// A picture that is gone or does not decode, and an index past the end.
    pub fn get(&self, index: usize) -> Result<Sample, DataError> {
        match self {
            Self::Shapes(shapes) => shapes.get(index),
            Self::Pictures(pictures) => pictures.get(index),
        }
    }

    /// What was found on opening; none for a generated set.
    pub fn report(&self) -> Option<&LoadReport> {
        match self {
            Self::Shapes(_) => None,
            Self::Pictures(pictures) => Some(pictures.report()),
        }
    }

    /// The numbers that a COCO data set has for its pictures and classes; `None` for another.
    pub fn coco_ids(&self) -> Option<CocoIds> {
        match self {
            Self::Shapes(_) => None,
            Self::Pictures(pictures) => pictures.coco_ids(),
        }
    }

    /// Keeps the first `len` pictures only, for `--overfit`.
    pub fn truncate(&mut self, len: usize) {
        match self {
            Self::Shapes(shapes) => shapes.truncate(len),
            Self::Pictures(pictures) => pictures.truncate(len),
        }
    }
}

/// Opens what `--data` names: `shapes[:SEED[:COUNT]]`, or one or several folders (write `./shapes` for one of that name).
///
/// `split` names a part of the data set; without it a folder gives all its pictures, and the generated set its `train`. A
/// folder without any splits is divided by its pictures' names. Of several folders one without the split is passed over.
/// `labels` are the names to number classes by, as a trained model has them; without it they are those of the data, in the
/// order that [`pictures`] says.
///
/// # Errors
/// Where nothing usable is found, and where an object's class is none of `labels`. Single bad files are no error: they are
/// left out and listed in [`Dataset::report`].
pub fn open<S: AsRef<str>>(
    data: &[S],
    format: Format,
    split: Option<&str>,
    labels: Option<&[String]>,
) -> Result<Dataset, DataError> {
    let data: Vec<&str> = data.iter().map(AsRef::as_ref).collect();
    match (data.iter().find(|data| is_generated(data)), data.len()) {
        (Some(shapes), 1) => Shapes::open(shapes, split.unwrap_or("train"), labels).map(Dataset::Shapes),
        (Some(shapes), _) => Err(DataError::GeneratedBeside { given: shapes.to_string() }),
        (None, _) => {
            let found = layout::find_all(&data, format, split)?;
            Pictures::new(found, labels, &data.join(" and "), split).map(Dataset::Pictures)
        }
    }
}

/// Whether a `--data` means the generated set.
pub fn is_generated(data: &str) -> bool {
    data == "shapes" || data.starts_with("shapes:")
}
