//! Pictures on disk with their objects: what all formats share once their files are read.
//!
//! Numbers the classes, leaves out what cannot be used with the reason, and decodes ([`Pictures::get`]). Knows no
//! format and no annotation file; a reader hands over what it found in each folder. Pictures are not kept in memory.
//!
//! Order of classes: as given; else, if all data sets number their classes themselves (COCO by rising id, YOLO by
//! index) and agree, that order; else by name. A background without objects is no class.
//!
//! A picture that is found again, under another id or in another file, is one picture with the objects of both.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use ssd::GroundTruth;

use crate::boxes_px::TruthPx;
use crate::error::DataError;
use crate::formats::found::{Found, Object, Picture, Read, fraction};
use crate::formats::ids::Id;
use crate::images;
use crate::report::{LoadReport, Reason, Skipped};
use crate::sample::Sample;

/// One split of one or several folders.
#[derive(Debug, Clone)]
pub struct Pictures {
    items: Vec<Item>,
    labels: Vec<String>,
    report: LoadReport,
    category_ids: Option<Vec<Id>>,
}

/// Notes repeated in an error.
const NOTES_SHOWN: usize = 3;

/// One picture, not yet decoded.
#[derive(Debug, Clone)]
struct Item {
    name: String,
    picture: PathBuf,
    size_px: (u32, u32),
    /// How it is turned once it is decoded.
    orientation: Orientation,
    /// Crowds included.
    truths_px: Vec<TruthPx>,
    coco_id: Option<Id>,
}

/// A COCO data set's own numbers for its pictures and classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CocoIds {
    /// `image_id` of each picture, in order.
    pub images: Vec<Id>,
    /// `category_id` of each label, in order. A label that the data set lacks gets an unused number.
    pub categories: Vec<Id>,
}

impl Pictures {
    /// Merges what was found; `data` and `split` are for messages.
    ///
    /// # Errors
    /// A class that is not among `labels`; nothing left to use.
    pub(super) fn new(
        found: Vec<Found>,
        labels: Option<&[String]>,
        data: &str,
        split: Option<&str>,
    ) -> Result<Self, DataError> {
        let learned = labels.is_none();
        let mut report = LoadReport::default();
        let labels = labels.map_or_else(|| labels_of(&found, &mut report.notes), <[String]>::to_vec);
        let category_ids = category_ids(&found, &labels);
        let classes: HashMap<&str, usize> = labels.iter().zip(1..).map(|(label, class)| (&label[..], class)).collect();
        let mut items: Vec<Item> = Vec::new();
        let mut seen: HashMap<PathBuf, usize> = HashMap::new();
        let (mut entries, mut again) = (0, 0_usize);
        for Found { reads, notes, skipped, .. } in found {
            report.notes.extend(notes);
            report.skipped.extend(skipped);
            entries += reads.len();
            for read in reads {
                let Read { name, annotation, outcome, rejected } = read;
                let picture = match outcome {
                    Ok(picture) => picture,
                    Err(skipped) => {
                        report.skipped.push(skipped);
                        continue;
                    }
                };
                let Picture { path, size_px, turn, objects, coco_id, .. } = picture;
                // Two data sets may name one folder differently, or by a link.
                let place = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
                let truths_px = numbered(objects, &classes, &labels, &annotation)?;
                let orientation =
                    if turn.decided == Some(false) { Orientation::NoTransforms } else { turn.orientation };
                match seen.get(&place) {
                    None => {
                        report.skipped.extend(rejected);
                        seen.insert(place, items.len());
                        items.push(Item { name, picture: path, size_px, orientation, truths_px, coco_id });
                    }
                    Some(&index) => match joined(&mut items[index], (size_px, orientation), truths_px) {
                        Ok(()) => again += 1,
                        Err(skipped) => report.skipped.push(Skipped { path, ..skipped }),
                    },
                }
            }
        }
        if again > 0 {
            report.notes.push(format!(
                "{again} pictures are there again, under another id or in another file; their boxes are joined"
            ));
        }
        for item in &items {
            let crowds = item.truths_px.iter().filter(|truth| truth.crowd).count();
            report.images += 1;
            report.crowds += crowds;
            report.boxes += item.truths_px.len() - crowds;
            report.empty_images += usize::from(item.truths_px.len() == crowds);
        }
        let nothing = |why: String| DataError::Nothing { path: data.into(), split: split.unwrap_or("all").into(), why };
        if items.is_empty() {
            let first = report.skipped.first();
            let first = first.map(|s| format!(", the first being {}: {}", s.path.display(), s.why));
            let notes: String = report.notes.iter().take(NOTES_SHOWN).map(|note| format!("; {note}")).collect();
            return Err(nothing(format!("none of {entries} entries can be used{}{notes}", first.unwrap_or_default())));
        }
        if labels.is_empty() || (learned && report.boxes + report.crowds == 0) {
            return Err(nothing(format!("{} pictures have no objects", items.len())));
        }
        Ok(Self { items, labels, report, category_ids })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no pictures.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Class names without background.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The stem of a picture's file, not unique across folders; empty past the end.
    pub fn name(&self, index: usize) -> String {
        self.items.get(index).map(|item| item.name.clone()).unwrap_or_default()
    }

    /// What opening found.
    pub fn report(&self) -> &LoadReport {
        &self.report
    }

    /// The data set's own numbers; `None` where it is not COCO, or where pictures or folders contradict each other.
    pub fn coco_ids(&self) -> Option<CocoIds> {
        let images: Vec<Id> = self.items.iter().map(|item| item.coco_id.clone()).collect::<Option<_>>()?;
        let different = images.iter().collect::<HashSet<_>>().len() == images.len();
        let categories = self.category_ids.clone()?;
        different.then_some(CocoIds { images, categories })
    }

    /// The objects of a picture, boxes in its pixels, without decoding it; empty past the end.
    pub fn truths_px(&self, index: usize) -> &[TruthPx] {
        self.items.get(index).map_or(&[], |item| &item.truths_px)
    }

    /// Decodes a picture.
    ///
    /// # Errors
    /// A picture that has gone since opening or does not decode; an index past the end.
    pub fn get(&self, index: usize) -> Result<Sample, DataError> {
        let item = self.items.get(index).ok_or(DataError::OutOfRange { index, len: self.items.len() })?;
        let failed = |why| DataError::Picture { path: item.picture.clone(), why };
        let bytes = fs::read(&item.picture).map_err(|source| DataError::Read { path: item.picture.clone(), source })?;
        // That a little of it is missing was noted when the set was opened.
        let (mut image, _note) = images::decode(&bytes).map_err(failed)?;
        image.apply_orientation(item.orientation);
        Ok(Sample {
            name: item.name.clone(),
            image: images::opaque(image),
            truths: learned_from(&item.truths_px, item.size_px),
            size_px: item.size_px,
            truths_px: item.truths_px.clone(),
        })
    }

    /// Keeps only the first `len` pictures.
    pub fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }
}

