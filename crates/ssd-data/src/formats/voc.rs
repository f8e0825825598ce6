//! Pascal VOC: a folder `JPEGImages`, a folder `Annotations` (one XML file per picture) and `ImageSets/Main` (one list
//! per split); or pictures with an XML beside each, as labelImg writes them, in one folder or in one per split.
//!
//! Unusable files are reported. Headers are read on opening: the picture's own size counts, not the annotation's.
//!
//! Boxes in the files are pixels counted from 1, both corners included: left edge `xmin - 1`, right edge `xmax`.
//! `<part>` boxes (heads, hands, feet) are not objects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::files::Header;
use super::found::{Found, Object, Picture, Read, placed};
use super::spec::{FormatSpec, Part};
use super::voc_xml;
use super::{files, split};
use crate::boxes_px::XywhPx;
use crate::error::DataError;
use crate::images::EXTENSIONS;
use crate::report::{Reason, Skipped};

/// Folders of pictures and annotations.
const PAIRS: [[&str; 2]; 3] = [["JPEGImages", "Annotations"], ["images", "annotations"], ["images", "Annotations"]];

/// Levels of folders searched for a data set: `VOCdevkit`, and `VOC2007` in it.
const DEEPEST: usize = 2;

/// Longer lists are refused; VOC's longest have about 200 KiB.
const MAX_LIST_BYTES: u64 = 64 << 20;

/// One data set.
#[derive(Debug, Clone, PartialEq)]
struct Root {
    path: PathBuf,
    places: Vec<Place>,
}

/// Where pictures and their annotations lie.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    /// The split that the folder holds, where each split has its own.
    split: Option<String>,
    pictures: PathBuf,
    annotations: PathBuf,
}

/// One picture to read.
struct Entry<'a> {
    name: String,
    place: &'a Place,
    /// The pictures of this name, of which the first is used; empty if a list or an annotation names a missing one.
    pictures: Vec<PathBuf>,
}

/// Pictures by their names without extension.
type ByName = BTreeMap<String, Vec<PathBuf>>;

/// Pascal VOC, as a row of the table of formats.
pub(super) static FORMAT: FormatSpec = FormatSpec {
    name: "voc",
    looked_for: "JPEGImages beside Annotations or a picture with an .xml of its name beside it (Pascal VOC)",
    recognise: |path| if two_folders(path).is_some() { parts_below(path) } else { Ok(Vec::new()) },
    parts: |path| {
        let parts = parts_below(path)?;
        if parts.is_empty() {
            let why = "give the folder that holds JPEGImages and Annotations, or one that holds VOCdevkit, or pictures \
                       with an .xml beside each";
            return Err(DataError::OtherLayout { path: path.into(), format: "Pascal VOC", why: why.into() });
        }
        Ok(parts)
    },
};

/// The data sets in a folder, or up to two levels down; empty without any sign of VOC.
///
/// # Errors
/// A folder that cannot be read.
pub(super) fn parts_below(path: &Path) -> Result<Vec<Part>, DataError> {
    let part = |root: Root| Part(Box::new(move |split| root.open(split).map(|found| vec![found])));
    Ok(roots(path)?.into_iter().map(part).collect())
}

/// The data set in a folder, or those up to two levels down; empty without any sign of VOC.
///
/// # Errors
/// A folder that cannot be read.
fn roots(path: &Path) -> Result<Vec<Root>, DataError> {
    files::entries(path)?;
    let mut level = vec![path.to_path_buf()];
    for _ in 0..=DEEPEST {
        let roots: Vec<Root> = level.iter().filter_map(|folder| two_folders(folder)).collect();
        if !roots.is_empty() {
            return Ok(roots);
        }
        level = level.iter().flat_map(|folder| files::subfolders(folder)).collect();
    }
    Ok(side_by_side(path).into_iter().collect())
}

/// A folder with one subfolder for pictures and one for annotations.
fn two_folders(folder: &Path) -> Option<Root> {
    let pair = PAIRS.iter().find(|[pictures, annotations]| {
        let annotations = folder.join(annotations);
        let certain = *pictures == "JPEGImages" && annotations.is_dir();
        folder.join(pictures).is_dir() && (certain || !files::files_ending(&annotations, &["xml"]).is_empty())
    });
    let [pictures, annotations] = pair?.map(|name| folder.join(name));
    Some(Root { path: folder.into(), places: vec![Place { split: None, pictures, annotations }] })
}

