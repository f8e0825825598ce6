//! Pascal VOC folders: `JPEGImages`, `Annotations` (an XML file a picture), `ImageSets/Main` (a list a split).
//!
//! What it is: a reader that takes what is good, leaves out what is not, and says so in a [`LoadReport`]. What it is not: it
//! does not keep pictures in memory; on opening, their headers are read for width and height, and [`Voc::get`] decodes.
//!
//! Boxes in the files are pixels counted from 1, both corners included: left edge `xmin - 1`, right edge `xmax`. `<part>`
//! boxes (heads, hands, feet) are no objects. The picture's own size counts, not the one that the annotation claims.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use image::ImageReader;
use rayon::prelude::*;
use ssd::{CornerBox, GroundTruth};

use super::voc_xml::{self, Object};
use super::{DataError, Sample};
use crate::images;

/// Lines of [`LoadReport`] that name single files.
const SHOWN: usize = 5;

/// One split of a VOC folder.
#[derive(Debug, Clone)]
pub struct Voc {
    items: Vec<Item>,
    labels: Vec<String>,
    report: LoadReport,
}

/// One picture, not yet decoded.
#[derive(Debug, Clone)]
struct Item {
    name: String,
    picture: PathBuf,
    truths: Vec<GroundTruth>,
}

/// What opening a folder found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadReport {
    /// Pictures that are used.
    pub images: usize,
    /// Objects in them.
    pub boxes: usize,
    /// Pictures among them without an object. They are used, but three negatives for each positive means none of theirs.
    pub empty_images: usize,
    /// Files that are not used, and objects of used files that are not, each with the reason.
    pub skipped: Vec<(PathBuf, String)>,
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} images, {} boxes, {} images without boxes", self.images, self.boxes, self.empty_images)?;
        for (file, why) in self.skipped.iter().take(SHOWN) {
            write!(f, "\nleft out: {}: {why}", file.display())?;
        }
        let rest = self.skipped.len().saturating_sub(SHOWN);
        if rest > 0 { write!(f, "\nleft out: {rest} more") } else { Ok(()) }
    }
}

impl Voc {
    /// Opens a folder in VOC layout, or one that holds such a folder one or two levels down.
    ///
    /// Without `split` all pictures are taken. Without `labels` the classes are those of the objects, sorted by name.
    ///
    /// # Errors
    /// A folder in another layout, a split without a list, an object whose class is none of `labels`, and a split of which
    /// nothing can be used.
    pub fn open(path: &Path, split: Option<&str>, labels: Option<&[String]>) -> Result<Self, DataError> {
        let root = find_root(path)?;
        let pictures = pictures_by_name(&root.join("JPEGImages"))?;
        let names = match split {
            Some(split) => names_of_split(&root, split)?,
            None => all_names(&root, &pictures)?,
        };
        // In parallel, since a picture's header is a seek away; the order of the results is that of the names.
        let read: Vec<Read> = names.par_iter().map(|name| Read::one(&root, name, &pictures)).collect();
        let labels = match labels {
            Some(labels) => labels.to_vec(),
            None => labels_of(&read),
        };
        let (items, report) = keep_usable(read, &labels)?;
        let nothing = |why: String| DataError::Nothing { path: path.into(), split: split.unwrap_or("all").into(), why };
        if items.is_empty() {
            let first =
                report.skipped.first().map(|(file, why)| format!(", the first being {}: {why}", file.display()));
            return Err(nothing(format!("of {} entries none can be used{}", names.len(), first.unwrap_or_default())));
        }
        if labels.is_empty() {
            return Err(nothing(format!("{} pictures have no object", items.len())));
        }
        Ok(Self { items, labels, report })
    }

    /// How many pictures.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Class names without background.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The stem of a picture's file; empty past the end.
    pub fn name(&self, index: usize) -> String {
        self.items.get(index).map(|item| item.name.clone()).unwrap_or_default()
    }

    /// What was found on opening.
    pub fn report(&self) -> &LoadReport {
        &self.report
    }

