//! COCO: one JSON file for all pictures of a split, beside them, in `annotations/`, or given itself.
//!
//! The split is in its or its folder's name. Joins file and pictures. Classes are ordered by category id; ids may have
//! gaps. A picture without annotations is used as one without objects. Boxes are kept as written; one that extends
//! beyond its picture is clipped for learning only. Pictures are never looked for outside the set's folder.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::coco_json::{Annotation, CocoFile, Image};
use super::found::{self, Edges, Found, Picture, Read, Written, WrittenObject};
use super::ids::Id;
use super::pairs::unusual_words;
use super::paths::{self, Index, Lost};
use super::spec::{FormatSpec, Set};
use super::split::{self, Splits, Take};
use super::tree::{Ends, Tree, file_name, stem};
use crate::error::DataError;
use crate::images::is_picture;
use crate::report::{Reason, Skipped};

/// Start of the names of files that are not about boxes. Some programs give the one of key points boxes, too.
const OTHER_TASKS: [&str; 5] = ["captions", "person_keypoints", "panoptic", "stuff", "image_info"];

/// In a folder with more JSON files than this, each belongs to a picture: some annotation tools write them so.
const MOST_FILES: usize = 64;

/// Bytes read at each end of a JSON to tell whether it is COCO's; the categories follow the annotations.
const LOOKED_AT: u64 = 64 << 10;

/// An annotation file.
#[derive(Debug, Clone, PartialEq)]
struct Json {
    path: PathBuf,
    /// The split that its name or its folder names, such as `train2017`.
    split: Option<String>,
}

/// A format whose files each describe many pictures, and can be read as a COCO file.
pub(super) struct Source {
    /// Its name for people.
    pub format: &'static str,
    /// What to give, in words.
    pub advice: &'static str,
    /// Whether a JSON is one of its files.
    pub looks_like: fn(&Path) -> bool,
    pub read: fn(&Path) -> Result<CocoFile, DataError>,
}

/// COCO, as a row of the table of formats.
pub(super) static FORMAT: FormatSpec = FormatSpec {
    name: "coco",
    looked_for: "a JSON with images and annotations (COCO)",
    recognise: |tree| Ok(sets_in(tree, &SOURCE)),
    named: |path| sets_at(path, &SOURCE),
};

static SOURCE: Source = Source {
    format: "COCO",
    advice: "give the folder that holds annotations/instances_*.json, one with a COCO JSON among the pictures, or the \
             path of the JSON itself",
    looks_like: looks_like_coco,
    read: CocoFile::read,
};

/// The set in a tree; none without any file of the format.
pub(super) fn sets_in(tree: &Tree, source: &'static Source) -> Vec<Set> {
    let jsons = jsons_in(tree, source.looks_like);
    if jsons.is_empty() { Vec::new() } else { vec![set(tree.clone(), jsons, source)] }
}

/// The set at a path: a folder, or the JSON itself.
pub(super) fn sets_at(path: &Path, source: &'static Source) -> Result<Vec<Set>, DataError> {
    if !path.is_dir() {
        let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let above = beside.parent().filter(|above| is_for_annotations(beside) && !above.as_os_str().is_empty());
        let root = above.unwrap_or(beside).to_path_buf();
        let files = Tree::of(&root)?.files;
        let json = Json::new(path.into(), path.parent().unwrap_or(path).parent().unwrap_or(path));
        return Ok(vec![set(Tree::new(&root, files), vec![json], source)]);
    }
    let sets = sets_in(&Tree::of(path)?, source);
    if sets.is_empty() {
        let (format, why) = (source.format, source.advice.into());
        return Err(DataError::OtherLayout { path: path.into(), format, why });
    }
    Ok(sets)
}

fn is_for_annotations(folder: &Path) -> bool {
    ["annotations", "annotation", "labels"].iter().any(|name| file_name(folder).eq_ignore_ascii_case(name))
}

/// The set of all files of a tree, each a split or a part of one.
fn set(tree: Tree, jsons: Vec<Json>, source: &'static Source) -> Set {
    let splits = Splits::new(&tree.root, jsons.iter().map(|json| json.split.clone()));
    // As if each picture were in one of the files: they are not read before it is known which.
    let annotated = tree.files.iter().filter(|file| is_picture(file)).count().max(1);
    let open = move |take: &Take| {
        let jsons: Vec<&Json> = jsons.iter().filter(|json| take.includes(json.split.as_deref())).collect();
        let files = jsons.into_iter().map(|json| Ok((json, (source.read)(&json.path)?)));
        let files = files.collect::<Result<Vec<(&Json, CocoFile)>, DataError>>()?;
        let names: Vec<String> =
            files.iter().flat_map(|(_, file)| file.images.iter().flatten().map(Image::name)).collect();
        let (taken, note) = take.of(names.iter().map(String::as_str));
        let found = files.into_iter().map(|(json, file)| json.join(file, &tree, &taken));
        let mut found = found.collect::<Result<Vec<Found>, DataError>>()?;
        if let Some(first) = found.first_mut() {
            first.notes.extend(note);
        }
        Ok(found)
    };
    Set { annotated, splits, open: Box::new(open) }
}

