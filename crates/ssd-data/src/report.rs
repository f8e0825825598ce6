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
    /// An object that is there twice.
    RepeatedBox,
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
            Self::RepeatedBox => "boxes that are there twice",
        }
    }

    /// How many pictures and boxes are lost with one of it, unless more is known.
    fn lost(self) -> (usize, usize) {
        match self {
            Self::MissingPicture
            | Self::UnreadablePicture
            | Self::OtherSize
            | Self::BadAnnotation
            | Self::OutsideFolder
            | Self::SameName => (1, 0),
            Self::NoArea | Self::OutsidePicture | Self::UnknownClass => (0, 1),
            Self::MissingImage | Self::Duplicate | Self::RepeatedBox => (0, 0),
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
    /// Pictures that are lost with it.
    pub pictures: usize,
    /// Boxes that are lost with it, as far as they can be counted.
    pub boxes: usize,
}

impl Skipped {
    /// A file and what is wrong with it.
    pub(super) fn new(path: impl Into<PathBuf>, reason: Reason, why: impl Into<String>) -> Self {
        let (pictures, boxes) = reason.lost();
        Self { path: path.into(), reason, why: why.into(), pictures, boxes }
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

    /// How much of what was found is used, in pictures and in boxes, crowds included.
    fn used(&self) -> [Used; 2] {
        let boxes = self.boxes + self.crowds;
        let lost = |count: fn(&Skipped) -> usize| self.skipped.iter().map(count).sum::<usize>();
        [
            Used { what: "pictures", used: self.images, found: self.images + lost(|skipped| skipped.pictures) },
            Used { what: "boxes", used: boxes, found: boxes + lost(|skipped| skipped.boxes) },
        ]
    }

    /// A sentence if less than nine tenths of the pictures or boxes are used.
    pub fn warning(&self) -> Option<String> {
        let few: Vec<String> = self.used().iter().filter(|used| used.is_few()).map(Used::to_string).collect();
        (!few.is_empty()).then(|| format!("warning: only {} are used; see what is left out", few.join(" and ")))
    }
}

/// A share of what was found.
struct Used {
    what: &'static str,
    used: usize,
    found: usize,
}

impl Used {
    fn is_few(&self) -> bool {
        10 * self.used < 9 * self.found
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, used, found } = self;
        // Rounded down: 100 is all of them.
        write!(f, "{used} of {found} {what} ({}%)", 100 * used / (*found).max(1))
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
        if rest > 0 {
            write!(f, "\nleft out: {rest} more")?;
        }
        let [pictures, boxes] = self.used();
        write!(f, "\nused: {pictures}, {boxes}")?;
        self.warning().map_or(Ok(()), |warning| write!(f, "\n{warning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_what_share_is_used_and_warns_of_less_than_nine_tenths() {
        let lost = |count, reason, boxes| vec![Skipped { boxes, ..Skipped::new("a", reason, "why") }; count];
        let report = |skipped| LoadReport { images: 9, boxes: 40, skipped, ..LoadReport::default() };
        let text = report(lost(1, Reason::OtherSize, 4)).to_string();
        assert!(text.ends_with("used: 9 of 10 pictures (90%), 40 of 44 boxes (90%)"), "{text}");
        let text = report(lost(2, Reason::OtherSize, 0)).to_string();
        assert!(text.ends_with("warning: only 9 of 11 pictures (81%) are used; see what is left out"), "{text}");
        let text = report(lost(3, Reason::RepeatedBox, 0)).to_string();
        assert!(text.contains("3 boxes that are there twice") && text.ends_with("40 of 40 boxes (100%)"), "{text}");
        assert!(!report(Vec::new()).to_string().contains("used"));
    }
}
