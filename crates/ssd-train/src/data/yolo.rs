//! YOLO: a text file of boxes for each picture, and the names of the classes in `data.yaml`, `classes.txt` or `obj.names`.
//!
//! Where the pictures of a split are: as `data.yaml` says; else in a list `train.txt`, in `images/train`, `train/images` or
//! `train`; else the set has no splits, and its pictures are those below `images`, those in the folder itself, or, where there
//! are only labels, those of the one folder beside it that has pictures of the same names. Where the labels of a picture are:
//! `images` in its path replaced by `labels`; else beside the picture; else in the set's folder `labels`.
//!
//! A picture without a label file is used as one without objects. Classes go by their index.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::pictures::{Found, Object, Picture, Read, placed};
use super::report::{Reason, Skipped};
use super::yolo_labels::{self, Line};
use super::yolo_yaml::{self, Description};
use super::{DataError, files, split};
use crate::evaluation::XywhPx;
use crate::images::EXTENSIONS;

/// Names of the file that describes a set; another `.yaml` is taken where it is the only one with names.
const DESCRIPTIONS: [&str; 3] = ["data.yaml", "data.yml", "dataset.yaml"];

/// Files with the names of classes, one a line.
const NAME_LISTS: [&str; 4] = ["classes.txt", "obj.names", "classes.names", "labels/classes.txt"];

/// Longer lists of pictures are refused; a million paths have some 50 MB.
const MAX_LIST_BYTES: u64 = 256 << 20;

/// Pictures that are looked at to tell whether labels belong to a folder.
const TRIED: usize = 100;

/// A data set, before its labels are read.
struct Set {
    /// Where relative paths start from.
    root: PathBuf,
    names: BTreeMap<usize, Arc<str>>,
    /// Folders and lists of each split.
    splits: BTreeMap<String, Vec<PathBuf>>,
    /// The folder of all pictures, where there are no splits.
    undivided: Option<PathBuf>,
    notes: Vec<String>,
}

/// A picture and its label file, where there is one.
struct Entry {
    picture: PathBuf,
    label: Option<PathBuf>,
}

/// Whether a folder has names for classes as YOLO has them.
pub(super) fn is_there(folder: &Path) -> bool {
    let beside_xml = || !files::files_ending(folder, &["xml"]).is_empty();
    description_in(folder).is_some() || (name_list_in(folder).is_some() && !beside_xml())
}

/// Reads a split; without one all pictures.
///
/// # Errors
/// A set without names for its classes or without pictures, a split that is not there, and pictures none of which has labels.
pub(super) fn open(path: &Path, split: Option<&str>) -> Result<Found, DataError> {
    let set = Set::find(path)?;
    let mut found = Found { notes: set.notes.clone(), ..Found::default() };
    let (pictures, whole) = set.pictures(split, &mut found)?;
    let mut entries: Vec<Entry> = pictures.into_par_iter().map(|picture| set.entry(picture)).collect();
    if entries.iter().all(|entry| entry.label.is_none()) {
        let example = entries.first().map(|entry| entry.picture.display().to_string());
        let why = match example {
            None => "there are no pictures; put them into images/, with the labels in labels/".into(),
            Some(example) => format!(
                "none of {} pictures has labels ({example}, say); they have to lie in labels/ where the pictures lie in images/, or \
                 beside each picture",
                entries.len()
            ),
        };
        return Err(DataError::OtherLayout { path: path.into(), format: "YOLO", why });
    }
    found.skipped.extend(set.labels_without_picture(&entries, whole));
    if let (Some(split), true) = (split, set.splits.is_empty()) {
        let (part, note) = split::divide(entries, split, path, |entry| files::stem(&entry.picture))?;
        entries = part;
        found.notes.push(note);
    }
    found.reads = entries.into_par_iter().map(|entry| set.read(entry)).collect();
    let mut labels: Vec<String> = Vec::new();
    for (index, name) in &set.names {
        if labels.iter().any(|label| **label == **name) {
            found
                .notes
                .push(format!("class {index} has the name \"{name}\" of one before it, and is taken as the same"));
        } else {
            labels.push(name.to_string());
        }
    }
    found.names = Some(labels);
    Ok(found)
}

/// The file that describes the set in a folder.
fn description_in(folder: &Path) -> Option<PathBuf> {
    let named = DESCRIPTIONS.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    named.or_else(|| {
        let fitting =
            files::files_ending(folder, &["yaml", "yml"]).into_iter().filter(|path| yolo_yaml::read(path).is_ok());
        let fitting: Vec<PathBuf> = fitting.collect();
        fitting.first().filter(|_| fitting.len() == 1).cloned()
    })
}