    /// Decodes a picture.
    ///
    /// # Errors
    /// A picture that is gone since opening or does not decode, and an index past the end.
    pub fn get(&self, index: usize) -> Result<Sample, DataError> {
        let item = self.items.get(index).ok_or(DataError::OutOfRange { index, len: self.items.len() })?;
        let failed = |why| DataError::Picture { path: item.picture.clone(), why };
        let bytes = fs::read(&item.picture).map_err(|source| DataError::Read { path: item.picture.clone(), source })?;
        let image = images::decode(&bytes).map_err(failed)?;
        Ok(Sample { name: item.name.clone(), image: image.into_rgb8(), truths: item.truths.clone() })
    }

    /// Keeps the first `len` pictures only.
    pub fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }
}

/// The folder that holds `JPEGImages` and `Annotations`: the given one, or the only one up to two levels down.
fn find_root(path: &Path) -> Result<PathBuf, DataError> {
    let is_root = |folder: &Path| folder.join("JPEGImages").is_dir() && folder.join("Annotations").is_dir();
    let mut level = vec![path.to_path_buf()];
    for _ in 0..=2 {
        let roots: Vec<&PathBuf> = level.iter().filter(|folder| is_root(folder)).collect();
        match roots[..] {
            [] => {}
            [root] => return Ok(root.clone()),
            [first, second, ..] => {
                let why = format!("holds several data sets ({} and {} among them)", first.display(), second.display());
                return Err(DataError::NotVoc { path: path.into(), why });
            }
        }
        let mut below = Vec::new();
        for folder in &level {
            below.extend(entries(folder)?.into_iter().filter(|entry| entry.is_dir()));
        }
        level = below;
    }
    Err(DataError::NotVoc { path: path.into(), why: "is no Pascal VOC folder".into() })
}

/// What a folder holds, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Read { path: folder.into(), source };
    let listed = fs::read_dir(folder).map_err(failed)?;
    let mut paths = listed.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// The stem of a file's name, where there is one.
fn stem(path: &Path) -> Option<String> {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned())
}

/// The pictures of a folder by their names without extension, whatever the extension is.
fn pictures_by_name(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DataError> {
    let files = entries(folder)?.into_iter().filter(|path| path.is_file());
    Ok(files.filter_map(|path| Some((stem(&path)?, path))).collect())
}

/// The names that a split lists, one a line.
fn names_of_split(root: &Path, split: &str) -> Result<Vec<String>, DataError> {
    let folder = root.join("ImageSets").join("Main");
    let list = folder.join(format!("{split}.txt"));
    if !list.is_file() {
        return Err(DataError::NoSplit { path: root.into(), split: split.into(), hint: hint_of_splits(&folder) });
    }
    let text = fs::read_to_string(&list).map_err(|source| DataError::Read { path: list.clone(), source })?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect())
}

/// Which splits there are. VOC's lists of single classes (`cat_train.txt`) are none.
fn hint_of_splits(folder: &Path) -> String {
    let files = entries(folder).unwrap_or_default();
    let lists = files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    let splits: Vec<String> = lists.filter_map(|path| stem(path)).filter(|name| !name.contains('_')).collect();
    if splits.is_empty() {
        format!("list its pictures, one name a line, in a .txt of its name in {}", folder.display())
    } else {
        format!("its splits are {}", splits.join(", "))
    }
}

/// All names that a picture or an annotation has.
fn all_names(root: &Path, pictures: &BTreeMap<String, PathBuf>) -> Result<Vec<String>, DataError> {
    let annotations = entries(&root.join("Annotations"))?;
    let xml = annotations.iter().filter(|path| path.extension().is_some_and(|extension| extension == "xml"));
    let names: BTreeSet<String> = xml.filter_map(|path| stem(path)).chain(pictures.keys().cloned()).collect();
    Ok(names.into_iter().collect())
}

/// A picture to decode. The format is told by the content: many a `.jpg` is a PNG.
fn open_picture(path: &Path) -> Result<ImageReader<std::io::BufReader<fs::File>>, DataError> {
    let failed = |source| DataError::Read { path: path.into(), source };
    ImageReader::open(path).map_err(failed)?.with_guessed_format().map_err(failed)
}

/// What became of one name of a split.
struct Read {
    name: String,
    annotation: PathBuf,
    /// The picture and its objects, or the file at fault and the reason.
    outcome: Result<(PathBuf, Vec<Labelled>), (PathBuf, String)>,
    /// Reasons to leave out single objects.
    rejected: Vec<String>,
}

/// An object whose class has a name, but no number yet.
struct Labelled {
    class: String,
    bbox: CornerBox,
    difficult: bool,
}

