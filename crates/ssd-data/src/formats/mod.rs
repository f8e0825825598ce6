//! Which format is it? And several data sets as one.
//!
//! What it is: looking at each path that was given, in a fixed order, and handing it to its reader. What it is not: it reads no
//! annotation. A Pascal VOC folder may hold several data sets (VOCdevkit with VOC2007 and VOC2012); all of them are opened.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::found::Found;
use super::{DataError, coco, files, voc, yolo};

/// The layout of a data set on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Look at the folder and decide.
    #[default]
    Auto,
    /// Pascal VOC: JPEGImages, Annotations (XML), ImageSets/Main; or a folder of pictures with an .xml beside each.
    Voc,
    /// COCO: a JSON with images, annotations and categories, in annotations/ or beside the pictures.
    Coco,
    /// YOLO: data.yaml or classes.txt, a .txt of lines "class cx cy w h" for each picture.
    Yolo,
}

/// One data set and its reader.
enum Part {
    Voc(voc::Root),
    Coco(PathBuf),
    Yolo(PathBuf),
}

/// The split of all data sets that `data` names. One that has no such split is passed over where another has it.
///
/// # Errors
/// A path that is not there or holds no data set, a split that none has, and what a reader cannot read at all.
pub(super) fn find_all(data: &[&str], format: Format, split: Option<&str>) -> Result<Vec<Found>, DataError> {
    let mut found = Vec::new();
    let mut notes = Vec::new();
    let mut without_split = None;
    let mut opened = HashSet::new();
    for path in data.iter().map(Path::new) {
        let place = fs::canonicalize(path).map_err(|source| DataError::Read { path: path.into(), source })?;
        if !opened.insert(place) {
            notes.push(format!("{} is named twice and taken once", path.display()));
            continue;
        }
        for part in parts(path, format)? {
            match part.open(split) {
                Ok(parts) => found.extend(parts),
                Err(error @ DataError::NoSplit { .. }) => {
                    notes.push(format!("passed over: {error}"));
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

/// The data sets that lie at a path.
fn parts(path: &Path, format: Format) -> Result<Vec<Part>, DataError> {
    let voc = || Ok::<_, DataError>(voc::roots(path)?.into_iter().map(Part::Voc).collect::<Vec<_>>());
    match format {
        Format::Auto => recognise(path),
        Format::Voc => {
            let roots = voc()?;
            if roots.is_empty() {
                let why = "give the folder that holds JPEGImages and Annotations, or one that holds VOCdevkit, or pictures with \
                           an .xml beside each";
                return Err(DataError::OtherLayout { path: path.into(), format: "Pascal VOC", why: why.into() });
            }
            Ok(roots)
        }
        Format::Coco => Ok(vec![Part::Coco(path.into())]),
        Format::Yolo => Ok(vec![Part::Yolo(path.into())]),
    }
}

/// Looks for what only one layout has, the most certain sign first.
fn recognise(path: &Path) -> Result<Vec<Part>, DataError> {
    if files::ends_in(path, &["json"]) {
        return Ok(vec![Part::Coco(path.into())]);
    }
    if files::ends_in(path, &["yaml", "yml"]) {
        return Ok(vec![Part::Yolo(path.into())]);
    }
    let unrecognised = || DataError::Unrecognised { path: path.into() };
    if !path.is_dir() {
        return Err(unrecognised());
    }
    if !voc::is_there(path) && coco::is_there(path) {
        return Ok(vec![Part::Coco(path.into())]);
    }
    if !voc::is_there(path) && yolo::is_there(path) {
        return Ok(vec![Part::Yolo(path.into())]);
    }
    let roots = voc::roots(path)?;
    if roots.is_empty() { Err(unrecognised()) } else { Ok(roots.into_iter().map(Part::Voc).collect()) }
}

impl Part {
    fn open(&self, split: Option<&str>) -> Result<Vec<Found>, DataError> {
        match self {
            Self::Voc(root) => root.open(split).map(|found| vec![found]),
            Self::Coco(path) => coco::open(path, split),
            Self::Yolo(path) => yolo::open(path, split).map(|found| vec![found]),
        }
    }
}