/// The annotation files of a tree; those of key points only where there are no others.
fn jsons_in(tree: &Tree, looks_like: fn(&Path) -> bool) -> Vec<Json> {
    let all: Vec<&PathBuf> = tree.ending(&["json"]).collect();
    let mut counts: HashMap<Option<&Path>, usize> = HashMap::new();
    all.iter().for_each(|file| *counts.entry(file.parent()).or_default() += 1);
    let few = all.into_iter().filter(|file| counts[&file.parent()] <= MOST_FILES);
    let fitting: Vec<&PathBuf> = few.filter(|file| looks_like(file)).collect();
    let is_about = |file: &&&PathBuf, tasks: &[&str]| tasks.iter().any(|task| file_name(file).starts_with(task));
    let mut chosen: Vec<&PathBuf> = fitting.iter().filter(|file| !is_about(file, &OTHER_TASKS)).copied().collect();
    if chosen.is_empty() {
        chosen = fitting.iter().filter(|file| is_about(file, &["person_keypoints"])).copied().collect();
    }
    chosen.into_iter().map(|file| Json::new(file.clone(), &tree.root)).collect()
}

/// Whether a file has COCO's lists of images and annotations: their names, or keys of their entries, near the start or
/// the end. Between these lie the lists and, in a large file, the name of the second.
fn looks_like_coco(path: &Path) -> bool {
    let ends = Ends::of(path, LOOKED_AT);
    let has = |key: &str| ends.have(key);
    (has("\"images\"") || has("\"file_name\"")) && (has("\"annotations\"") || has("\"category_id\""))
}

impl Json {
    /// A file, whose split is in its name, or else in that of a folder below `root`.
    fn new(path: PathBuf, root: &Path) -> Self {
        let name = stem(&path);
        let named = || name.strip_prefix("instances_").map(str::to_lowercase);
        // Each folder with a file of its own is a part, whatever its name: `fold_1/_annotations.coco.json`.
        let folder = || {
            let inside = path.strip_prefix(root).ok()?.parent().filter(|inside| !inside.as_os_str().is_empty())?;
            let own = file_name(inside).to_lowercase();
            split::of(&path, root)
                .or_else(|| (!is_for_annotations(inside) && inside.iter().count() == 1).then_some(own))
        };
        let split = split::in_name(&name).or_else(named).or_else(folder);
        Self { path, split }
    }

    /// Joins file and pictures, those of the names `taken`.
    fn join(&self, file: CocoFile, tree: &Tree, taken: &HashSet<&str>) -> Result<Found, DataError> {
        let classes = file.classes();
        let names: HashMap<Id, Arc<str>> =
            classes.iter().map(|(id, name)| (id.clone(), Arc::from(&name[..]))).collect();
        let mut found = Found::default();
        let mut labels: Vec<String> = Vec::new();
        for (id, name) in classes {
            match found.category_ids.entry(name) {
                Entry::Vacant(entry) => {
                    labels.push(entry.key().clone());
                    entry.insert(id);
                }
                Entry::Occupied(entry) => {
                    let note =
                        format!("{} has two categories \"{}\", merged into one", self.path.display(), entry.key());
                    found.notes.push(note);
                }
            }
        }
        found.names = Some(labels);

        let (images, skipped) = self.each_once(file.images);
        found.skipped.extend(skipped);
        let known: HashSet<&Id> = images.iter().map(|(id, _)| id).collect();
        let mut of_image: HashMap<Id, Vec<Annotation>> = HashMap::new();
        for annotation in file.annotations.into_iter().flatten() {
            match &annotation.image_id {
                Some(id) if known.contains(id) => of_image.entry(id.clone()).or_default().push(annotation),
                id => {
                    let image = id.as_ref().map_or("no image".into(), |id| format!("image {id}, which is not listed"));
                    let why = format!("{} is of {image}", shown(&annotation.id));
                    found.skipped.push(Skipped { boxes: 1, ..Skipped::new(&self.path, Reason::MissingImage, why) });
                }
            }
        }
        let places = self.places(&images, tree)?;
        let images: Vec<_> = images
            .into_iter()
            .zip(places)
            .filter(|((_, image), _)| taken.contains(&image.name()[..]))
            .map(|((id, image), place)| {
                let annotations = of_image.remove(&id).unwrap_or_default();
                (id, image, place, annotations)
            })
            .collect();
        let reads = images.into_par_iter();
        found.reads =
            reads.map(|(id, image, place, annotations)| self.one(id, &image, place, annotations, &names)).collect();
        Ok(found)
    }