impl Read {
    /// Reads an annotation and the header of its picture.
    fn one(root: &Path, name: &str, pictures: &BTreeMap<String, PathBuf>) -> Self {
        let annotation = root.join("Annotations").join(format!("{name}.xml"));
        let mut rejected = Vec::new();
        let outcome = Self::objects(root, name, &annotation, pictures, &mut rejected);
        Self { name: name.into(), annotation, outcome, rejected }
    }

    fn objects(
        root: &Path,
        name: &str,
        annotation: &Path,
        pictures: &BTreeMap<String, PathBuf>,
        rejected: &mut Vec<String>,
    ) -> Result<(PathBuf, Vec<Labelled>), (PathBuf, String)> {
        let Some(picture) = pictures.get(name) else {
            return Err((root.join("JPEGImages").join(name), "there is no picture of this name".into()));
        };
        let objects = voc_xml::read_objects(annotation).map_err(|why| (annotation.to_path_buf(), why))?;
        let (width, height) = open_picture(picture)
            .map_err(|error| error.to_string())
            .and_then(|reader| reader.into_dimensions().map_err(|error| format!("no picture: {error}")))
            .map_err(|why| (picture.clone(), why))?;
        let mut kept = Vec::with_capacity(objects.len());
        for (i, object) in objects.into_iter().enumerate() {
            match labelled(object, width as f32, height as f32) {
                Ok(labelled) => kept.push(labelled),
                Err(why) => rejected.push(format!("object {}: {why}", i + 1)),
            }
        }
        Ok((picture.clone(), kept))
    }
}

/// An object with its box as a fraction of the picture, or why it cannot be used.
fn labelled(object: Object, width: f32, height: f32) -> Result<Labelled, String> {
    let (class, [x1, y1, x2, y2]) = (object.class, object.corners);
    // Asked of the numbers as written: the corner that is included would give a point the width of one pixel.
    if !CornerBox::new(x1, y1, x2, y2).is_proper() {
        return Err(format!("the box of {class} from ({x1}, {y1}) to ({x2}, {y2}) has no width or no height"));
    }
    let bbox = CornerBox::new(x1 - 1.0, y1 - 1.0, x2, y2).scaled(1.0 / width, 1.0 / height).clipped();
    if !bbox.is_proper() {
        return Err(format!(
            "the box of {class} from ({x1}, {y1}) to ({x2}, {y2}) lies outside the picture of {width} x {height} pixels"
        ));
    }
    Ok(Labelled { class, bbox, difficult: object.difficult })
}

/// The classes that occur, sorted.
fn labels_of(read: &[Read]) -> Vec<String> {
    let objects = read.iter().filter_map(|read| read.outcome.as_ref().ok()).flat_map(|(_, objects)| objects);
    let classes: BTreeSet<&String> = objects.map(|object| &object.class).collect();
    classes.into_iter().cloned().collect()
}

/// Gives classes their numbers and separates what is used from what is not.
fn keep_usable(read: Vec<Read>, labels: &[String]) -> Result<(Vec<Item>, LoadReport), DataError> {
    let mut report = LoadReport::default();
    let mut items = Vec::with_capacity(read.len());
    for Read { name, annotation, outcome, rejected } in read {
        report.skipped.extend(rejected.into_iter().map(|why| (annotation.clone(), why)));
        match outcome {
            Ok((picture, objects)) => {
                let truths = numbered(objects, labels, &annotation)?;
                report.images += 1;
                report.boxes += truths.len();
                report.empty_images += usize::from(truths.is_empty());
                items.push(Item { name, picture, truths });
            }
            Err(skipped) => report.skipped.push(skipped),
        }
    }
    Ok((items, report))
}

/// The objects of a picture with the numbers of their classes.
fn numbered(objects: Vec<Labelled>, labels: &[String], annotation: &Path) -> Result<Vec<GroundTruth>, DataError> {
    let number = |object: Labelled| match labels.iter().position(|label| *label == object.class) {
        Some(index) => Ok(GroundTruth { bbox: object.bbox, class: index + 1, difficult: object.difficult }),
        None => {
            Err(DataError::UnknownClass { path: annotation.into(), class: object.class, labels: labels.join(", ") })
        }
    };
    objects.into_iter().map(number).collect()
}

#[cfg(test)]
#[path = "voc_tests.rs"]
pub(crate) mod tests;
