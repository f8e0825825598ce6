//! COCO's two file formats: the ground truth (`instances_*.json`) and a list of detections (results format).
//!
//! Reads both into [`ImageResult`]s and writes the second. Not a data set for training: pictures are never looked at.
//! Classes are the file's categories by id, so class 1 has the lowest id; ids may have gaps.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ssd_data::formats::coco_json::is_set;
use ssd_data::{TruthPx, XywhPx};
use ssd_data::{WriteError, write_atomic};

use crate::image_result::{DetectionPx, ImageResult};

/// A ground truth file, ready for its detections.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundTruthFile {
    /// One entry per picture, by id, without detections.
    pub images: Vec<ImageResult>,
    /// Names of the categories, by id.
    pub labels: Vec<String>,
    /// Category id to 1-based class.
    classes: BTreeMap<i64, usize>,
    /// Annotations left out: their picture or category is not in the file, or their box is invalid.
    pub skipped: usize,
}

/// One entry of a results file; `bbox` is `[x, y, width, height]` in pixels of the source picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultEntry {
    /// The picture's id.
    pub image_id: i64,
    /// The category's id.
    pub category_id: i64,
    /// The box.
    pub bbox: [f64; 4],
    /// The score.
    pub score: f64,
}

/// An unusable file.
#[derive(Debug, thiserror::Error)]
pub enum CocoFileError {
    /// It does not open.
    #[error("{0} does not open: {1}; check the path.")]
    Open(PathBuf, #[source] std::io::Error),
    /// It is not of this form.
    #[error("{path} is not a COCO {what} file: {source}; {wanted}.")]
    Form {
        /// The file.
        path: PathBuf,
        /// Which of the two formats.
        what: &'static str,
        /// Where in the file, and what is wrong.
        source: serde_json::Error,
        /// The form in words.
        wanted: &'static str,
    },
    /// It names a picture that is not in the ground truth.
    #[error(
        "{path} has a detection in picture {image_id}, which {truth} does not have; the two files must belong to the \
         same set."
    )]
    UnknownImage {
        /// The results.
        path: PathBuf,
        /// The ground truth.
        truth: PathBuf,
        /// The unknown id.
        image_id: i64,
    },
    /// There is nothing to measure.
    #[error("{0} has no {1}; there is nothing to measure against.")]
    Empty(PathBuf, &'static str),
}

#[derive(Deserialize)]
struct TruthFile {
    images: Vec<ImageEntry>,
    annotations: Vec<AnnotationEntry>,
    categories: Vec<CategoryEntry>,
}

#[derive(Deserialize)]
struct ImageEntry {
    id: i64,
}

#[derive(Deserialize)]
struct CategoryEntry {
    id: i64,
    name: String,
}

#[derive(Deserialize)]
struct AnnotationEntry {
    image_id: i64,
    category_id: i64,
    bbox: Vec<f64>,
    area: Option<f64>,
    /// 0 or 1 in COCO's own files, a boolean in some others.
    #[serde(default)]
    iscrowd: serde_json::Value,
}

/// Reads a ground truth file.
///
/// # Errors
/// [`CocoFileError`] if it does not open, is not of the form, or has no pictures or no categories.
pub fn read_ground_truth(path: &Path) -> Result<GroundTruthFile, CocoFileError> {
    let wanted = "it must be an object with the lists images, annotations and categories";
    let file: TruthFile = read_json(path, "ground truth", wanted)?;
    let empty = |what| CocoFileError::Empty(path.to_owned(), what);
    let mut categories = file.categories;
    categories.sort_by_key(|category| category.id);
    categories.dedup_by_key(|category| category.id);
    let classes: BTreeMap<i64, usize> =
        categories.iter().zip(1..).map(|(category, class)| (category.id, class)).collect();
    let mut by_id: BTreeMap<i64, ImageResult> =
        file.images.iter().map(|image| (image.id, ImageResult { image_id: image.id, ..Default::default() })).collect();
    if by_id.is_empty() {
        return Err(empty("images"));
    }
    if classes.is_empty() {
        return Err(empty("categories"));
    }

    let mut skipped = 0;
    for annotation in &file.annotations {
        let place =
            (by_id.get_mut(&annotation.image_id), classes.get(&annotation.category_id), annotation.bbox.as_slice());
        let (Some(image), Some(&class), &[x, y, w, h]) = place else {
            skipped += 1;
            continue;
        };
        let bbox_px = XywhPx { x, y, w, h };
        let area_px = annotation.area.unwrap_or_else(|| bbox_px.area());
        let crowd = is_set(&annotation.iscrowd);
        image.truths.push(TruthPx { class, bbox_px, area_px, difficult: false, crowd });
    }
    let labels = categories.into_iter().map(|category| category.name).collect();
    Ok(GroundTruthFile { images: by_id.into_values().collect(), labels, classes, skipped })
}

/// Reads a results file into the pictures of `truth`, which was read from `truth_path`. Returns the number of
/// detections left out because their category is not in the ground truth.
///
/// # Errors
/// [`CocoFileError`] if it does not open, is not of the form, or names an unknown picture.
pub fn read_detections(path: &Path, truth_path: &Path, truth: &mut GroundTruthFile) -> Result<usize, CocoFileError> {
    let wanted = "it must be a list of objects with image_id, category_id, bbox [x, y, width, height] and score";
    let entries: Vec<ResultEntry> = read_json(path, "results", wanted)?;
    let place: HashMap<i64, usize> = truth.images.iter().enumerate().map(|(i, image)| (image.image_id, i)).collect();
    let mut skipped = 0;
    for entry in entries {
        let i = *place.get(&entry.image_id).ok_or_else(|| CocoFileError::UnknownImage {
            path: path.to_owned(),
            truth: truth_path.to_owned(),
            image_id: entry.image_id,
        })?;
        let Some(&class) = truth.classes.get(&entry.category_id) else {
            skipped += 1;
            continue;
        };
        let [x, y, w, h] = entry.bbox;
        let detection = DetectionPx { class, bbox_px: XywhPx { x, y, w, h }, score: entry.score };
        truth.images[i].detections.push(detection);
    }
    Ok(skipped)
}

