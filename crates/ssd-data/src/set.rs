//! A data set of any kind: the generated one, or folders on disk.

use crate::error::DataError;
use crate::formats::{self, Format};
use crate::pictures::{CocoIds, Pictures};
use crate::report::LoadReport;
use crate::sample::Sample;
use crate::shapes::Shapes;

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
            let found = formats::find_all(&data, format, split)?;
            Pictures::new(found, labels, &data.join(" and "), split).map(Dataset::Pictures)
        }
    }
}

/// Whether a `--data` means the generated set.
pub fn is_generated(data: &str) -> bool {
    data == "shapes" || data.starts_with("shapes:")
}