    /// The pictures by id, each once.
    fn each_once(&self, images: Vec<Option<Image>>) -> (Vec<(Id, Image)>, Vec<Skipped>) {
        let mut skipped = Vec::new();
        let mut by_id: BTreeMap<Id, Image> = BTreeMap::new();
        for image in images.into_iter().flatten() {
            match image.id.clone().map(|id| by_id.entry(id)) {
                Some(Entry::Vacant(entry)) => drop(entry.insert(image)),
                Some(Entry::Occupied(entry)) => {
                    let (id, first) = (entry.key(), &entry.get().file_name);
                    let why = format!("image {id} is listed twice, as {first} and {}", image.file_name);
                    skipped.push(Skipped::new(&self.path, Reason::Duplicate, why));
                }
                None => {
                    let why = format!("image {} has no id", image.file_name);
                    skipped.push(Skipped { pictures: 1, ..Skipped::new(&self.path, Reason::BadAnnotation, why) });
                }
            }
        }
        (by_id.into_iter().collect(), skipped)
    }

    /// The file of each picture. Where none is found in the split's own folders, those of other splits are looked at.
    fn places(&self, images: &[(Id, Image)], tree: &Tree) -> Result<Vec<Result<PathBuf, Lost>>, DataError> {
        let pictures: Vec<PathBuf> = tree.files.iter().filter(|file| is_picture(file)).cloned().collect();
        let index = Index::new(&tree.root, &pictures);
        let beside = self.path.parent().unwrap_or(Path::new(""));
        let rank = |path: &Path| {
            let of_split = path.iter().any(|part| {
                self.split.as_ref().is_some_and(|split| part.to_string_lossy().eq_ignore_ascii_case(split))
            });
            (!of_split, !path.starts_with(beside), unusual_words(path, &tree.root))
        };
        for own in [self.split.as_deref(), None] {
            let find = |(_, image): &(Id, Image)| index.find(&image.file_name, own, rank).cloned();
            let places: Vec<Result<PathBuf, Lost>> = images.iter().map(find).collect();
            if images.is_empty() || places.iter().any(Result::is_ok) {
                return Ok(places);
            }
        }
        let example = images.first().map_or("", |(_, image)| &image.file_name);
        let why = format!(
            "its pictures ({example}) are not in {} or a folder in it; put them there, for example into images/",
            tree.root.display()
        );
        Err(DataError::Description { path: self.path.clone(), why })
    }

    /// One picture with its annotations.
    fn one(
        &self,
        id: Id,
        image: &Image,
        place: Result<PathBuf, Lost>,
        annotations: Vec<Annotation>,
        names: &HashMap<Id, Arc<str>>,
    ) -> Read {
        let written = Written {
            size: image.size(),
            objects: annotations.into_iter().map(|annotation| object(annotation, names)).collect(),
        };
        let mut read = match place {
            Ok(path) => found::read(image.name(), &path, &self.path, written),
            Err(lost) => {
                let outside = paths::leads_outside(&image.file_name);
                let reason = if outside { Reason::OutsideFolder } else { Reason::MissingPicture };
                let why = format!("image {id} is named \"{}\", and in the set {}", image.file_name, lost.words());
                let skipped = Skipped { boxes: written.objects.len(), ..Skipped::new(&self.path, reason, why) };
                Read { name: image.name(), annotation: self.path.clone(), outcome: Err(skipped), rejected: Vec::new() }
            }
        };
        read.outcome = read.outcome.map(|picture| Picture { coco_id: Some(id), ..picture });
        read
    }
}

impl Image {
    /// The stem of its file.
    fn name(&self) -> String {
        paths::parts(&self.file_name).last().map(|name| stem(Path::new(name))).unwrap_or_default()
    }
}

/// An annotation in a message.
fn shown(id: &Option<Id>) -> String {
    id.as_ref().map_or("an annotation".into(), |id| format!("annotation {id}"))
}

/// An annotation as an object, or why it cannot be used.
fn object(
    annotation: Annotation,
    names: &HashMap<Id, Arc<str>>,
) -> (Option<Id>, Result<WrittenObject, (Reason, String)>) {
    let class = match &annotation.category_id {
        Some(id) => names.get(id).ok_or_else(|| (Reason::UnknownClass, format!("there is no category {id}"))),
        None => Err((Reason::UnknownClass, "it has no category".into())),
    };
    let object = class.and_then(|class| {
        let bbox_px = annotation.bbox_px().map_err(|why| (Reason::NoArea, why))?;
        let edges = Edges::AsWritten(bbox_px);
        Ok(WrittenObject {
            class: class.clone(),
            edges,
            area_px: annotation.area,
            difficult: false,
            crowd: annotation.crowd,
        })
    });
    (annotation.id, object)
}

#[cfg(test)]
#[path = "coco_tests.rs"]
mod tests;
