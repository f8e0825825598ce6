//! YOLO: a text file of boxes for each picture, and the class names in `data.yaml`, `classes.txt` or `obj.names`.
//!
//! The pictures of a split are where `data.yaml` says; else in a list `train.txt`, in `images/train`, `train/images` or
//! `train`; else the set has no splits, and its pictures are those below `images`, those in the folder itself, or, if
//! it holds only labels, those of the one folder beside it with pictures of the same names. The labels of a picture are
//! at its path with `images` replaced by `labels`; else beside the picture; else in the set's folder `labels`.
//!
//! A picture without a label file is used as one without objects. Classes are ordered by their index.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::files::Header;
use super::found::{Found, Object, Picture, Read, placed};
use super::spec::{FormatSpec, Part};
use super::yolo_labels::{self, Line};
use super::yolo_set::{self, Set};
use super::{files, split};
use crate::boxes_px::XywhPx;
use crate::error::DataError;
use crate::report::{Reason, Skipped};

/// A picture and its label file, if any.
struct Entry {
    picture: PathBuf,
    label: Option<PathBuf>,
}

/// YOLO, as a row of the table of formats.
pub(super) static FORMAT: FormatSpec = FormatSpec {
    name: "yolo",
    looked_for: "a data.yaml, classes.txt or obj.names (YOLO)",
    recognise: |path| {
        let is_yolo = files::ends_in(path, &["yaml", "yml"]) || path.is_dir() && yolo_set::is_there(path);
        Ok(if is_yolo { vec![part(path)] } else { Vec::new() })
    },
    parts: |path| Ok(vec![part(path)]),
};

fn part(path: &Path) -> Part {
    let path = path.to_path_buf();
    Part(Box::new(move |split| open(&path, split).map(|found| vec![found])))
}

/// Reads a split, or all pictures without one.
///
/// # Errors
/// A set without class names or pictures, a missing split, or pictures without any labels.
fn open(path: &Path, split: Option<&str>) -> Result<Found, DataError> {
    let set = Set::find(path)?;
    let mut found = Found { notes: set.notes.clone(), ..Found::default() };
    let (pictures, whole) = set.pictures(split, &mut found)?;
    let mut entries: Vec<Entry> = pictures.into_par_iter().map(|picture| set.entry(picture)).collect();
    if entries.iter().all(|entry| entry.label.is_none()) {
        let example = entries.first().map(|entry| entry.picture.display().to_string());
        let why = match example {
            None => "there are no pictures; put them into images/, with the labels in labels/".into(),
            Some(example) => format!(
                "none of {} pictures has labels (for example {example}); they have to be in labels/ if the pictures \
                 are in images/, or beside each picture",
                entries.len()
            ),
        };
        return Err(DataError::OtherLayout { path: path.into(), format: "YOLO", why });
    }
    found.skipped.extend(set.labels_without_picture(&entries, whole));
    if let (Some(split), true) = (split, set.is_undivided()) {
        let (part, note) = split::divide(entries, split, path, |entry| files::stem(&entry.picture))?;
        entries = part;
        found.notes.push(note);
    }
    found.reads = entries.into_par_iter().map(|entry| set.read(entry)).collect();
    let mut labels: Vec<String> = Vec::new();
    for (index, name) in &set.names {
        if labels.iter().any(|label| **label == **name) {
            let note = format!("class {index} has the name \"{name}\" of an earlier one, and is merged with it");
            found.notes.push(note);
        } else {
            labels.push(name.to_string());
        }
    }
    found.names = Some(labels);
    Ok(found)
}

impl Set {
    /// A picture with the first label file found for it.
    fn entry(&self, picture: PathBuf) -> Entry {
        let label = self.label_places(&picture).into_iter().find(|path| path.is_file());
        Entry { picture, label }
    }

    /// Where the labels of a picture may be.
    fn label_places(&self, picture: &Path) -> Vec<PathBuf> {
        let file = PathBuf::from(format!("{}.txt", files::stem(picture)));
        let folder = picture.parent().unwrap_or(Path::new(""));
        let flat = self.root.join("labels");
        let of_split = flat.join(files::file_name(folder));
        let folders = mirrored(folder).into_iter().chain([folder.into(), of_split, flat]);
        folders.map(|folder| folder.join(&file)).collect()
    }

