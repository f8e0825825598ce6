//! Pascal VOC as a data set: the folders with its XML files, and what of them is one set.
//!
//! A folder with `ImageSets` is a set of its own, as the years in `VOCdevkit` are. A picture without an XML is left
//! out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::{Folder, Lone, Reader};
use super::spec::{FormatSpec, Set};
use super::tree::{Tree, file_name};
use super::voc_xml;
use crate::error::DataError;

/// Pascal VOC, as a row of the table of formats.
pub(super) static FORMAT: FormatSpec = FormatSpec {
    name: "voc",
    looked_for: "JPEGImages beside Annotations or any .xml with the name of a picture (Pascal VOC)",
    recognise: sets_in,
    named: |path| {
        let sets = if path.is_dir() { sets_in(&Tree::of(path)?)? } else { Vec::new() };
        if sets.is_empty() {
            let why = "give a folder that holds pictures and an .xml for each, such as JPEGImages and Annotations";
            return Err(DataError::OtherLayout { path: path.into(), format: "Pascal VOC", why: why.into() });
        }
        Ok(sets)
    },
};

/// The data sets in a tree; empty without any annotation of VOC.
fn sets_in(tree: &Tree) -> Result<Vec<Set>, DataError> {
    let mut sets: Vec<Set> = units(tree).iter().filter_map(set).collect();
    // Where something pairs, what does not is no set.
    if sets.iter().any(|set| set.annotated > 0) {
        sets.retain(|set| set.annotated > 0);
    }
    Ok(sets)
}

/// The parts of a tree that are sets of their own: those with `ImageSets`, and all else together.
fn units(tree: &Tree) -> Vec<Tree> {
    let is_sets = |path: &&Path| file_name(path).eq_ignore_ascii_case("imagesets");
    let folders = tree.files.iter().filter_map(|file| file.ancestors().find(is_sets)?.parent());
    let mut homes: BTreeSet<&Path> = folders.filter(|home| home.starts_with(&tree.root)).collect();
    let outer = homes.clone();
    homes.retain(|home| !outer.iter().any(|other| other != home && home.starts_with(other)));
    let mut units: Vec<Tree> = homes.iter().map(|home| tree.below(home)).collect();
    let rest = tree.files.iter().filter(|file| !homes.iter().any(|home| file.starts_with(home)));
    units.push(Tree { files: rest.cloned().collect(), ..tree.clone() });
    units
}

fn set(tree: &Tree) -> Option<Set> {
    let annotations: Vec<PathBuf> = tree.ending(&["xml"]).cloned().collect();
    if annotations.is_empty() {
        return None;
    }
    let lone = |file: &Path| voc_xml::filename(file).map_or(Lone::Other, Lone::Annotation);
    let folder = Folder::new(tree, &annotations, lone, |_| false);
    let annotated = folder.annotated();
    let reader: Reader = Arc::new(voc_xml::read);
    let splits = folder.splits();
    (!folder.entries.is_empty()).then(|| Set {
        annotated,
        splits,
        open: Box::new(move |take| Ok(vec![folder.read(take, true, &reader)])),
    })
}

#[cfg(test)]
#[path = "voc_tests.rs"]
pub(crate) mod tests;