/// A folder of pictures with an XML beside each, or one that holds such a folder per split.
fn side_by_side(folder: &Path) -> Option<Root> {
    let both = |folder: &Path| {
        let annotations = files::files_ending(folder, &["xml"]);
        let annotated: BTreeSet<String> = annotations.iter().map(|file| files::stem(file)).collect();
        files::pictures_in(folder).iter().any(|picture| annotated.contains(&files::stem(picture)))
    };
    let place = |folder: PathBuf, split| Place { split, pictures: folder.clone(), annotations: folder };
    let places = if both(folder) {
        vec![place(folder.into(), None)]
    } else {
        let splits = files::subfolders(folder).into_iter().filter(|sub| split::is_split(&files::file_name(sub)));
        splits.filter(|sub| both(sub)).map(|sub| place(sub.clone(), Some(files::file_name(&sub)))).collect()
    };
    (!places.is_empty()).then(|| Root { path: folder.into(), places })
}

impl Root {
    /// Reads a split, or all pictures without one.
    ///
    /// # Errors
    /// A folder or list that cannot be read, or a missing split.
    fn open(&self, split: Option<&str>) -> Result<Found, DataError> {
        let mut notes = Vec::new();
        let entries = match split {
            None => self.all(&self.places)?,
            Some(split) => {
                let folders: Vec<&str> = self.places.iter().filter_map(|place| place.split.as_deref()).collect();
                let lists = self.lists();
                let listed = splits_among(&lists);
                if !folders.is_empty() {
                    let folder =
                        split::find(&folders, split).ok_or_else(|| split::none_of(&self.path, split, &folders))?;
                    self.all(self.places.iter().filter(|place| place.split.as_deref() == Some(folder)))?
                } else if !listed.is_empty() {
                    // Lists of any name can be asked for, such as `my_val`.
                    let list =
                        lists.get(split).or_else(|| split::find(&listed, split).and_then(|name| lists.get(name)));
                    self.listed(list.ok_or_else(|| split::none_of(&self.path, split, &listed))?)?
                } else {
                    let all = self.all(&self.places)?;
                    let (entries, note) = split::divide(all, split, &self.path, |entry| entry.name.clone())?;
                    notes.push(note);
                    entries
                }
            }
        };
        // In parallel, since each header costs a seek; the results are in the order of the names.
        let reads = entries.into_par_iter().map(Entry::read).collect();
        Ok(Found { reads, notes, ..Found::default() })
    }

    /// All names that a picture or an annotation has.
    fn all<'a>(&'a self, places: impl IntoIterator<Item = &'a Place>) -> Result<Vec<Entry<'a>>, DataError> {
        let mut all = Vec::new();
        for place in places {
            let mut pictures = place.pictures_by_name()?;
            let annotations = files::files_ending(&place.annotations, &["xml"]);
            let names: BTreeSet<String> =
                annotations.iter().map(|file| files::stem(file)).chain(pictures.keys().cloned()).collect();
            all.extend(names.into_iter().map(|name| {
                let pictures = pictures.remove(&name).unwrap_or_default();
                Entry { name, place, pictures }
            }));
        }
        Ok(all)
    }

    /// The pictures in a list, one a line.
    fn listed(&self, list: &Path) -> Result<Vec<Entry<'_>>, DataError> {
        let failed =
            |why: String| DataError::Description { path: list.into(), why: format!("{why}; correct or replace it") };
        let text = files::read_text(list, MAX_LIST_BYTES).map_err(failed)?;
        let Some(place) = self.places.first() else { return Ok(Vec::new()) };
        let pictures = place.pictures_by_name()?;
        let names = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| named_by(line, &pictures));
        Ok(names
            .map(|name| Entry { place, pictures: pictures.get(&name).cloned().unwrap_or_default(), name })
            .collect())
    }

    /// The lists in `ImageSets/Main` by name.
    fn lists(&self) -> BTreeMap<String, PathBuf> {
        let lists = files::files_ending(&self.path.join("ImageSets").join("Main"), &["txt"]);
        lists.into_iter().map(|path| (files::stem(&path), path)).collect()
    }
}

/// The lists that are splits by their names. VOC's lists of single classes (`cat_train`) are not, unless all lists have
/// such names; then only the user can tell.
fn splits_among(lists: &BTreeMap<String, PathBuf>) -> Vec<&str> {
    let all: Vec<&str> = lists.keys().map(String::as_str).collect();
    let plain: Vec<&str> = all.iter().copied().filter(|name| !name.contains('_')).collect();
    if plain.is_empty() { all } else { plain }
}

