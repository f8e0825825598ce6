//! How well detections agree with the ground truth: Pascal VOC and COCO average precision.
//!
//! What it is: numbers out of boxes, in plain Rust. What it is not: it runs no model and reads no pictures. The same input
//! gives the same [`Report`] whoever produced the detections, so a file of another tool's results is measured alike.
//!
//! Boxes are in pixels of the source picture and in `f64`, corner and size as COCO files have them: a matching threshold
//! is a step, and one rounding more or less would put a box on the other side of it.
//!
//! [`voc`] and [`coco`] hold one definition each, [`coco_files`] the file formats, `table` the text for a terminal;
//! [`precision_recall`] and [`confusion`] are what `charts` draws.

pub mod coco;
pub mod coco_files;
pub mod confusion;
pub mod precision_recall;
#[cfg(test)]
mod speed_tests;
mod table;
pub mod voc;

use rayon::prelude::*;
use serde::Serialize;
use ssd::{CornerBox, Detection, GroundTruth};

/// A box by its upper left corner and its size, in pixels of the source picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct XywhPx {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl XywhPx {
    /// From corners that are fractions of a picture of `width` by `height` pixels.
    pub fn from_normalised(bbox: CornerBox, width: u32, height: u32) -> Self {
        let (sx, sy) = (f64::from(width), f64::from(height));
        let [x1, y1, x2, y2] = [bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(f64::from);
        Self { x: x1 * sx, y: y1 * sy, w: (x2 - x1) * sx, h: (y2 - y1) * sy }
    }

    /// Area in square pixels.
    pub fn area(&self) -> f64 {
        self.w * self.h
    }

    /// Area of the common part; 0 where the boxes do not meet.
    pub fn intersection_area(&self, other: &Self) -> f64 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        if w > 0.0 && h > 0.0 { w * h } else { 0.0 }
    }

    /// Intersection over union; 0 where neither has an area. No extra pixel is added to a width: see [`voc`].
    pub fn iou(&self, other: &Self) -> f64 {
        let intersection = self.intersection_area(other);
        let union = self.area() + other.area() - intersection;
        if union > 0.0 { intersection / union } else { 0.0 }
    }
}

/// An object that is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruthPx {
    /// 1-based.
    pub class: usize,
    /// Where.
    pub bbox_px: XywhPx,
    /// The annotation's area in square pixels (in COCO that of the outline, not of the box): decides on small, medium, large.
    pub area_px: f64,
    /// Hard to see (Pascal VOC): neither found nor missed.
    pub difficult: bool,
    /// A crowd (COCO `iscrowd`): any number of detections may lie in it, none of them counts.
    pub crowd: bool,
}

impl TruthPx {
    /// From an object of a picture of `width` by `height` pixels, whose area is its box's.
    pub fn from_normalised(truth: &GroundTruth, (width, height): (u32, u32)) -> Self {
        let bbox_px = XywhPx::from_normalised(truth.bbox, width, height);
        Self { class: truth.class, bbox_px, area_px: bbox_px.area(), difficult: truth.difficult, crowd: false }
    }
}

/// An object that a detector claims.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectionPx {
    /// 1-based.
    pub class: usize,
    /// Where.
    pub bbox_px: XywhPx,
    /// How sure; only the order matters.
    pub score: f64,
}

/// One picture: what is there and what was detected. Order of pictures and of detections breaks ties between equal scores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageResult {
    /// The picture's number in COCO files.
    pub image_id: i64,
    /// What is there.
    pub truths: Vec<TruthPx>,
    /// What was detected, in any order.
    pub detections: Vec<DetectionPx>,
}

impl ImageResult {
    /// From the data set's and the model's own form, for a source picture of `width` by `height` pixels: objects in its
    /// pixels, detections as fractions of it.
    pub fn from_normalised(
        image_id: i64,
        (width, height): (u32, u32),
        truths: &[TruthPx],
        detections: &[Detection],
    ) -> Self {
        let detections = detections.iter().map(|d| DetectionPx {
            class: d.class,
            bbox_px: XywhPx::from_normalised(d.bbox, width, height),
            score: f64::from(d.score),
        });
        Self { image_id, truths: truths.to_vec(), detections: detections.collect() }
    }
}

/// All measures of one run. Values are `0..=1`; `None` where nothing could be found: no object of that kind is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Pascal VOC 2007: mean over classes of the 11-point AP at IoU 0.5.
    pub voc07_11pt: Option<f64>,
    /// Pascal VOC since 2010: mean over classes of the area under the curve at IoU 0.5.
    pub voc_all_point: Option<f64>,
    /// COCO's twelve numbers, less three that need area and count at once.
    pub coco: CocoSummary,
    /// One entry for each label, in the order of the labels.
    pub per_class: Vec<ClassReport>,
    /// How many pictures.
    pub images: usize,
}

/// COCO's summary; see [`coco`] for the definition.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct CocoSummary {
    /// Mean over IoU .50:.05:.95 and classes, 100 detections a picture and class, all areas.
    pub ap: Option<f64>,
    /// The same at IoU .50 alone.
    pub ap50: Option<f64>,
    /// The same at IoU .75 alone.
    pub ap75: Option<f64>,
    /// As `ap`, for objects below 32 x 32 square pixels.
    pub ap_small: Option<f64>,
    /// As `ap`, from 32 x 32 to 96 x 96 square pixels.
    pub ap_medium: Option<f64>,
    /// As `ap`, above 96 x 96 square pixels.
    pub ap_large: Option<f64>,
    /// Average recall with one detection a picture and class.
    pub ar_1: Option<f64>,
    /// Average recall with ten.
    pub ar_10: Option<f64>,
    /// Average recall with a hundred.
    pub ar_100: Option<f64>,
}

