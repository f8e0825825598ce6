//! Recognises the format of each path and hands it to its reader; reads no annotation itself.
//!
//! A format is a row of [`FORMATS`], which stands in the file of its reader: a new one touches that file and this list.

mod coco;
pub mod coco_json;
mod files;
pub(crate) mod found;
#[cfg(test)]
mod fuzz;
mod spec;
mod split;
pub(crate) mod voc;
mod voc_xml;
mod yolo;
mod yolo_labels;
mod yolo_set;
mod yolo_yaml;

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use self::found::Found;
use self::spec::{FormatSpec, Part};
use crate::error::DataError;

/// The formats in the order tried, the most certain to recognise first.
static FORMATS: [&FormatSpec; 3] = [&voc::FORMAT, &coco::FORMAT, &yolo::FORMAT];

/// A choice of format: one by name, or `auto`, recognised from the folder.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Format(Option<&'static FormatSpec>);

impl Format {
    /// Recognises the format from the folder.
    pub const AUTO: Self = Self(None);

    /// The name of each choice.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["auto"].into_iter().chain(FORMATS.iter().map(|format| format.name))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.map_or("auto", |format| format.name)
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// An unknown name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format {0:?}; choose one of {list}", list = Format::names().collect::<Vec<_>>().join(", "))]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        if name == Self::AUTO.name() {
            return Ok(Self::AUTO);
        }
        let named = FORMATS.into_iter().find(|format| format.name == name);
        named.map(|format| Self(Some(format))).ok_or_else(|| UnknownFormat(name.into()))
    }
}

impl TryFrom<String> for Format {
    type Error = UnknownFormat;

    fn try_from(name: String) -> Result<Self, UnknownFormat> {
        name.parse()
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        format.name().into()
    }
}

/// The split of all data sets in `data`. One without that split is skipped if another has it.
///
/// # Errors
/// A path that does not exist or holds no data set, a split that all lack, and whatever a reader cannot read at all.
pub(crate) fn find_all(data: &[&str], format: Format, split: Option<&str>) -> Result<Vec<Found>, DataError> {
    let mut found = Vec::new();
    let mut notes = Vec::new();
    let mut without_split = None;
    let mut opened = HashSet::new();
    for path in data.iter().map(Path::new) {
        let place = fs::canonicalize(path).map_err(|source| DataError::Read { path: path.into(), source })?;
        if !opened.insert(place) {
            notes.push(format!("{} is named twice and used once", path.display()));
            continue;
        }
        let parts = match format.0 {
            Some(format) => (format.parts)(path)?,
            None => recognise(path)?,
        };
        for Part(open) in parts {
            match open(split) {
                Ok(parts) => found.extend(parts),
                Err(error @ DataError::NoSplit { .. }) => {
                    notes.push(format!("skipped: {error}"));
                    without_split.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
    }
    match (found.first_mut(), without_split) {
        (None, Some(error)) => Err(error),
        (Some(first), _) => {
            first.notes.splice(0..0, notes);
            Ok(found)
        }
        (None, None) => Ok(found),
    }
}

/// The data sets at a path, by the first format that recognises any.
fn recognise(path: &Path) -> Result<Vec<Part>, DataError> {
    for format in FORMATS {
        let parts = (format.recognise)(path)?;
        if !parts.is_empty() {
            return Ok(parts);
        }
    }
    // A folder of data sets, further down: only VOC's development kit is one.
    let nested = if path.is_dir() { voc::parts_below(path)? } else { Vec::new() };
    if nested.is_empty() {
        let looked_for = FORMATS.map(|format| format.looked_for).join(", nor ");
        return Err(DataError::Unrecognised { path: path.into(), looked_for });
    }
    Ok(nested)
}