/// The list of class names in a folder.
fn name_list_in(folder: &Path) -> Option<PathBuf> {
    NAME_LISTS.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

impl Set {
    /// Finds out what lies at a path: a folder or a description.
    fn find(path: &Path) -> Result<Self, DataError> {
        let unfit = |path: &Path, why| DataError::Description { path: path.into(), why };
        let description = if path.is_file() { Some(path.to_path_buf()) } else { description_in(path) };
        let mut set = if let Some(file) = description {
            let description = yolo_yaml::read(&file)
                .map_err(|why| unfit(&file, format!("{why}; write names, train and val into it")))?;
            Self::described(&file, description)?
        } else if let Some(list) = name_list_in(path) {
            let names = yolo_labels::read_names(&list)
                .map_err(|why| unfit(&list, format!("{why}; write the name of each class into a line of it")))?;
            let named = names.into_iter().enumerate().filter(|(_, name)| !name.is_empty());
            let names = named.map(|(index, name)| (index, Arc::from(name))).collect();
            Self { root: path.into(), names, splits: BTreeMap::new(), undivided: None, notes: Vec::new() }
        } else {
            let why = "there is no data.yaml, classes.txt or obj.names in it, which say what the class numbers mean; write one";
            return Err(DataError::OtherLayout { path: path.into(), format: "YOLO", why: why.into() });
        };
        if set.splits.is_empty() {
            set.look_for_pictures();
        }
        Ok(set)
    }

    /// A set as its description has it.
    fn described(file: &Path, description: Description) -> Result<Self, DataError> {
        let beside = file.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut notes = Vec::new();
        let mut root = beside.clone();
        if let Some(path) = description.path {
            // Joining an absolute path gives that path.
            if beside.join(&path).is_dir() {
                root = beside.join(&path);
            } else {
                notes.push(format!(
                    "{} names the path {path}, which is not there; its own folder is taken",
                    file.display()
                ));
            }
        }
        let place = |text: &String| {
            // Exports of one platform say `../train/images` and mean the folder of the description.
            let without = text.trim_start_matches("../");
            let candidates = [root.join(text), beside.join(text), beside.join(without)];
            candidates.iter().find(|path| path.exists()).unwrap_or(&candidates[0]).clone()
        };
        let splits = description.splits.iter().map(|(name, texts)| (name.clone(), texts.iter().map(place).collect()));
        let splits = splits.collect();
        let names = description.names.into_iter().map(|(index, name)| (index, Arc::from(name.trim()))).collect();
        Ok(Self { root, names, splits, undivided: None, notes })
    }

    /// Looks for splits, and where there are none for the pictures.
    fn look_for_pictures(&mut self) {
        let images = self.root.join("images");
        for list in files::files_ending(&self.root, &["txt"]) {
            let is_list = || files::first_line(&list).is_some_and(|line| files::ends_in(Path::new(&line), &EXTENSIONS));
            if split::is_split(&files::stem(&list)) && is_list() {
                self.splits.insert(files::stem(&list), vec![list]);
            }
        }
        for folder in files::subfolders(&images).into_iter().chain(files::subfolders(&self.root)) {
            let name = files::file_name(&folder);
            let inner = folder.join("images");
            let pictures = [inner, folder].into_iter().find(|folder| files::has_pictures(folder));
            if let Some(pictures) = pictures.filter(|_| split::is_split(&name)) {
                self.splits.entry(name).or_insert_with(|| vec![pictures]);
            }
        }
        if !self.splits.is_empty() {
            return;
        }
        self.undivided = if !files::pictures_below(&images).is_empty() {
            Some(images)
        } else if files::has_pictures(&self.root) {
            Some(self.root.clone())
        } else {
            self.pictures_beside()
        };
    }

    /// The one folder beside the set that has pictures of the labels' names.
    fn pictures_beside(&mut self) -> Option<PathBuf> {
        let labels = files::files_ending(&self.root.join("labels"), &["txt"]);
        let labelled: BTreeSet<String> = labels.iter().map(|file| files::stem(file)).collect();
        let place = fs::canonicalize(&self.root).ok()?;
        let fits = |folder: &PathBuf| {
            let pictures = files::pictures_in(folder);
            *folder != place && pictures.iter().take(TRIED).any(|picture| labelled.contains(&files::stem(picture)))
        };
        let fitting: Vec<PathBuf> = files::subfolders(place.parent()?).into_iter().filter(fits).collect();
        let [folder] = &fitting[..] else { return None };
        self.notes.push(format!("{} has no pictures, those in {} are taken", self.root.display(), folder.display()));
        Some(folder.clone())
    }

    /// The pictures of a split, each once, and whether these are all pictures of the set.
    fn pictures(&self, split: Option<&str>, found: &mut Found) -> Result<(Vec<PathBuf>, bool), DataError> {
        let names: Vec<&str> = self.splits.keys().map(String::as_str).collect();
        let wanted: Vec<&str> = match split {
            None => names,
            Some(_) if names.is_empty() => Vec::new(),
            Some(split) => vec![split::find(&names, split).ok_or_else(|| split::none_of(&self.root, split, &names))?],
        };
        let mut places: Vec<&PathBuf> = self.undivided.iter().collect();
        for name in wanted {
            for place in &self.splits[name] {
                if place.exists() {
                    places.push(place);
                } else if split.is_some() {
                    let why = format!(
                        "it is given as the place of {name}, and is not there; correct it in the data set's yaml"
                    );
                    return Err(DataError::Description { path: place.clone(), why });
                } else {
                    found.notes.push(format!("{}, given as the place of {name}, is not there", place.display()));
                }
            }
        }
        let mut pictures = Vec::new();
        for place in places {
            if place.is_dir() && Some(place) == self.undivided.as_ref() && *place == self.root {
                pictures.extend(files::pictures_in(place));
            } else if place.is_dir() {
                pictures.extend(files::pictures_below(place));
            } else if files::ends_in(place, &["txt"]) {
                pictures.extend(listed(place)?);
            } else {
                pictures.push(place.clone());
            }
        }
        let mut seen = BTreeSet::new();
        pictures.retain(|picture| {
            let new = seen.insert(picture.clone());
            if !new {
                found.skipped.push(Skipped::new(picture, Reason::Duplicate, "it is listed twice"));
            }
            new
        });
        Ok((pictures, split.is_none() || self.splits.is_empty()))
    }

    /// A picture with its label file: the first that is there.
    fn entry(&self, picture: PathBuf) -> Entry {
        let label = self.label_places(&picture).into_iter().find(|path| path.is_file());
        Entry { picture, label }
    }

    /// Where the labels of a picture may lie.
    fn label_places(&self, picture: &Path) -> Vec<PathBuf> {
        let file = PathBuf::from(format!("{}.txt", files::stem(picture)));
        let folder = picture.parent().unwrap_or(Path::new(""));
        let flat = self.root.join("labels");
        let of_split = flat.join(files::file_name(folder));
        let folders = mirrored(folder).into_iter().chain([folder.into(), of_split, flat]);
        folders.map(|folder| folder.join(&file)).collect()
    }

    /// The label files whose picture is gone, in the folders in which labels were found. Labels of all splits in one folder are
    /// looked at only where the pictures are all there are.
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
                // Beside pictures there are other texts: lists, a readme.
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
        let size_px =
            files::picture_size(picture).map_err(|why| Skipped::new(picture, Reason::UnreadablePicture, why))?;
        let mut objects = Vec::with_capacity(lines.len());
        for (line, number) in lines.into_iter().zip(1..) {
            match self.object(line, size_px) {
                Ok(object) => objects.push(object),
                Err((reason, why)) => {
                    rejected.push(Skipped::new(label.unwrap_or(picture), reason, format!("object {number}: {why}")));
                }
            }
        }
        Ok(Picture { path: picture.into(), size_px, objects, coco_id: None })
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

/// The folder with the last `images` in it replaced by `labels`.
fn mirrored(folder: &Path) -> Option<PathBuf> {
    let parts: Vec<&OsStr> = folder.iter().collect();
    let place = parts.iter().rposition(|part| *part == "images")?;
    Some(parts.iter().enumerate().map(|(i, part)| if i == place { OsStr::new("labels") } else { part }).collect())
}

/// The pictures that a list names, one a line: absolute, from the list's folder, or from the one above it by the folder's old
/// name (`data/obj_train_data/a.jpg`).
fn listed(list: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |why: String| DataError::Description { path: list.into(), why: format!("{why}; mend or replace it") };
    let text = files::read_text(list, MAX_LIST_BYTES).map_err(failed)?;
    let folder = list.parent().unwrap_or(Path::new(""));
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let picture = |line: &str| {
        let path: PathBuf = folder.join(line.strip_prefix("./").unwrap_or(line));
        let shorter = line.split_once('/').map(|(_, rest)| folder.join(rest));
        if path.is_file() { path } else { shorter.filter(|path| path.is_file()).unwrap_or(path) }
    };
    Ok(lines.map(picture).collect())
}

#[cfg(test)]
#[path = "yolo_tests.rs"]
mod tests;
