//! COCO: one JSON file for all pictures of a split.
//!
//! The file is in `annotations/` (`instances_train2017.json`), with the pictures in a folder beside it named after the
//! split, or among the pictures (`train/_annotations.coco.json`), or is given itself. The split is in its or its
//! folder's name.
//!
//! Finds file and pictures and joins them. Classes are ordered by category id; ids may have gaps. A picture without
//! annotations is used as one without objects. Boxes are kept as written; one that extends beyond its picture is
//! clipped for learning only. File names that lead out of the folder are refused.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::coco_json::{Annotation, CocoFile, Image};
use super::files::Header;
use super::found::{Found, Object, Picture, Read, placed};
use super::spec::{FormatSpec, Part};
use super::{files, split};
use crate::boxes_px::XywhPx;
use crate::error::DataError;
use crate::report::{Reason, Skipped};

/// Start of the names of files that are not about boxes.
const OTHER_TASKS: [&str; 5] = ["captions", "person_keypoints", "panoptic", "stuff", "image_info"];

/// Names of an annotation file among the pictures of a split.
const AMONG_PICTURES: [&str; 4] = ["_annotations.coco.json", "annotations.json", "labels.json", "coco.json"];

/// In a folder with more JSON files than this, each belongs to a picture: some annotation tools write them so.
const MOST_FILES: usize = 64;

/// Bytes read at each end of a JSON to tell whether it is COCO's; the categories follow the annotations.
const LOOKED_AT: u64 = 64 << 10;

/// Pictures tried when looking for the folder they are in.
const TRIED: usize = 100;

/// An annotation file.
#[derive(Debug, Clone, PartialEq)]
struct Json {
    path: PathBuf,
    /// The split that its name or its folder names, such as `train2017`.
    split: Option<String>,
}

/// COCO, as a row of the table of formats.
pub(super) static FORMAT: FormatSpec = FormatSpec {
    name: "coco",
    looked_for: "a JSON with images and annotations in it or in annotations/ (COCO)",
    recognise: |path| {
        let is_coco = files::ends_in(path, &["json"]) || path.is_dir() && !jsons_in(path).is_empty();
        Ok(if is_coco { vec![part(path)] } else { Vec::new() })
    },
    parts: |path| Ok(vec![part(path)]),
};

fn part(path: &Path) -> Part {
    let path = path.to_path_buf();
    Part(Box::new(move |split| open(&path, split)))
}

/// Reads a split from a file or a folder, or everything without one: one result for each file.
///
/// # Errors
/// A file that cannot be read, a folder without one, a missing split, or a file whose pictures are not found.
fn open(path: &Path, split: Option<&str>) -> Result<Vec<Found>, DataError> {
    let jsons = if path.is_dir() {
        jsons_in(path)
    } else {
        let folder = path.parent().map(files::file_name).filter(|name| split::is_split(name));
        vec![Json::new(path.into(), folder)]
    };
    if jsons.is_empty() {
        let why = "give the folder that holds annotations/instances_*.json, one with a COCO JSON among the pictures, \
                   or the path of the JSON itself";
        return Err(DataError::OtherLayout { path: path.into(), format: "COCO", why: why.into() });
    }
    let words: Vec<&str> = jsons.iter().filter_map(|json| json.split.as_deref()).collect();
    match split {
        None => jsons.iter().map(|json| json.read(None)).collect(),
        Some(split) if words.is_empty() => jsons.iter().map(|json| json.read(Some(split))).collect(),
        Some(split) => {
            let word = split::find(&words, split).ok_or_else(|| split::none_of(path, split, &words))?;
            jsons.iter().filter(|json| json.split.as_deref() == Some(word)).map(|json| json.read(None)).collect()
        }
    }
}

/// The annotation files of a folder: in `annotations/`, directly in it, and in the folders of its splits.
fn jsons_in(folder: &Path) -> Vec<Json> {
    let mut jsons = Vec::new();
    for place in [folder.join("annotations"), folder.into()] {
        let files = files::files_ending(&place, &["json"]);
        if files.len() <= MOST_FILES {
            let fitting = files.into_iter().filter(|path| is_about_boxes(path) && looks_like_coco(path));
            jsons.extend(fitting.map(|path| Json::new(path, None)));
        }
    }
    for sub in files::subfolders(folder).into_iter().filter(|sub| files::file_name(sub) != "annotations") {
        let fitting = AMONG_PICTURES.iter().map(|name| sub.join(name)).filter(|path| looks_like_coco(path));
        jsons.extend(fitting.map(|path| Json::new(path, Some(files::file_name(&sub)))));
    }
    jsons
}