    /// The label files whose picture is missing, in the folders where labels were found. A folder with the labels of
    /// all splits is checked only if all pictures are read.
    fn labels_without_picture(&self, entries: &[Entry], whole: bool) -> Vec<Skipped> {
        let mut folders: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for entry in entries {
            if let Some(labels) = entry.label.as_deref().and_then(Path::parent) {
                folders.entry(labels).or_default().extend(entry.picture.parent());
            }
        }
        let mut gone = Vec::new();
        for (labels, pictures) in folders {
            let certain =
                pictures.iter().all(|folder| *folder == labels || mirrored(folder).as_deref() == Some(labels));
            if !(whole || certain) {
                continue;
            }
            let there: BTreeSet<String> =
                pictures.iter().flat_map(|folder| files::pictures_in(folder)).map(|file| files::stem(&file)).collect();
            for file in files::files_ending(labels, &["txt"]) {
                // Other texts may lie beside pictures: lists, a readme.
                let is_label = || yolo_labels::read_lines(&file).is_ok_and(|lines| !lines.is_empty());
                if !there.contains(&files::stem(&file)) && is_label() {
                    gone.push(Skipped::new(file, Reason::MissingImage, "there is no picture of this name"));
                }
            }
        }
        gone
    }

    /// Reads the labels and the header of a picture.
    fn read(&self, entry: Entry) -> Read {
        let Entry { picture, label } = entry;
        let name = files::stem(&picture);
        let mut rejected = Vec::new();
        let outcome = self.picture_with_objects(&picture, label.as_deref(), &mut rejected);
        Read { name, annotation: label.unwrap_or(picture), outcome, rejected }
    }

    fn picture_with_objects(
        &self,
        picture: &Path,
        label: Option<&Path>,
        rejected: &mut Vec<Skipped>,
    ) -> Result<Picture, Skipped> {
        if !picture.is_file() {
            return Err(Skipped::new(picture, Reason::MissingPicture, "there is no such picture"));
        }
        let lines = match label {
            Some(label) => yolo_labels::read_lines(label)
                .map_err(|why| Skipped::new(label, Reason::BadAnnotation, format!("{why}; its picture is left out")))?,
            None => Vec::new(),
        };
        let Header { size_px, turned } =
            files::picture_header(picture).map_err(|why| Skipped::new(picture, Reason::UnreadablePicture, why))?;
        let mut objects = Vec::with_capacity(lines.len());
        for (line, number) in lines.into_iter().zip(1..) {
            match self.object(line, size_px) {
                Ok(object) => objects.push(object),
                Err((reason, why)) => {
                    rejected.push(Skipped::new(label.unwrap_or(picture), reason, format!("object {number}: {why}")));
                }
            }
        }
        Ok(Picture { path: picture.into(), size_px, turned, objects, coco_id: None })
    }

    /// A line as an object, or why it cannot be used.
    fn object(&self, line: Line, size_px: (u32, u32)) -> Result<Object, (Reason, String)> {
        let Some(class) = self.names.get(&line.class) else {
            return Err((Reason::UnknownClass, format!("class {} has no name", line.class)));
        };
        let (width, height) = (f64::from(size_px.0), f64::from(size_px.1));
        let [x1, y1, x2, y2] = line.edges;
        let bbox_px = XywhPx { x: x1 * width, y: y1 * height, w: (x2 - x1) * width, h: (y2 - y1) * height };
        let bbox_px = placed(class, bbox_px, size_px)?;
        Ok(Object { class: class.clone(), bbox_px, area_px: bbox_px.area(), difficult: false, crowd: false })
    }
}

/// The folder with its last `images` replaced by `labels`.
fn mirrored(folder: &Path) -> Option<PathBuf> {
    let parts: Vec<&OsStr> = folder.iter().collect();
    let place = parts.iter().rposition(|part| *part == "images")?;
    Some(parts.iter().enumerate().map(|(i, part)| if i == place { OsStr::new("labels") } else { part }).collect())
}

#[cfg(test)]
#[path = "yolo_tests.rs"]
mod tests;
