//! Data sets: pictures with the objects in them, and batches of both.
//!
//! What it is: one type, [`Dataset`], over a generated set and folders on disk, and the [`loader`] that turns either into
//! batches in an order that depends on the seed alone. What it is not: it changes no picture (see [`crate::augment`]) and
//! scales none (see [`ssd::preprocess`]).
//!
//! In the order in which data flows: [`shapes`] or [`voc`] → [`loader`] → [`show`], for eyes.

pub mod error;
pub mod loader;
pub mod seeded;
pub mod shapes;
pub mod show;
pub mod voc;
mod voc_xml;

use std::path::Path;

use image::RgbImage;
use ssd::GroundTruth;

pub use error::DataError;
pub use loader::{Loader, LoaderConfig, Prepared};
pub use shapes::Shapes;
pub use voc::{LoadReport, Voc};

/// One picture and what is known to be in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What to call it in messages and files: the file's stem, or the number of a generated scene.
    pub name: String,
    /// The picture, `[H, W]` pixels of 8-bit RGB.
    pub image: RgbImage,
    /// The objects; a picture may have none. Boxes are fractions of the picture.
    pub truths: Vec<GroundTruth>,
}

/// The layout of a data set on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Look at the folder and decide.
    #[default]
    Auto,
    /// Pascal VOC: JPEGImages, Annotations (XML), ImageSets/Main.
    Voc,
    /// COCO JSON (not built yet).
    Coco,
    /// YOLO text files (not built yet).
    Yolo,
}

/// A data set of any kind, one split of it.
#[derive(Debug, Clone)]
pub enum Dataset {
    /// Generated scenes.
    Shapes(Shapes),
    /// A Pascal VOC folder.
    Voc(Voc),
}

impl Dataset {
    /// How many pictures.
    pub fn len(&self) -> usize {
        match self {
            Self::Shapes(shapes) => shapes.len(),
            Self::Voc(voc) => voc.len(),
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
            Self::Voc(voc) => voc.labels(),
        }
    }

    /// Name of picture `index`; empty past the end.
    pub fn name(&self, index: usize) -> String {
        match self {
            Self::Shapes(shapes) => shapes.name(index),
            Self::Voc(voc) => voc.name(index),
        }
    }

    /// Picture `index` with its objects, read or generated now.
    ///
    /// # Errors
    /// A picture that is gone or does not decode, and an index past the end.
    pub fn get(&self, index: usize) -> Result<Sample, DataError> {
        match self {
            Self::Shapes(shapes) => shapes.get(index),
            Self::Voc(voc) => voc.get(index),
        }
    }

    /// What was found on opening; none for a generated set.
    pub fn report(&self) -> Option<&LoadReport> {
        match self {
            Self::Shapes(_) => None,
            Self::Voc(voc) => Some(voc.report()),
        }
    }

    /// Keeps the first `len` pictures only, for `--overfit`.
    pub fn truncate(&mut self, len: usize) {
        match self {
            Self::Shapes(shapes) => shapes.truncate(len),
            Self::Voc(voc) => voc.truncate(len),
        }
    }
}

/// Opens what `--data` names: `shapes[:SEED[:COUNT]]`, or a folder (write `./shapes` for one of that name).
///
/// `split` names a list of the data set; without it a folder gives all its pictures, and the generated set its `train`.
/// `labels` are the names to number classes by, as a trained model has them; without it they are collected from the data.
///
/// # Errors
/// Where nothing usable is found, and where an object's class is none of `labels`. Single bad files are no error: they are
/// left out and listed in [`Dataset::report`].
pub fn open(data: &str, format: Format, split: Option<&str>, labels: Option<&[String]>) -> Result<Dataset, DataError> {
    if data == "shapes" || data.starts_with("shapes:") {
        return Shapes::open(data, split.unwrap_or("train"), labels).map(Dataset::Shapes);
    }
    let path = Path::new(data);
    match format {
        Format::Auto | Format::Voc => Voc::open(path, split, labels).map(Dataset::Voc),
        Format::Coco => Err(DataError::NotBuilt { path: path.into(), format: "COCO" }),
        Format::Yolo => Err(DataError::NotBuilt { path: path.into(), format: "YOLO" }),
    }
}