fn is_about_boxes(path: &Path) -> bool {
    let name = files::file_name(path);
    !OTHER_TASKS.iter().any(|task| name.starts_with(task))
}

/// Whether a file has COCO's lists of images and annotations: their names, or keys of their entries, near the start or
/// the end. Between these lie the lists and, in a large file, the name of the second.
fn looks_like_coco(path: &Path) -> bool {
    let ends = files::both_ends(path, LOOKED_AT);
    let has = |key: &[u8]| ends.iter().any(|bytes| bytes.windows(key.len()).any(|bytes| bytes == key));
    (has(b"\"images\"") || has(b"\"file_name\"")) && (has(b"\"annotations\"") || has(b"\"category_id\""))
}

impl Json {
    /// A file, whose split is in its name, or else is the folder it lies in.
    fn new(path: PathBuf, folder: Option<String>) -> Self {
        let name = files::stem(&path);
        let word = name.split(['_', '-', '.', ' ']).rfind(|word| split::is_split(word));
        let instances = name.strip_prefix("instances_").filter(|rest| *rest != "default");
        let split = word.or(instances).map(String::from).or(folder);
        Self { path, split }
    }

    /// Joins file and pictures; `divide` names the part to take of a set without splits.
    fn read(&self, divide: Option<&str>) -> Result<Found, DataError> {
        let file = CocoFile::read(&self.path)?;
        let folder = self.picture_folder(&file.images)?;
        let classes = file.classes();
        let names: BTreeMap<i64, Arc<str>> =
            classes.iter().map(|category| (category.id, Arc::from(category.name.as_str()))).collect();
        let mut found = Found::default();
        let mut labels: Vec<String> = Vec::new();
        for category in classes {
            match found.category_ids.entry(category.name) {
                Entry::Vacant(entry) => {
                    labels.push(entry.key().clone());
                    entry.insert(category.id);
                }
                Entry::Occupied(entry) => {
                    let note =
                        format!("{} has two categories \"{}\", merged into one", self.path.display(), entry.key());
                    found.notes.push(note);
                }
            }
        }
        found.names = Some(labels);

        let (mut images, skipped) = self.each_once(file.images);
        found.skipped.extend(skipped);
        let known: HashSet<i64> = images.iter().map(|image| image.id).collect();
        let mut of_image: HashMap<i64, Vec<Annotation>> = HashMap::new();
        for annotation in file.annotations {
            if known.contains(&annotation.image_id) {
                of_image.entry(annotation.image_id).or_default().push(annotation);
            } else {
                let why =
                    format!("annotation {} is of image {}, which is not listed", annotation.id, annotation.image_id);
                found.skipped.push(Skipped::new(&self.path, Reason::MissingImage, why));
            }
        }
        if let Some(split) = divide {
            let (part, note) = split::divide(images, split, &self.path, |image| files::stem(&image.relative_path()))?;
            images = part;
            found.notes.push(note);
        }
        let images: Vec<(Image, Vec<Annotation>)> = images
            .into_iter()
            .map(|image| {
                let annotations = of_image.remove(&image.id).unwrap_or_default();
                (image, annotations)
            })
            .collect();
        found.reads =
            images.par_iter().map(|(image, annotations)| self.one(image, annotations, &folder, &names)).collect();
        Ok(found)
    }

    /// The pictures by id, each once.
    fn each_once(&self, mut images: Vec<Image>) -> (Vec<Image>, Vec<Skipped>) {
        images.sort_by_key(|image| image.id);
        let mut skipped = Vec::new();
        images.dedup_by(|second, first| {
            let same = second.id == first.id;
            if same {
                let why =
                    format!("image {} is listed twice, as {} and {}", first.id, first.file_name, second.file_name);
                skipped.push(Skipped::new(&self.path, Reason::Duplicate, why));
            }
            same
        });
        (images, skipped)
    }

