//! YOLO: a text file of boxes for each picture, and the class names in `data.yaml`, `classes.txt` or `obj.names`.
//!
//! Splits are where `data.yaml` says, else as for every set of single files ([`super::folder`]). A picture without a
//! label file is used as one without objects. Classes are ordered by their index.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::{Folder, Lone, Reader};
use super::found::{Edges, Found, Written, WrittenObject};
use super::pairs::among_pictures;
use super::spec::{FormatSpec, Set};
use super::split::{Splits, Take};
use super::tree::{self, Tree, stem};
use super::yolo_labels::{self, Line};
use super::yolo_set::{Names, description_in, is_name_list};
use crate::error::DataError;
use crate::images::{has_ending, is_picture};
use crate::report::Reason;

/// Label files tried when looking for the folder with their pictures.
const TRIED: usize = 100;

/// YOLO, as a row of the table of formats.
pub(super) static FORMAT: FormatSpec = FormatSpec {
    name: "yolo",
    looked_for: "a .txt with the name of a picture beside a data.yaml, classes.txt or obj.names (YOLO)",
    recognise: sets_in,
    named: |path| {
        if path.is_dir() {
            let tree = Tree::of(path)?;
            let sets = sets_in(&tree)?;
            return if sets.is_empty() { Err(nameless(path)) } else { Ok(sets) };
        }
        if !has_ending(path, &["yaml", "yml"]) {
            let why = "a file that describes one ends in .yaml or .yml; give that, or the folder that holds it";
            return Err(DataError::OtherLayout { path: path.into(), format: "YOLO", why: why.into() });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let files = Tree::of(folder)?.files;
        Ok(vec![set(Tree::new(folder, files), Some(path))?.ok_or_else(|| nameless(path))?])
    },
};

fn nameless(path: &Path) -> DataError {
    let why = "it has no data.yaml, classes.txt or obj.names to say what the class numbers mean; write one";
    DataError::OtherLayout { path: path.into(), format: "YOLO", why: why.into() }
}

/// The data sets in a tree: one, or each folder with a description of its own. Empty without class names.
fn sets_in(tree: &Tree) -> Result<Vec<Set>, DataError> {
    if let Some(set) = set(tree.clone(), description_in(tree).as_deref())? {
        return Ok(vec![set]);
    }
    let homes: BTreeSet<&Path> = tree.ending(&["yaml", "yml"]).filter_map(|file| file.parent()).collect();
    let described = homes.into_iter().filter_map(|home| {
        let tree = tree.below(home);
        let file = description_in(&tree)?;
        set(tree, Some(&file)).transpose()
    });
    described.collect()
}

/// The set in a tree; `None` without class names.
fn set(mut tree: Tree, description: Option<&Path>) -> Result<Option<Set>, DataError> {
    let Some(names) = Names::of(&tree, description)? else { return Ok(None) };
    let mut notes = names.notes.clone();
    // A description may name places elsewhere.
    let elsewhere = names.places.values().flatten().chain(names.lists.iter().map(|(_, list)| list));
    let roots: BTreeSet<PathBuf> =
        elsewhere.filter(|place| !place.starts_with(&tree.root)).map(|place| home(place)).collect();
    for root in roots {
        tree.files.extend(Tree::of(&root)?.files);
    }
    if !tree.files.iter().any(|file| is_picture(file))
        && let Some((beside, note)) = pictures_beside(&tree)
    {
        tree = beside;
        notes.push(note);
    }
    tree.files.sort();
    tree.files.dedup();
    let root = tree.root.clone();
    let annotations: Vec<PathBuf> = tree.ending(&["txt"]).filter(|file| !is_name_list(file)).cloned().collect();
    // Other texts lie about, too: lists, a readme.
    let lone = |file: &Path| match yolo_labels::read_lines(file) {
        Ok(lines) if !lines.is_empty() => Lone::Annotation(None),
        _ => Lone::Other,
    };
    let placed = |file: &Path| names.places.values().flatten().any(|place| file.starts_with(place));
    let mut folder = Folder::new(&tree, &annotations, lone, |file| placed(file) || among_pictures(file, &root));
    if !names.lists.is_empty() || !names.places.is_empty() {
        folder.split_by(&names.lists, &names.places);
        folder.keep_listed();
    }
    folder.notes = notes;
    let annotated = folder.annotated();
    let pictures = folder.entries.iter().filter(|entry| entry.picture.is_ok()).count();
    if annotated == 0 {
        let why = match folder.entries.iter().find(|entry| entry.picture.is_ok()) {
            None => "there are no pictures; put them into images/, with the labels in labels/".into(),
            Some(entry) => format!(
                "none of {pictures} pictures has labels (for example {}); they have to be in labels/ if the pictures \
                 are in images/, or beside each picture",
                entry.place().display()
            ),
        };
        return Ok(Some(unusable(&root, why)));
    }
    let splits = folder.splits();
    let of_classes = Arc::new(names.of_classes);
    let (labels, merged) = labels(of_classes.values());
    let reader: Reader = Arc::new(move |file| {
        let written = |line: Line| {
            let class = of_classes.get(&line.class).cloned();
            let object = class.map(|class| WrittenObject {
                class,
                edges: Edges::Fractions(line.edges),
                area_px: None,
                difficult: false,
                crowd: false,
            });
            (None, object.ok_or_else(|| (Reason::UnknownClass, format!("class {} has no name", line.class))))
        };
        Ok(Written { size: None, objects: yolo_labels::read_lines(file)?.into_iter().map(written).collect() })
    });
    let open = move |take: &Take| {
        let found = folder.read(take, false, &reader);
        let notes = found.notes.into_iter().chain(merged.clone()).collect();
        Ok(vec![Found { names: Some(labels.clone()), notes, ..found }])
    };
    Ok(Some(Set { annotated, splits, open: Box::new(open) }))
}

/// A set whose fault is told when it is read: another format may be what the folder is.
fn unusable(root: &Path, why: String) -> Set {
    let path = root.to_path_buf();
    let open = move |_: &Take| Err(DataError::OtherLayout { path: path.clone(), format: "YOLO", why: why.clone() });
    Set { annotated: 0, splits: Splits::new(root, []), open: Box::new(open) }
}

/// The names in order, each once, and a note for each that is there twice.
fn labels<'a>(names: impl Iterator<Item = &'a Arc<str>>) -> (Vec<String>, Vec<String>) {
    let (mut labels, mut notes) = (Vec::new(), Vec::new());
    for name in names {
        if labels.iter().any(|label: &String| **label == **name) {
            notes.push(format!("two classes have the name \"{name}\" and are merged"));
        } else {
            labels.push(name.to_string());
        }
    }
    (labels, notes)
}