/// The objects to learn from: no crowds, whose boxes surround many objects and fit none.
fn learned_from(truths_px: &[TruthPx], size_px: (u32, u32)) -> Vec<GroundTruth> {
    let objects = truths_px.iter().filter(|truth| !truth.crowd);
    let learned = |truth: &TruthPx| GroundTruth {
        bbox: fraction(&truth.bbox_px, size_px),
        class: truth.class,
        difficult: truth.difficult,
    };
    objects.map(learned).collect()
}

/// Adds the objects of a picture that is found again. The error is what the report says if it adds none.
fn joined(item: &mut Item, frame: ((u32, u32), Orientation), truths_px: Vec<TruthPx>) -> Result<(), Skipped> {
    let skipped = |why: &str| Skipped::new("", Reason::Duplicate, why);
    if frame != (item.size_px, item.orientation) {
        let why = "it is in the data set already, turned otherwise; these boxes are left out";
        return Err(Skipped { boxes: truths_px.len(), ..skipped(why) });
    }
    let is_same = |a: &TruthPx, b: &TruthPx| (a.class, a.bbox_px, a.crowd) == (b.class, b.bbox_px, b.crowd);
    let new: Vec<TruthPx> =
        truths_px.into_iter().filter(|new| !item.truths_px.iter().any(|there| is_same(new, there))).collect();
    if new.is_empty() {
        return Err(skipped("it is in the data set already"));
    }
    item.truths_px.extend(new);
    Ok(())
}

/// Names of a class that stands for everything that is none.
const BACKGROUND: [&str; 4] = ["background", "__background__", "_background_", "bg"];

/// The classes of all folders; see the top of this file for their order. Adds notes on names that may surprise.
fn labels_of(found: &[Found], notes: &mut Vec<String>) -> Vec<String> {
    let pictures = found.iter().flat_map(|found| &found.reads).filter_map(|read| read.outcome.as_ref().ok());
    let used: BTreeSet<&str> = pictures.flat_map(|picture| &picture.objects).map(|object| &*object.class).collect();
    let mut own = found.iter().map(|found| found.names.as_ref());
    let mut labels = match own.next() {
        Some(Some(first)) if own.all(|names| names == Some(first)) => first.clone(),
        _ => {
            let named = found.iter().flat_map(|found| found.names.iter().flatten().map(String::as_str));
            let names: BTreeSet<&str> = named.chain(used.iter().copied()).collect();
            names.into_iter().map(String::from).collect()
        }
    };
    labels.retain(|label| {
        let background = BACKGROUND.contains(&&label.to_lowercase()[..]) && !used.contains(&label[..]);
        if background {
            notes.push(format!("\"{label}\" is the background and no class: no object is of it"));
        }
        !background
    });
    let mut by_letters: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    labels.iter().for_each(|label| by_letters.entry(label.to_lowercase()).or_default().push(label));
    for alike in by_letters.into_values().filter(|alike| alike.len() > 1) {
        notes.push(format!(
            "the classes {} differ only in capitals and are learned as different; spell them alike if they are one",
            alike.join(" and ")
        ));
    }
    labels
}

/// COCO's id of each label; `None` where a folder has none or two folders contradict each other.
fn category_ids(found: &[Found], labels: &[String]) -> Option<Vec<Id>> {
    let mut known: BTreeMap<&str, &Id> = BTreeMap::new();
    for found in found {
        if found.category_ids.is_empty() {
            return None;
        }
        for (name, id) in &found.category_ids {
            if known.insert(name, id).is_some_and(|before| before != id) {
                return None;
            }
        }
    }
    let ids: BTreeSet<&Id> = known.values().copied().collect();
    let mut free = (1..i64::MAX).map(Id::Number).filter(|id| !ids.contains(id));
    // Two folders may also use one number for two names.
    if ids.len() != known.len() {
        return None;
    }
    labels.iter().map(|label| known.get(&label[..]).map(|id| (*id).clone()).or_else(|| free.next())).collect()
}

/// The objects of a picture with their class numbers.
fn numbered(
    objects: Vec<Object>,
    classes: &HashMap<&str, usize>,
    labels: &[String],
    annotation: &Path,
) -> Result<Vec<TruthPx>, DataError> {
    let number = |object: Object| {
        let Object { class, bbox_px, area_px, difficult, crowd } = object;
        match classes.get(&*class) {
            Some(&class) => Ok(TruthPx { class, bbox_px, area_px, difficult, crowd }),
            None => Err(DataError::unknown_class(annotation, &class, labels)),
        }
    };
    objects.into_iter().map(number).collect()
}
