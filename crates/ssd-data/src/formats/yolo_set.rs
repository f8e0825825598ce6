//! What a YOLO data set consists of: its class names, its splits, and the pictures of each.
//!
//! Reads no labels and opens no picture; [`super::yolo`] describes where things are looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::found::Found;
use super::yolo_yaml::{self, Description};
use super::{files, split, yolo_labels};
use crate::error::DataError;
use crate::images::EXTENSIONS;
use crate::report::{Reason, Skipped};

/// Names of the file that describes a set; another `.yaml` is taken if it is the only one with class names.
const DESCRIPTIONS: [&str; 3] = ["data.yaml", "data.yml", "dataset.yaml"];

/// Files with class names, one a line.
const NAME_LISTS: [&str; 4] = ["classes.txt", "obj.names", "classes.names", "labels/classes.txt"];

/// Longer lists of pictures are refused; a million paths have about 50 MB.
const MAX_LIST_BYTES: u64 = 256 << 20;

/// Pictures tried when deciding whether labels belong to a folder.
const TRIED: usize = 100;

/// A data set, before its labels are read.
pub(super) struct Set {
    /// The folder that paths are relative to.
    pub root: PathBuf,
    pub names: BTreeMap<usize, Arc<str>>,
    /// Folders and lists of each split.
    splits: BTreeMap<String, Vec<PathBuf>>,
    /// The folder of all pictures, if there are no splits.
    undivided: Option<PathBuf>,
    pub notes: Vec<String>,
}

/// Whether a folder has class names as YOLO has them.
pub(super) fn is_there(folder: &Path) -> bool {
    let beside_xml = || !files::files_ending(folder, &["xml"]).is_empty();
    description_in(folder).is_some() || (name_list_in(folder).is_some() && !beside_xml())
}

/// The file in a folder that describes the set.
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
    /// Opens what is at a path: a folder or a description.
    pub(super) fn find(path: &Path) -> Result<Self, DataError> {
        let unfit = |path: &Path, why| DataError::Description { path: path.into(), why };
        if path.is_file() && !files::ends_in(path, &["yaml", "yml"]) {
            let why = "a file that describes one ends in .yaml or .yml; give that, or the folder that holds it";
            return Err(DataError::OtherLayout { path: path.into(), format: "YOLO", why: why.into() });
        }
        let description = if path.is_file() { Some(path.to_path_buf()) } else { description_in(path) };
        let mut set = if let Some(file) = description {
            let description = yolo_yaml::read(&file)
                .map_err(|why| unfit(&file, format!("{why}; write names, train and val into it")))?;
            Self::described(&file, description)?
        } else if let Some(list) = name_list_in(path) {
            let names = yolo_labels::read_names(&list)
                .map_err(|why| unfit(&list, format!("{why}; write the name of each class on a line of its own")))?;
            let named = names.into_iter().enumerate().filter(|(_, name)| !name.is_empty());
            let names = named.map(|(index, name)| (index, Arc::from(name))).collect();
            Self { root: path.into(), names, splits: BTreeMap::new(), undivided: None, notes: Vec::new() }
        } else {
            let why = "it has no data.yaml, classes.txt or obj.names to say what the class numbers mean; write one";
            return Err(DataError::OtherLayout { path: path.into(), format: "YOLO", why: why.into() });
        };
        if set.splits.is_empty() {
            set.look_for_pictures();
        }
        Ok(set)
    }

    /// A set by its description.
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
                    "{} names the path {path}, which is missing; its own folder is used",
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

    /// Looks for splits or, without any, for the pictures.
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

    /// The one folder beside the set that has pictures with the labels' names.
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
        self.notes.push(format!("{} has no pictures; those in {} are taken", self.root.display(), folder.display()));
        Some(folder.clone())
    }

    /// Whether the set has no splits of its own.
    pub(super) fn is_undivided(&self) -> bool {
        self.splits.is_empty()
    }

    /// The pictures of a split, each once, and whether these are all pictures of the set.
    pub(super) fn pictures(&self, split: Option<&str>, found: &mut Found) -> Result<(Vec<PathBuf>, bool), DataError> {
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
                    let why = format!("it is given as the place of {name}, but is missing; correct the set's yaml");
                    return Err(DataError::Description { path: place.clone(), why });
                } else {
                    found.notes.push(format!("{}, given as the place of {name}, is missing", place.display()));
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
}

/// The pictures in a list, one a line: absolute, relative to the list's folder, or relative to its parent by the
/// folder's old name (`data/obj_train_data/a.jpg`).
fn listed(list: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed =
        |why: String| DataError::Description { path: list.into(), why: format!("{why}; correct or replace it") };
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
