//! Data sets on disk, by the rules that all formats share and the readers of each.
//!
//! One module for each rule: `tree` finds the files, `pairs` says which annotation belongs to which picture, `paths`
//! which file a written path means, `split` what a run takes, `sizes` whether a picture is the one annotated and which
//! way up, `ids` and `values` what may stand in a JSON. `folder` joins them for formats with a file per picture.
//!
//! A format is a row of `FORMATS`, which stands in the file of its reader: a new one touches that file and this list.

mod coco;
pub mod coco_json;
mod folder;
pub(crate) mod found;
#[cfg(test)]
mod fuzz;
pub mod ids;
mod labelme;
mod pairs;
mod paths;
mod sizes;
mod spec;
pub(crate) mod split;
mod tree;
pub mod values;
mod via;
pub(crate) mod voc;
mod voc_xml;
#[cfg(test)]
mod written_tests;
mod yolo;
mod yolo_labels;
mod yolo_set;
mod yolo_yaml;

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use self::found::Found;
use self::spec::{FormatSpec, Set};
use self::split::{Ask, Splits};
use self::tree::Tree;
use crate::error::DataError;
use crate::images::is_picture;

/// The formats, the most certain to recognise first.
static FORMATS: [&FormatSpec; 5] = [&voc::FORMAT, &coco::FORMAT, &yolo::FORMAT, &labelme::FORMAT, &via::FORMAT];

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

/// What is asked for of all data sets in `data`. One without any of it is skipped if another has some.
///
/// # Errors
/// A path that does not exist or holds no data set, a split that all lack, and whatever a reader cannot read at all.
pub(crate) fn find_all(data: &[&str], format: Format, ask: Ask) -> Result<Vec<Found>, DataError> {
    let mut notes = Vec::new();
    let mut opened = HashSet::new();
    let others: HashSet<PathBuf> = match ask {
        Ask::Learn(sides) | Ask::Measure(sides) => {
            sides.other.iter().filter_map(|path| fs::canonicalize(path).ok()).collect()
        }
        Ask::All | Ask::Split(_) => HashSet::new(),
    };
    let mut sets: Vec<Set> = Vec::new();
    for path in data.iter().map(Path::new) {
        let place = fs::canonicalize(path).map_err(|source| DataError::Read { path: path.into(), source })?;
        let shared = others.is_empty() || others.contains(&place);
        if !opened.insert(place) {
            notes.push(format!("{} is named twice and used once", path.display()));
            continue;
        }
        let found = match format.0 {
            Some(format) => (format.named)(path)?,
            None => recognise(path)?,
        };
        sets.extend(found.into_iter().map(|mut set| {
            set.splits.shared = shared;
            set
        }));
    }
    let splits: Vec<Splits> = sets.iter().map(|set| set.splits.clone()).collect();
    let mut found = Vec::new();
    let mut without_split = None;
    for (set, take) in sets.iter().zip(split::plan(&splits, ask)) {
        match take {
            Ok(take) => found.extend((set.open)(&take)?.into_iter().map(settled)),
            Err(error) => {
                notes.push(format!("skipped: {error}"));
                without_split.get_or_insert(error);
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

/// With the orientation of each picture decided, and a note on those that are not whole.
fn settled(mut found: Found) -> Found {
    let pictures = found.reads.iter_mut().filter_map(|read| read.outcome.as_mut().ok());
    let note = sizes::settle(pictures.map(|picture| &mut picture.turn));
    found.notes.extend(note);
    let cut_off = found.reads.iter().filter(|read| read.outcome.as_ref().is_ok_and(|picture| picture.cut_off)).count();
    if cut_off > 0 {
        found.notes.push(format!("{cut_off} pictures end a little early; they are used, and what they lack is grey"));
    }
    found
}

/// The data sets at a path: those of the format that annotates most of its pictures, or the first of several.
fn recognise(path: &Path) -> Result<Vec<Set>, DataError> {
    if path.is_file() {
        let of_jsons = if via::looks_like(path) { &via::FORMAT } else { &coco::FORMAT };
        let by_ending: [(&[&str], &FormatSpec); 2] = [(&["json"], of_jsons), (&["yaml", "yml"], &yolo::FORMAT)];
        let format = by_ending.into_iter().find(|(endings, _)| crate::images::has_ending(path, endings));
        return format.map_or_else(|| Err(unrecognised(path, None)), |(_, format)| (format.named)(path));
    }
    let tree = Tree::of(path)?;
    let pictures = tree.files.iter().filter(|file| is_picture(file)).count();
    let mut best: Vec<Set> = Vec::new();
    for format in FORMATS {
        let sets = (format.recognise)(&tree)?;
        let annotated = |sets: &[Set]| sets.iter().map(|set| set.annotated).sum::<usize>();
        if best.is_empty() || annotated(&sets) > annotated(&best) {
            best = sets;
        }
        // The next ones are less certain.
        if !best.is_empty() && 2 * annotated(&best) >= pictures {
            break;
        }
    }
    if best.is_empty() { Err(unrecognised(path, Some(&tree))) } else { Ok(best) }
}

fn unrecognised(path: &Path, tree: Option<&Tree>) -> DataError {
    let looked_for = FORMATS.map(|format| format.looked_for).join(", nor ");
    let hint = tree.and_then(foreign).unwrap_or_default();
    DataError::Unrecognised { path: path.into(), looked_for, hint }
}

/// The words of other programs' own files, and the export to ask for.
fn foreign(tree: &Tree) -> Option<String> {
    let marks = [("\"label_config\"", "Label Studio"), ("\"vid_list\"", "VIA 3")];
    tree.ending(&["json"]).take(8).find_map(|file| {
        let [start, _] = tree::both_ends(file, 64 << 10);
        let text = String::from_utf8_lossy(&start).into_owned();
        let (_, program) = marks.iter().find(|(mark, _)| text.contains(mark))?;
        Some(format!("; {} is a project of {program}: export it as COCO or Pascal VOC", file.display()))
    })
}
