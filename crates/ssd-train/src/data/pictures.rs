//! Pictures on disk with their objects: what all formats have in common once their files are read.
//!
//! What it is: the numbers of classes, leaving out what cannot be used with the reason, boxes made to fit their picture, and
//! [`Pictures::get`], which decodes. What it is not: it knows no layout and no annotation file; a reader ([`super::voc`],
//! [`super::coco`], [`super::yolo`]) hands over a [`Found`] for each folder. Pictures are not kept in memory.
//!
//! Order of classes: as given; else, where all data number their classes themselves (COCO by rising id, YOLO by index) and
//! agree, that order; else by name.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ssd::{CornerBox, GroundTruth};

use super::report::{LoadReport, Reason, Skipped};
use super::{DataError, Sample};
use crate::evaluation::{TruthPx, XywhPx};
use crate::images;

/// One split of one or several folders.
#[derive(Debug, Clone)]
pub struct Pictures {
    items: Vec<Item>,
    labels: Vec<String>,
    report: LoadReport,
    category_ids: Option<Vec<i64>>,
}

/// One picture, not yet decoded.
#[derive(Debug, Clone)]
struct Item {
    name: String,
    picture: PathBuf,
    size_px: (u32, u32),
    /// Crowds among them.
    truths_px: Vec<TruthPx>,
    coco_id: Option<i64>,
}

/// The numbers that a COCO data set has for its pictures and classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CocoIds {
    /// `image_id` of each picture, in their order.
    pub images: Vec<i64>,
    /// `category_id` of each label, in their order. A label that the data set does not have gets a number that it does not
    /// have, either.
    pub categories: Vec<i64>,
}

/// What a reader found in one folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The pictures of the split.
    pub reads: Vec<Read>,
    /// The classes in the data's own order, where they have one.
    pub names: Option<Vec<String>>,
    /// COCO's numbers of the classes.
    pub category_ids: BTreeMap<String, i64>,
    /// Sentences for the report.
    pub notes: Vec<String>,
    /// What is left out and belongs to no picture.
    pub skipped: Vec<Skipped>,
}

/// What became of one picture of a split.
#[derive(Debug)]
pub(super) struct Read {
    /// What to call it.
    pub name: String,
    /// The file that says what is in it.
    pub annotation: PathBuf,
    /// The picture and its objects, or why it is left out.
    pub outcome: Result<Picture, Skipped>,
    /// Objects that are left out.
    pub rejected: Vec<Skipped>,
}

/// A picture that can be used.
#[derive(Debug)]
pub(super) struct Picture {
    pub path: PathBuf,
    pub size_px: (u32, u32),
    pub objects: Vec<Object>,
    /// COCO's number of it.
    pub coco_id: Option<i64>,
}

/// An object whose class has a name, but no number yet. Its box has room within the picture ([`placed`]).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    pub class: Arc<str>,
    pub bbox_px: XywhPx,
    pub area_px: f64,
    pub difficult: bool,
    pub crowd: bool,
}

impl Pictures {
    /// Unites what was found; `data` and `split` are for sentences.
    ///
    /// # Errors
    /// An object whose class is none of `labels`, and where nothing is left to use.
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
                if !seen.insert(picture.path.clone()) {
                    report.skipped.push(Skipped::new(picture.path, Reason::Duplicate, "it is there already"));
                    continue;
                }
                report.skipped.extend(rejected);
                let truths_px = numbered(picture.objects, &classes, &labels, &annotation)?;
                let crowds = truths_px.iter().filter(|truth| truth.crowd).count();
                report.images += 1;
                report.crowds += crowds;
                report.boxes += truths_px.len() - crowds;
                report.empty_images += usize::from(truths_px.len() == crowds);
                let Picture { path, size_px, coco_id, .. } = picture;
                items.push(Item { name, picture: path, size_px, truths_px, coco_id });
            }
        }
        let nothing = |why: String| DataError::Nothing { path: data.into(), split: split.unwrap_or("all").into(), why };
        if items.is_empty() {
            let first = report.skipped.first();
            let first = first.map(|s| format!(", the first being {}: {}", s.path.display(), s.why));
            return Err(nothing(format!("of {entries} entries none can be used{}", first.unwrap_or_default())));
        }
        if labels.is_empty() || (learned && report.boxes + report.crowds == 0) {
            return Err(nothing(format!("{} pictures have no object", items.len())));
        }
        Ok(Self { items, labels, report, category_ids })
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

    /// The stem of a picture's file; empty past the end. Pictures of different folders may have the same.
    pub fn name(&self, index: usize) -> String {
        self.items.get(index).map(|item| item.name.clone()).unwrap_or_default()
    }

    /// What was found on opening.
    pub fn report(&self) -> &LoadReport {
        &self.report
    }

    /// The data set's own numbers; `None` where it is not COCO, or where two of its pictures or folders contradict each other.
    pub fn coco_ids(&self) -> Option<CocoIds> {
        let images: Vec<i64> = self.items.iter().map(|item| item.coco_id).collect::<Option<_>>()?;
        let different = images.iter().collect::<HashSet<_>>().len() == images.len();
        let categories = self.category_ids.clone()?;
        different.then_some(CocoIds { images, categories })
    }

    /// What is in a picture, boxes in its pixels, without decoding it; nothing past the end.
    pub fn truths_px(&self, index: usize) -> &[TruthPx] {
        self.items.get(index).map_or(&[], |item| &item.truths_px)
    }

    /// Decodes a picture.
    ///
    /// # Errors
    /// A picture that is gone since opening or does not decode, and an index past the end.
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

    /// Keeps the first `len` pictures only.
    pub fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }
}

