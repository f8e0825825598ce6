//! Pictures on disk with their objects: what all formats share once their files are read.
//!
//! Numbers the classes, leaves out what cannot be used with the reason, and decodes ([`Pictures::get`]). Knows no
//! format and no annotation file; a reader hands over what it found in each folder. Pictures are not kept in memory.
//!
//! Order of classes: as given; else, if all data sets number their classes themselves (COCO by rising id, YOLO by
//! index) and agree, that order; else by name.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use ssd::GroundTruth;

use crate::boxes_px::TruthPx;
use crate::error::DataError;
use crate::formats::found::{Found, Object, Picture, Read, fraction};
use crate::images;
use crate::report::{LoadReport, Reason, Skipped};
use crate::sample::Sample;

/// One split of one or several folders.
#[derive(Debug, Clone)]
pub struct Pictures {
    items: Vec<Item>,
    labels: Vec<String>,
    report: LoadReport,
    category_ids: Option<Vec<i64>>,
}

/// Notes repeated in an error.
const NOTES_SHOWN: usize = 3;

/// One picture, not yet decoded.
#[derive(Debug, Clone)]
struct Item {
    name: String,
    picture: PathBuf,
    size_px: (u32, u32),
    /// Crowds included.
    truths_px: Vec<TruthPx>,
    coco_id: Option<i64>,
}

/// A COCO data set's own numbers for its pictures and classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CocoIds {
    /// `image_id` of each picture, in order.
    pub images: Vec<i64>,
    /// `category_id` of each label, in order. A label that the data set lacks gets an unused number.
    pub categories: Vec<i64>,
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
        let labels = labels.map_or_else(|| labels_of(&found), <[String]>::to_vec);
        let category_ids = category_ids(&found, &labels);
        let classes: HashMap<&str, usize> = labels.iter().zip(1..).map(|(label, class)| (&label[..], class)).collect();
        let mut report = LoadReport::default();
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        let mut entries = 0;
        let mut turned = 0;
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
                // Two data sets may name one folder differently, or by a link.
                let place = fs::canonicalize(&picture.path).unwrap_or_else(|_| picture.path.clone());
                if !seen.insert(place) {
                    report.skipped.push(Skipped::new(picture.path, Reason::Duplicate, "it is in the data set already"));
                    continue;
                }
                report.skipped.extend(rejected);
                let truths_px = numbered(picture.objects, &classes, &labels, &annotation)?;
                let crowds = truths_px.iter().filter(|truth| truth.crowd).count();
                report.images += 1;
                turned += usize::from(picture.turned);
                report.crowds += crowds;
                report.boxes += truths_px.len() - crowds;
                report.empty_images += usize::from(truths_px.len() == crowds);
                let Picture { path, size_px, coco_id, .. } = picture;
                items.push(Item { name, picture: path, size_px, truths_px, coco_id });
            }
        }
        if turned > 0 {
            report.notes.push(format!(
                "{turned} pictures have an EXIF orientation, which is ignored: boxes refer to the picture as stored"
            ));
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
        let images: Vec<i64> = self.items.iter().map(|item| item.coco_id).collect::<Option<_>>()?;
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
        let image = images::decode(&bytes).map_err(failed)?.into_rgb8();
        Ok(Sample {
            name: item.name.clone(),
            image,
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

/// The classes of all folders; see the top of this file for their order.
fn labels_of(found: &[Found]) -> Vec<String> {
    let mut own = found.iter().map(|found| found.names.as_ref());
    if let Some(Some(first)) = own.next()
        && own.all(|names| names == Some(first))
    {
        return first.clone();
    }
    let named = found.iter().flat_map(|found| found.names.iter().flatten().map(String::as_str));
    let pictures = found.iter().flat_map(|found| &found.reads).filter_map(|read| read.outcome.as_ref().ok());
    let used = pictures.flat_map(|picture| &picture.objects).map(|object| &*object.class);
    let names: BTreeSet<&str> = named.chain(used).collect();
    names.into_iter().map(String::from).collect()
}

/// COCO's id of each label; `None` where a folder has none or two folders contradict each other.
fn category_ids(found: &[Found], labels: &[String]) -> Option<Vec<i64>> {
    let mut known: BTreeMap<&str, i64> = BTreeMap::new();
    for found in found {
        if found.category_ids.is_empty() {
            return None;
        }
        for (name, id) in &found.category_ids {
            if known.insert(name, *id).is_some_and(|before| before != *id) {
                return None;
            }
        }
    }
    let ids: BTreeSet<i64> = known.values().copied().collect();
    let mut free = (1..i64::MAX).filter(|id| !ids.contains(id));
    // Two folders may also use one number for two names.
    if ids.len() != known.len() {
        return None;
    }
    labels.iter().map(|label| known.get(&label[..]).copied().or_else(|| free.next())).collect()
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