/// The measures of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassReport {
    /// The class by name.
    pub label: String,
    /// 11-point AP at IoU 0.5.
    pub ap50_11pt: Option<f64>,
    /// Area under the curve at IoU 0.5.
    pub ap50_all_point: Option<f64>,
    /// COCO AP, IoU .50:.05:.95.
    pub ap: Option<f64>,
    /// How many objects count: neither difficult nor a crowd.
    pub ground_truths: usize,
}

/// One picture as one class sees it.
#[derive(Debug, Clone, Default)]
struct ClassImage<'a> {
    truths: Vec<&'a TruthPx>,
    /// Best first; equal scores stay in their order.
    detections: Vec<&'a DetectionPx>,
}

/// Measures all pictures. `labels[c - 1]` names class `c`; an object of a class without a label is left out.
pub fn evaluate(images: &[ImageResult], labels: &[String]) -> Report {
    let by_class = split_by_class(images, labels.len());
    let measured: Vec<(voc::ClassAp, coco::ClassMeasures)> = by_class
        .par_iter()
        .map(|class_images| (voc::class_ap(class_images), coco::class_measures(class_images)))
        .collect();

    let per_class =
        labels.iter().zip(&by_class).zip(&measured).map(|((label, class_images), (voc, coco))| ClassReport {
            label: label.clone(),
            ap50_11pt: voc.eleven_point,
            ap50_all_point: voc.all_point,
            ap: coco.ap(),
            ground_truths: class_images
                .iter()
                .flat_map(|image| &image.truths)
                .filter(|t| !t.difficult && !t.crowd)
                .count(),
        });
    let per_class: Vec<ClassReport> = per_class.collect();
    let coco_by_class: Vec<_> = measured.into_iter().map(|(_, coco)| coco).collect();
    Report {
        voc07_11pt: mean(per_class.iter().map(|c| c.ap50_11pt)),
        voc_all_point: mean(per_class.iter().map(|c| c.ap50_all_point)),
        coco: coco::summary(&coco_by_class),
        per_class,
        images: images.len(),
    }
}

/// For each class the pictures that have an object or a detection of it, in the order of the pictures.
fn split_by_class(images: &[ImageResult], classes: usize) -> Vec<Vec<ClassImage<'_>>> {
    let mut by_class: Vec<Vec<ClassImage>> = vec![Vec::new(); classes];
    // A picture gets one entry in each class of which it has something: this remembers the last picture of each class.
    let mut last_image = vec![usize::MAX; classes];
    for (i, image) in images.iter().enumerate() {
        for truth in image.truths.iter().filter(|t| (1..=classes).contains(&t.class)) {
            entry_of(&mut by_class[truth.class - 1], &mut last_image[truth.class - 1], i).truths.push(truth);
        }
        for detection in image.detections.iter().filter(|d| (1..=classes).contains(&d.class)) {
            let c = detection.class - 1;
            entry_of(&mut by_class[c], &mut last_image[c], i).detections.push(detection);
        }
    }
    for entry in by_class.iter_mut().flatten() {
        // A stable sort: equal scores keep their order.
        entry.detections.sort_by(|a, b| b.score.total_cmp(&a.score));
    }
    by_class
}

/// The entry of picture `i` in one class, the newest one or a new one.
fn entry_of<'c, 'a>(entries: &'c mut Vec<ClassImage<'a>>, last_image: &mut usize, i: usize) -> &'c mut ClassImage<'a> {
    if *last_image != i {
        *last_image = i;
        entries.push(ClassImage::default());
    }
    let newest = entries.len() - 1;
    &mut entries[newest]
}

/// The mean of the values that are defined; `None` where none is.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::path::Path;

    use serde_json::Value;

    use super::*;

    /// Same keys in the same nesting, null where null is wanted, numbers within a millionth.
    fn assert_agrees(at: &str, got: &Value, want: &Value) {
        match (got, want) {
            (Value::Object(got), Value::Object(want)) => {
                assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "keys of {at}");
                got.iter().for_each(|(key, value)| assert_agrees(&format!("{at}.{key}"), value, &want[key]));
            }
            (Value::Array(got), Value::Array(want)) => {
                assert_eq!(got.len(), want.len(), "length of {at}");
                got.iter().zip(want).enumerate().for_each(|(i, (g, w))| assert_agrees(&format!("{at}[{i}]"), g, w));
            }
            (Value::Number(got), Value::Number(want)) => {
                let (got, want) = (got.as_f64().unwrap(), want.as_f64().unwrap());
                assert!((got - want).abs() < 1e-6, "{at} is {got}, wanted {want}");
            }
            _ => assert_eq!(got, want, "{at}"),
        }
    }

    /// Measures the files of one folder and compares with what stands there in `expected.json`.
    fn assert_folder_agrees(folder: &Path) {
        let ground_truth = folder.join("ground_truth.json");
        let mut truth = coco_files::read_ground_truth(&ground_truth).unwrap();
        let unknown = coco_files::read_detections(&folder.join("detections.json"), &ground_truth, &mut truth).unwrap();
        assert_eq!((truth.skipped, unknown), (0, 0));
        let got = serde_json::to_value(evaluate(&truth.images, &truth.labels)).unwrap();
        let want: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
        assert_agrees("report", &got, &want);
    }

    #[test]
    fn the_recorded_problem_gives_the_numbers_of_pycocotools() {
        // Made by make_fixture.py beside the files.
        assert_folder_agrees(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/evaluation"));
    }
}