/// The part of a box that lies in its picture, both in pixels; unchanged to the bit where it does not stick out.
///
/// # Errors
/// Why the box cannot be used: it has no room, or none in the picture.
pub(super) fn placed(class: &str, bbox_px: XywhPx, size_px: (u32, u32)) -> Result<XywhPx, (Reason, String)> {
    let XywhPx { x, y, w, h } = bbox_px;
    let words = || format!("the box of {class} at ({x}, {y}) of {w} x {h} pixels");
    let finite = [x, y, w, h, x + w, y + h, w * h].iter().all(|value| value.is_finite());
    if !(finite && w > 0.0 && h > 0.0) {
        return Err((Reason::NoArea, format!("{} has no width or no height", words())));
    }
    let (width, height) = (f64::from(size_px.0), f64::from(size_px.1));
    let (x1, y1, x2, y2) = (x.max(0.0), y.max(0.0), (x + w).min(width), (y + h).min(height));
    if x1 >= x2 || y1 >= y2 {
        return Err((
            Reason::OutsidePicture,
            format!("{} lies outside the picture of {width} x {height} pixels", words()),
        ));
    }
    let inside = x >= 0.0 && y >= 0.0 && x + w <= width && y + h <= height;
    let clipped = if inside { bbox_px } else { XywhPx { x: x1, y: y1, w: x2 - x1, h: y2 - y1 } };
    // What is learned from is a fraction in f32, which a box of a thousandth of a pixel does not survive.
    if !fraction(&clipped, size_px).is_proper() {
        return Err((Reason::NoArea, format!("{} has next to no width or height", words())));
    }
    Ok(clipped)
}

/// A box in pixels as a fraction of its picture.
fn fraction(bbox_px: &XywhPx, (width, height): (u32, u32)) -> CornerBox {
    let XywhPx { x, y, w, h } = *bbox_px;
    let (width, height) = (f64::from(width), f64::from(height));
    let [x1, y1, x2, y2] = [x / width, y / height, (x + w) / width, (y + h) / height].map(|edge| edge as f32);
    CornerBox::new(x1, y1, x2, y2).clipped()
}

/// What is learned from: no crowds, since a box around many is the box of none.
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

/// COCO's number of each label; `None` where a folder has none or two folders contradict each other.
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

/// The objects of a picture with the numbers of their classes.
fn numbered(
    objects: Vec<Object>,
    classes: &HashMap<&str, usize>,
    labels: &[String],
    annotation: &std::path::Path,
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

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (200, 100);

    fn xywh(x: f64, y: f64, w: f64, h: f64) -> XywhPx {
        XywhPx { x, y, w, h }
    }

    #[test]
    fn a_box_inside_stays_as_it_is_and_one_that_sticks_out_is_clipped() {
        let inside = xywh(0.1, 0.2, 199.9, 99.8);
        assert_eq!(placed("cat", inside, SIZE), Ok(inside));
        assert_eq!(placed("cat", xywh(-10.0, 50.0, 30.0, 80.0), SIZE), Ok(xywh(0.0, 50.0, 20.0, 50.0)));
    }

    #[test]
    fn a_box_without_room_has_a_reason() {
        let reason = |bbox| placed("cat", bbox, SIZE).map_err(|(reason, _)| reason);
        for bbox in [
            xywh(1.0, 1.0, 0.0, 5.0),
            xywh(1.0, 1.0, -4.0, 5.0),
            xywh(f64::NAN, 1.0, 2.0, 2.0),
            xywh(1.0, 1.0, f64::INFINITY, 2.0),
            xywh(1.0, 1.0, 1e200, 1e200),
            xywh(100.0, 1.0, 1e-12, 2.0),
        ] {
            assert_eq!(reason(bbox), Err(Reason::NoArea), "{bbox:?}");
        }
        for bbox in [xywh(200.0, 1.0, 5.0, 5.0), xywh(1.0, -9.0, 5.0, 9.0), xywh(1e9, 1.0, 5.0, 5.0)] {
            assert_eq!(reason(bbox), Err(Reason::OutsidePicture), "{bbox:?}");
        }
    }
}