/// The picture that a line of a list means: `a`; `a 1`, as in VOC's lists of classes; `a.jpg`, also with a folder.
fn named_by(line: &str, pictures: &ByName) -> String {
    let word = line.split_whitespace().next().unwrap_or(line);
    // Names may contain white space or dots.
    if let Some(name) = [line, word].into_iter().find(|name| pictures.contains_key(*name)) {
        return name.into();
    }
    let without_ending = |text: &str| {
        let path = Path::new(text);
        (files::stays_inside(path) && files::ends_in(path, &EXTENSIONS)).then(|| files::stem(path))
    };
    let whole = without_ending(line).filter(|name| pictures.contains_key(name));
    whole.or_else(|| without_ending(word)).unwrap_or_else(|| word.into())
}

impl Place {
    /// The pictures of each name, sorted. In a folder of their own, a file with any extension will do for a name
    /// without a picture; beside annotations, only a picture will.
    fn pictures_by_name(&self) -> Result<ByName, DataError> {
        let files = if self.pictures == self.annotations {
            files::pictures_in(&self.pictures)
        } else {
            files::entries(&self.pictures)?.into_iter().filter(|path| path.is_file()).collect()
        };
        let (pictures, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|path| files::ends_in(path, &EXTENSIONS));
        let mut by_name = ByName::new();
        for path in pictures {
            by_name.entry(files::stem(&path)).or_default().push(path);
        }
        for path in others {
            by_name.entry(files::stem(&path)).or_insert_with(|| vec![path]);
        }
        Ok(by_name)
    }
}

impl Entry<'_> {
    /// Reads an annotation and the header of its picture.
    fn read(self) -> Read {
        let annotation = self.place.annotations.join(format!("{}.xml", self.name));
        let mut rejected = Vec::new();
        let outcome = self.picture_with_objects(&annotation, &mut rejected);
        Read { name: self.name, annotation, outcome, rejected }
    }

    fn picture_with_objects(&self, annotation: &Path, rejected: &mut Vec<Skipped>) -> Result<Picture, Skipped> {
        let Some((path, others)) = self.pictures.split_first() else {
            let named = self.place.pictures.join(&self.name);
            return Err(Skipped::new(named, Reason::MissingPicture, "there is no picture of this name"));
        };
        let written =
            voc_xml::read_objects(annotation).map_err(|why| Skipped::new(annotation, Reason::BadAnnotation, why))?;
        let Header { size_px, turned } =
            files::picture_header(path).map_err(|why| Skipped::new(path, Reason::UnreadablePicture, why))?;
        rejected.extend(others.iter().map(|other| {
            let why = format!("{} has the same name and is used", files::file_name(path));
            Skipped::new(other, Reason::SameName, why)
        }));
        let mut objects = Vec::with_capacity(written.len());
        for (object, number) in written.into_iter().zip(1..) {
            match in_picture(object, size_px) {
                Ok(object) => objects.push(object),
                Err((reason, why)) => {
                    rejected.push(Skipped::new(annotation, reason, format!("object {number}: {why}")));
                }
            }
        }
        Ok(Picture { path: path.clone(), size_px, turned, objects, coco_id: None })
    }
}

/// An object with its box relative to the picture's upper left corner, or why it cannot be used.
fn in_picture(object: voc_xml::Object, size_px: (u32, u32)) -> Result<Object, (Reason, String)> {
    let voc_xml::Object { class, corners: [x1, y1, x2, y2], difficult } = object;
    // Checked on the numbers as written: with the far corner included, a point would be one pixel wide.
    if !(x1 < x2 && y1 < y2) {
        let why = format!("the box of {class} from ({x1}, {y1}) to ({x2}, {y2}) has no width or no height");
        return Err((Reason::NoArea, why));
    }
    let (x, y) = (x1 - 1.0, y1 - 1.0);
    let bbox_px = placed(&class, XywhPx { x, y, w: x2 - x, h: y2 - y }, size_px)?;
    Ok(Object { class: class.into(), bbox_px, area_px: bbox_px.area(), difficult, crowd: false })
}

#[cfg(test)]
#[path = "voc_tests.rs"]
pub(crate) mod tests;