/// Writes the detections in the results format. `category_ids[c - 1]` is the id of class `c`; others are left out.
///
/// # Errors
/// [`WriteError`] if the file cannot be written.
pub fn write_detections(path: &Path, images: &[ImageResult], category_ids: &[i64]) -> Result<(), WriteError> {
    let entry = |image_id: i64, d: &DetectionPx| {
        let category_id = *category_ids.get(d.class.checked_sub(1)?)?;
        let bbox = [d.bbox_px.x, d.bbox_px.y, d.bbox_px.w, d.bbox_px.h];
        Some(ResultEntry { image_id, category_id, bbox, score: d.score })
    };
    let of_image = |image: &ImageResult| {
        let entries = image.detections.iter().filter_map(|d| entry(image.image_id, d));
        entries.collect::<Vec<_>>()
    };
    let entries: Vec<ResultEntry> = images.iter().flat_map(of_image).collect();
    let bytes = serde_json::to_vec(&entries).expect("numbers and lists have a JSON form");
    write_atomic(path, &bytes)
}

fn read_json<T: DeserializeOwned>(path: &Path, what: &'static str, wanted: &'static str) -> Result<T, CocoFileError> {
    // Read whole first: results of a full validation set have about 100 MB, and a stream parses several times slower.
    let bytes = std::fs::read(path).map_err(|error| CocoFileError::Open(path.to_owned(), error))?;
    serde_json::from_slice(&bytes).map_err(|source| CocoFileError::Form { path: path.to_owned(), what, source, wanted })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const TRUTH: &str = r#"{
        "images": [{"id": 20, "file_name": "b.jpg"}, {"id": 5}],
        "categories": [{"id": 9, "name": "kite"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 20, "category_id": 9, "bbox": [1, 2, 3, 4], "area": 10.5, "iscrowd": 1,
             "segmentation": []},
            {"id": 2, "image_id": 5, "category_id": 2, "bbox": [1, 2, 3, 4]},
            {"id": 3, "image_id": 6, "category_id": 2, "bbox": [1, 2, 3, 4]},
            {"id": 4, "image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4]},
            {"id": 5, "image_id": 5, "category_id": 2, "bbox": [1, 2, 3]}
        ]}"#;

    /// Writes both texts and reads them as ground truth and detections.
    fn read(truth: &str, detections: &str) -> Result<(GroundTruthFile, usize), CocoFileError> {
        let folder = tempfile::tempdir().unwrap();
        let [truth_path, detections_path] = ["truth.json", "detections.json"].map(|name| folder.path().join(name));
        std::fs::write(&truth_path, truth).unwrap();
        std::fs::write(&detections_path, detections).unwrap();
        let mut truth = read_ground_truth(&truth_path)?;
        let unknown = read_detections(&detections_path, &truth_path, &mut truth)?;
        Ok((truth, unknown))
    }

    #[test]
    fn classes_and_pictures_are_ordered_by_id() {
        let detections = r#"[{"image_id": 20, "category_id": 9, "bbox": [1, 2, 3, 4], "score": 0.5},
                             {"image_id": 20, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]"#;
        let (truth, unknown) = read(TRUTH, detections).unwrap();
        assert_eq!(truth.labels, ["cat", "kite"]);
        assert_eq!(truth.images.iter().map(|image| image.image_id).collect::<Vec<_>>(), [5, 20]);
        assert_eq!((truth.skipped, unknown), (3, 1), "unknown picture, unknown category, a box of three numbers");
        let [without_area, crowd] = [&truth.images[0].truths[0], &truth.images[1].truths[0]];
        assert_eq!((without_area.class, without_area.area_px, without_area.crowd), (1, 12.0, false));
        assert_eq!((crowd.class, crowd.area_px, crowd.crowd), (2, 10.5, true));
        assert_eq!(truth.images[1].detections.len(), 1);
    }

    #[test]
    fn bad_files_are_refused_in_a_sentence() {
        let foreign = r#"[{"image_id": 21, "category_id": 9, "bbox": [1, 2, 3, 4], "score": 0.5}]"#;
        let nothing = r#"{"images": [], "annotations": [], "categories": []}"#;
        let cases = [
            (TRUTH, foreign, "detections.json has a detection in picture 21"),
            (TRUTH, "{}", "detections.json is not a COCO results file"),
            ("[]", "[]", "truth.json is not a COCO ground truth file"),
            (nothing, "[]", "truth.json has no images"),
        ];
        for (truth, detections, wanted) in cases {
            let message = read(truth, detections).unwrap_err().to_string();
            assert!(message.contains(wanted), "{message}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (mut truth, _) = read(TRUTH, "[]").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let [results, truth_path] = ["results.json", "truth.json"].map(|name| folder.path().join(name));
        let bbox_px = XywhPx { x: 0.1, y: 0.2, w: 30.3, h: 4e-3 };
        let detection = DetectionPx { class: 2, bbox_px, score: 0.123_456_789 };
        let image = ImageResult { image_id: 20, detections: vec![detection], ..Default::default() };
        write_detections(&results, &[image], &[9, 2]).unwrap();
        assert_eq!(read_detections(&results, &truth_path, &mut truth).unwrap(), 0);
        assert_eq!(
            truth.images[1].detections,
            [DetectionPx { class: 1, ..detection }],
            "category 2 is the first class"
        );
    }
}
