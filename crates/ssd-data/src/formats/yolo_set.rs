//! What a YOLO data set consists of: its class names, and where `data.yaml` says that its splits are.
//!
//! Reads no labels and opens no picture.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::{Tree, file_name};
use super::yolo_yaml::{self, Description};
use super::{paths, yolo_labels};
use crate::error::DataError;
use crate::images::has_ending;

/// Names of the file that describes a set; another `.yaml` is taken if it is the only one with class names.
const DESCRIPTIONS: [&str; 3] = ["data.yaml", "data.yml", "dataset.yaml"];

/// Names of files with class names, one a line; any file ending in `.names` is one, too.
const NAME_LISTS: [&str; 3] = ["classes.txt", "_darknet.labels", "labels.names"];

/// A data set, before its pictures are looked for.
#[derive(Debug)]
pub(super) struct Names {
    pub of_classes: BTreeMap<usize, Arc<str>>,
    /// Folders and single pictures of each split.
    pub places: BTreeMap<String, Vec<PathBuf>>,
    /// Lists of pictures, with their splits.
    pub lists: Vec<(String, PathBuf)>,
    pub notes: Vec<String>,
}

/// Whether a file is a list of class names.
pub(super) fn is_name_list(file: &Path) -> bool {
    let name = file_name(file).to_lowercase();
    NAME_LISTS.contains(&&name[..]) || has_ending(file, &["names"])
}

/// The file in a folder that describes the set.
pub(super) fn description_in(tree: &Tree) -> Option<PathBuf> {
    let all: Vec<&PathBuf> = tree.top().filter(|file| has_ending(file, &["yaml", "yml"])).collect();
    let named = DESCRIPTIONS.iter().find_map(|name| all.iter().find(|file| file_name(file).eq_ignore_ascii_case(name)));
    let fitting: Vec<&&PathBuf> = all.iter().filter(|file| yolo_yaml::read(file).is_ok()).collect();
    named.or(fitting.first().copied().filter(|_| fitting.len() == 1)).map(|file| file.to_path_buf())
}

impl Names {
    /// Those of a set in `tree`: by its description, else by a list in it, else by what is in the folder above, if the
    /// tree is one split of a set. `None` if there are none.
    pub fn of(tree: &Tree, description: Option<&Path>) -> Result<Option<Self>, DataError> {
        if let Some(file) = description {
            return Self::described(tree, file).map(Some);
        }
        let mut lists: Vec<&PathBuf> = tree.files.iter().filter(|file| is_name_list(file)).collect();
        lists.sort_by_key(|file| file.iter().count());
        if let Some(list) = lists.first() {
            return Self::listed(list, &lists[1..]).map(Some);
        }
        let root = std::fs::canonicalize(&tree.home).unwrap_or_else(|_| tree.home.clone());
        let Some(above) = root.parent() else { return Ok(None) };
        let beside: Vec<PathBuf> =
            std::fs::read_dir(above).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        let above = Tree::new(above, beside);
        let found = match description_in(&above) {
            Some(file) => Some((Self::described(&above, &file)?, file)),
            None => match above.top().find(|file| is_name_list(file)) {
                Some(file) => Some((Self::listed(file, &[])?, file.clone())),
                None => None,
            },
        };
        Ok(found.map(|(names, file)| {
            let note = format!("the names of the classes are taken from {}", file.display());
            Self { places: BTreeMap::new(), lists: Vec::new(), notes: vec![note], ..names }
        }))
    }

    /// The names in a list; `others` have to hold the same.
    fn listed(list: &Path, others: &[&PathBuf]) -> Result<Self, DataError> {
        let read = |list: &Path| {
            yolo_labels::read_names(list).map_err(|why| DataError::Description {
                path: list.into(),
                why: format!("{why}; write the name of each class on a line of its own"),
            })
        };
        let names = read(list)?;
        if let Some(other) = others.iter().find(|other| read(other).is_ok_and(|others| others != names)) {
            let why = format!(
                "{} names other classes; make them equal, or name each folder with a --data of its own",
                other.display()
            );
            return Err(DataError::Description { path: list.into(), why });
        }
        let named = names.into_iter().enumerate().filter(|(_, name)| !name.is_empty());
        let of_classes = named.map(|(index, name)| (index, Arc::from(name))).collect();
        Ok(Self { of_classes, places: BTreeMap::new(), lists: Vec::new(), notes: Vec::new() })
    }

    /// A set by its description.
    fn described(tree: &Tree, file: &Path) -> Result<Self, DataError> {
        let Description { path, names, splits } = yolo_yaml::read(file).map_err(|why| DataError::Description {
            path: file.into(),
            why: format!("{why}; write names, train and val into it"),
        })?;
        let beside = file.parent().unwrap_or(Path::new(""));
        let mut notes = Vec::new();
        let mut bases = vec![beside.to_path_buf()];
        if let Some(path) = path {
            match paths::place(tree, &[beside], &path).filter(|path| path.is_dir()) {
                Some(root) => bases.insert(0, root),
                None => notes.push(format!(
                    "{} names the path {path}, which is missing; its own folder is used",
                    file.display()
                )),
            }
        }
        let bases: Vec<&Path> = bases.iter().map(PathBuf::as_path).collect();
        let (mut places, mut lists) = (BTreeMap::new(), Vec::new());
        for (split, texts) in splits {
            for text in texts {
                match paths::place(tree, &bases, &text) {
                    Some(list) if has_ending(&list, &["txt"]) => lists.push((split.clone(), list)),
                    Some(place) => places.entry(split.clone()).or_insert_with(Vec::new).push(place),
                    None => {
                        notes.push(format!("{text}, given as the place of {split} in {}, is missing", file.display()))
                    }
                }
            }
        }
        let of_classes = names.into_iter().map(|(index, name)| (index, Arc::from(name.trim()))).collect();
        Ok(Self { of_classes, places, lists, notes })
    }
}