/// The folder that holds pictures and labels of a place: above `images`, or above a split's folder.
fn home(place: &Path) -> PathBuf {
    let folder = if place.is_file() { place.parent().unwrap_or(place) } else { place };
    let above =
        folder.ancestors().find(|path| tree::file_name(path).eq_ignore_ascii_case("images")).and_then(Path::parent);
    above.unwrap_or(folder).to_path_buf()
}

/// The labels of a tree without pictures together with the one folder beside it that has pictures of their names.
fn pictures_beside(tree: &Tree) -> Option<(Tree, String)> {
    let labelled: BTreeSet<String> = tree.ending(&["txt"]).map(|file| stem(file)).collect();
    let root = std::fs::canonicalize(&tree.home).ok()?;
    let above = root.parent()?;
    let pictures = |folder: &Path| -> Vec<PathBuf> {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        files.filter(|file| is_picture(file)).collect()
    };
    let fits = |folder: &PathBuf| {
        *folder != root && pictures(folder).iter().take(TRIED).any(|picture| labelled.contains(&stem(picture)))
    };
    let fitting: Vec<PathBuf> = tree::subfolders(above).into_iter().filter(fits).collect();
    let [folder] = &fitting[..] else { return None };
    let note = format!("{} has no pictures; those in {} are taken", tree.home.display(), folder.display());
    let labels = tree.files.iter().filter_map(|file| Some(root.join(file.strip_prefix(&tree.home).ok()?)));
    let files = labels.chain(pictures(folder)).collect();
    Some((Tree::new(above, files), note))
}

#[cfg(test)]
#[path = "yolo_tests.rs"]
mod tests;