    /// The folder that the pictures' names are relative to: the first that contains one of them.
    fn picture_folder(&self, images: &[Image]) -> Result<PathBuf, DataError> {
        let beside = self.path.parent().unwrap_or(Path::new("")).to_path_buf();
        let in_annotations = files::file_name(&beside) == "annotations";
        let root = beside.parent().filter(|_| in_annotations).unwrap_or(&beside).to_path_buf();
        let mut folders = vec![beside];
        if let Some(split) = &self.split {
            folders.extend([root.join(split), root.join("images").join(split), root.join(split).join("images")]);
        }
        folders.extend([root.join("images"), root.join("data"), root.join("images").join("default"), root]);
        let tried = || images.iter().take(TRIED).map(Image::relative_path).filter(|path| files::stays_inside(path));
        let home = folders.iter().find(|folder| tried().any(|path| folder.join(path).is_file()));
        home.cloned().ok_or_else(|| {
            let example = images.first().map_or("none listed", |image| &image.file_name);
            let places: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
            let why = format!(
                "its pictures ({example}) are in none of {}; put them into one of these folders",
                places.join(", ")
            );
            DataError::Description { path: self.path.clone(), why }
        })
    }

    /// One picture with its annotations.
    fn one(&self, image: &Image, annotations: &[Annotation], folder: &Path, names: &BTreeMap<i64, Arc<str>>) -> Read {
        let mut rejected = Vec::new();
        let outcome = self.picture(image, folder).map(|(path, Header { size_px, turned })| {
            let mut objects = Vec::with_capacity(annotations.len());
            for annotation in annotations {
                match object(annotation, size_px, names) {
                    Ok(object) => objects.push(object),
                    Err((reason, why)) => {
                        let why = format!("annotation {} of {}: {why}", annotation.id, image.file_name);
                        rejected.push(Skipped::new(&self.path, reason, why));
                    }
                }
            }
            Picture { path, size_px, turned, objects, coco_id: Some(image.id) }
        });
        Read { name: files::stem(&image.relative_path()), annotation: self.path.clone(), outcome, rejected }
    }

    /// A picture's path and header; its size has to be the one that the boxes refer to.
    fn picture(&self, image: &Image, folder: &Path) -> Result<(PathBuf, Header), Skipped> {
        let relative = image.relative_path();
        if !files::stays_inside(&relative) {
            let why = format!("image {} is named \"{}\", which is not below its folder", image.id, image.file_name);
            return Err(Skipped::new(&self.path, Reason::OutsideFolder, why));
        }
        let path = folder.join(relative);
        if !path.is_file() {
            return Err(Skipped::new(path, Reason::MissingPicture, "there is no such picture"));
        }
        let header = files::picture_header(&path).map_err(|why| Skipped::new(&path, Reason::UnreadablePicture, why))?;
        let (width, height) = header.size_px;
        let (claimed_w, claimed_h) =
            (image.width.unwrap_or(f64::from(width)), image.height.unwrap_or(f64::from(height)));
        if (claimed_w, claimed_h) != (f64::from(width), f64::from(height)) {
            let why = format!("it has {width} x {height} pixels, but its boxes are for {claimed_w} x {claimed_h}");
            return Err(Skipped::new(path, Reason::OtherSize, why));
        }
        Ok((path, header))
    }
}

impl Image {
    /// The picture's name as a path; some programs write the other system's separator.
    fn relative_path(&self) -> PathBuf {
        PathBuf::from(self.file_name.trim().replace('\\', "/"))
    }
}

/// An annotation as an object, or why it cannot be used.
fn object(
    annotation: &Annotation,
    size_px: (u32, u32),
    names: &BTreeMap<i64, Arc<str>>,
) -> Result<Object, (Reason, String)> {
    let Some(class) = names.get(&annotation.category_id) else {
        return Err((Reason::UnknownClass, format!("there is no category {}", annotation.category_id)));
    };
    let Some(bbox) = &annotation.bbox else { return Err((Reason::NoArea, "it has no bbox".into())) };
    let &[x, y, w, h] = &bbox[..] else {
        return Err((Reason::NoArea, format!("its bbox has {} numbers, not four", bbox.len())));
    };
    let bbox_px = XywhPx { x, y, w, h };
    placed(class, bbox_px, size_px)?;
    let area_px = annotation.area.filter(|area| area.is_finite() && *area >= 0.0).unwrap_or_else(|| bbox_px.area());
    Ok(Object { class: class.clone(), bbox_px, area_px, difficult: false, crowd: annotation.is_crowd() })
}

#[cfg(test)]
#[path = "coco_tests.rs"]
mod tests;
