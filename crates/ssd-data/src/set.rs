//! A data set of any kind: generated, or folders on disk.

use crate::error::DataError;
use crate::formats::split::Ask;
use crate::formats::{self, Format};
use crate::pictures::{CocoIds, Pictures};
use crate::report::LoadReport;
use crate::sample::Sample;
use crate::shapes::Shapes;

/// One split of a data set.
#[derive(Debug, Clone)]
pub enum Dataset {
    /// Generated scenes.
    Shapes(Shapes),
    /// Folders on disk.
    Pictures(Pictures),
}

impl Dataset {
    /// Number of pictures.
    pub fn len(&self) -> usize {
        match self {
            Self::Shapes(shapes) => shapes.len(),
            Self::Pictures(pictures) => pictures.len(),
        }
    }

    /// Whether there are no pictures; [`open`] never returns such a set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Class names without background: class `c` of a [`ssd::GroundTruth`] is `labels()[c - 1]`.
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

    /// Picture `index` with its objects, read or generated on demand.
    ///
    /// # Errors
    /// A picture that has gone or does not decode; an index past the end.
    pub fn get(&self, index: usize) -> Result<Sample, DataError> {
        match self {
            Self::Shapes(shapes) => shapes.get(index),
            Self::Pictures(pictures) => pictures.get(index),
        }
    }

    /// What opening found; `None` for a generated set.
    pub fn report(&self) -> Option<&LoadReport> {
        match self {
            Self::Shapes(_) => None,
            Self::Pictures(pictures) => Some(pictures.report()),
        }
    }

    /// A COCO data set's own numbers for its pictures and classes; `None` for others.
    pub fn coco_ids(&self) -> Option<CocoIds> {
        match self {
            Self::Shapes(_) => None,
            Self::Pictures(pictures) => pictures.coco_ids(),
        }
    }

    /// Keeps only the first `len` pictures, for `--overfit`.
    pub fn truncate(&mut self, len: usize) {
        match self {
            Self::Shapes(shapes) => shapes.truncate(len),
            Self::Pictures(pictures) => pictures.truncate(len),
        }
    }
}

/// Opens what `--data` names: `shapes[:SEED[:COUNT]]`, or one or more folders (write `./shapes` for one of that name).
///
/// `ask` is what to take: a split by its name, all pictures for `None`, of which the generated set gives its `train`,
/// or one side of a run. Where one folder without splits has to serve both sides, it is divided by the names of its
/// pictures; of several folders, one without that split is skipped. `labels` are a trained model's, by which classes
/// are numbered; without them the data's own are used, in the order given in [`crate::pictures`].
///
/// # Errors
/// Nothing usable; a class that is not among `labels`. Single bad files are no error: they are left out and listed in
/// [`Dataset::report`].
pub fn open<'a, S: AsRef<str>>(
    data: &[S],
    format: Format,
    ask: impl Into<Ask<'a>>,
    labels: Option<&[String]>,
) -> Result<Dataset, DataError> {
    let ask = ask.into();
    let data: Vec<&str> = data.iter().map(AsRef::as_ref).collect();
    match (data.iter().find(|data| is_generated(data)), data.len()) {
        (Some(shapes), 1) => Shapes::open(shapes, ask.name().unwrap_or("train"), labels).map(Dataset::Shapes),
        (Some(shapes), _) => Err(DataError::GeneratedBeside { given: shapes.to_string() }),
        (None, _) => {
            let found = formats::find_all(&data, format, ask)?;
            Pictures::new(found, labels, &data.join(" and "), ask.name()).map(Dataset::Pictures)
        }
    }
}

/// Whether a `--data` value means the generated set.
pub fn is_generated(data: &str) -> bool {
    data == "shapes" || data.starts_with("shapes:")
}
