//! What opening a data set found: how much is used, what is left out, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Most left-out files that [`LoadReport`] names.
const SHOWN: usize = 5;

/// Why something is left out, as the report counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A picture that a list or an annotation names but that is missing.
    MissingPicture,
    /// A picture whose header cannot be read, that is cut off, or that is too large to decode.
    UnreadablePicture,
    /// A picture of another size than its annotation says.
    OtherSize,
    /// An annotation that is missing though required, or unreadable; its picture is left out.
    BadAnnotation,
    /// An annotation whose picture is missing.
    MissingImage,
    /// A path that leads out of the data set's folder.
    OutsideFolder,
    /// A picture that is in the data set already.
    Duplicate,
    /// A picture that differs from a used one only in its extension, so that one annotation describes both.
    SameName,
    /// A box without width or height, or with a NaN or infinite corner.
    NoArea,
    /// A box outside its picture.
    OutsidePicture,
    /// A class number or category id without a name.
    UnknownClass,
}

impl Reason {
    /// What was left out, in words that follow a number.
    fn words(self) -> &'static str {
        match self {
            Self::MissingPicture => "named but missing pictures",
            Self::UnreadablePicture => "unreadable pictures",
            Self::OtherSize => "pictures of another size than annotated",
            Self::BadAnnotation => "pictures with a missing or unreadable annotation",
            Self::MissingImage => "annotations without a picture",
            Self::OutsideFolder => "paths outside the data set's folder",
            Self::Duplicate => "pictures listed twice",
            Self::SameName => "pictures with the name of another",
            Self::NoArea => "boxes without width or height",
            Self::OutsidePicture => "boxes outside their picture",
            Self::UnknownClass => "boxes of a class without a name",
        }
    }
}

/// A file, or a part of one, that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file at fault.
    pub path: PathBuf,
    /// The kind, for counting.
    pub reason: Reason,
    /// What is wrong, as a clause about the file.
    pub why: String,
}

impl Skipped {
    /// A file and what is wrong with it.
    pub(super) fn new(path: impl Into<PathBuf>, reason: Reason, why: impl Into<String>) -> Self {
        Self { path: path.into(), reason, why: why.into() }
    }
}

/// What opening folders found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadReport {
    /// Pictures used.
    pub images: usize,
    /// Objects in them, without crowds.
    pub boxes: usize,
    /// Crowds in them (COCO): for measuring, not for learning.
    pub crowds: usize,
    /// Pictures among them without an object. They are used, but with three negatives per positive they give none.
    pub empty_images: usize,
    /// How the data was understood, where that may surprise; a sentence each.
    pub notes: Vec<String>,
    /// Files left out, and objects left out of used files, each with the reason.
    pub skipped: Vec<Skipped>,
}

impl LoadReport {
    /// How many were left out, by reason.
    pub fn counts(&self) -> BTreeMap<Reason, usize> {
        let mut counts = BTreeMap::new();
        for skipped in &self.skipped {
            *counts.entry(skipped.reason).or_default() += 1;
        }
        counts
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} images, {} boxes, {} images without boxes", self.images, self.boxes, self.empty_images)?;
        if self.crowds > 0 {
            write!(f, ", {} crowds", self.crowds)?;
        }
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        if self.skipped.is_empty() {
            return Ok(());
        }
        let counts: Vec<String> =
            self.counts().into_iter().map(|(reason, count)| format!("{count} {}", reason.words())).collect();
        write!(f, "\nleft out: {}", counts.join(", "))?;
        for Skipped { path, why, .. } in self.skipped.iter().take(SHOWN) {
            write!(f, "\nleft out: {}: {why}", path.display())?;
        }
        let rest = self.skipped.len().saturating_sub(SHOWN);
        if rest > 0 { write!(f, "\nleft out: {rest} more") } else { Ok(()) }
    }
}
