//! COCO's two file formats: the ground truth (`instances_*.json`) and a list of detections (results format).
//!
//! Reads both into [`ImageResult`]s and writes the second. Not a data set for training: pictures are never looked at.
//! Classes are the file's categories by id, so class 1 has the lowest id; ids may have gaps, and be texts. Objects that
//! are there twice count twice, as in pycocotools.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ssd_data::formats::coco_json::{self, Annotation, CocoFile};
use ssd_data::{CocoIds, Id, TruthPx, WriteError, write_atomic};

use crate::image_result::{DetectionPx, ImageResult};

/// A ground truth file, ready for its detections.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundTruthFile {
    /// One entry per picture, by id, without detections.
    pub images: Vec<ImageResult>,
    /// Names of the categories, by id.
    pub labels: Vec<String>,
    /// Position of each picture by its id, and by the stem of its file, if no other has it.
    places: HashMap<Id, usize>,
    /// Category id to 1-based class.
    classes: BTreeMap<Id, usize>,
    /// Annotations left out: their picture or category is not in the file, or their box is invalid.
    pub skipped: usize,
}

/// Detections that are left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeftOut {
    /// Of categories that the ground truth lacks.
    pub foreign: usize,
    /// Without picture, category, box or score.
    pub invalid: usize,
}

/// One entry of a results file; `bbox` is `[x, y, width, height]` in pixels of the source picture.
#[derive(Serialize)]
struct ResultEntry<'a> {
    image_id: &'a Id,
    category_id: &'a Id,
    bbox: [f64; 4],
    score: f64,
}

/// A results file that is a whole COCO file, as some programs write it.
#[derive(Deserialize)]
struct Wrapped {
    annotations: Vec<Option<Annotation>>,
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
        image_id: Id,
    },
    /// There is nothing to measure.
    #[error("{0} has no {1}; there is nothing to measure against.")]
    Empty(PathBuf, &'static str),
}

/// Reads a ground truth file.
///
/// # Errors
/// [`CocoFileError`] if it does not open, is not of the form, or has no pictures or no categories.
pub fn read_ground_truth(path: &Path) -> Result<GroundTruthFile, CocoFileError> {
    let wanted = "it must be an object with the lists images, annotations and categories";
    let file: CocoFile = read_json(path, "ground truth", wanted)?;
    let empty = |what| CocoFileError::Empty(path.to_owned(), what);
    let (ids, labels): (Vec<Id>, Vec<String>) = file.classes().into_iter().unzip();
    let classes: BTreeMap<Id, usize> = ids.into_iter().zip(1..).collect();
    let named: BTreeMap<Id, &str> =
        file.images.iter().flatten().filter_map(|image| Some((image.id.clone()?, &image.file_name[..]))).collect();
    if named.is_empty() {
        return Err(empty("images"));
    }
    if classes.is_empty() {
        return Err(empty("categories"));
    }
    let mut places: HashMap<Id, usize> = HashMap::new();
    let mut stems: HashMap<Id, Vec<usize>> = HashMap::new();
    for (place, (id, name)) in named.into_iter().enumerate() {
        places.insert(id, place);
        let stem = Path::new(&name.replace('\\', "/")).file_stem().map(|stem| Id::of(&stem.to_string_lossy()));
        stem.into_iter().for_each(|stem| stems.entry(stem).or_default().push(place));
    }
    let mut images = vec![ImageResult::default(); places.len()];
    let mut skipped = 0;
    for annotation in file.annotations.iter().flatten() {
        let (image, class) = (annotation.image_id.as_ref(), annotation.category_id.as_ref());
        let place = image.and_then(|id| places.get(id)).zip(class.and_then(|id| classes.get(id)));
        let (Some((&place, &class)), Ok(bbox_px)) = (place, annotation.bbox_px()) else {
            skipped += 1;
            continue;
        };
        let area_px = annotation.area.unwrap_or_else(|| bbox_px.area());
        images[place].truths.push(TruthPx { class, bbox_px, area_px, difficult: false, crowd: annotation.crowd });
    }
    for (stem, those) in stems {
        if let [place] = those[..] {
            places.entry(stem).or_insert(place);
        }
    }
    Ok(GroundTruthFile { images, labels, places, classes, skipped })
}

/// Reads a results file into the pictures of `truth`, which was read from `truth_path`. A picture may also be named by
/// its file's stem, as some programs do. Returns what is left out.
///
/// # Errors
/// [`CocoFileError`] if it does not open, is not of the form, names an unknown picture or has no detection to use.
pub fn read_detections(path: &Path, truth_path: &Path, truth: &mut GroundTruthFile) -> Result<LeftOut, CocoFileError> {
    let wanted = "it must be a list of objects with image_id, category_id, bbox [x, y, width, height] and score";
    let entries = read_json::<Vec<Option<Annotation>>>(path, "results", wanted)
        .or_else(|error| read_json(path, "results", wanted).map(|file: Wrapped| file.annotations).map_err(|_| error))?;
    let (mut left_out, mut used) = (LeftOut::default(), 0_usize);
    for entry in &entries {
        let entry = entry.as_ref();
        let known = entry.and_then(|entry| Some((entry.image_id.as_ref()?, entry.category_id.as_ref()?, entry)));
        let Some((image_id, category_id, entry)) = known else {
            left_out.invalid += 1;
            continue;
        };
        let (Ok(bbox_px), Some(score)) = (entry.bbox_px(), entry.score.filter(|score| score.is_finite())) else {
            left_out.invalid += 1;
            continue;
        };
        let place = *truth.places.get(image_id).ok_or_else(|| CocoFileError::UnknownImage {
            path: path.to_owned(),
            truth: truth_path.to_owned(),
            image_id: image_id.clone(),
        })?;
        used += 1;
        match truth.classes.get(category_id) {
            Some(&class) => truth.images[place].detections.push(DetectionPx { class, bbox_px, score }),
            None => left_out.foreign += 1,
        }
    }
    if used == 0 && left_out.invalid > 0 {
        let what = "detections with image_id, category_id, bbox and score";
        return Err(CocoFileError::Empty(path.to_owned(), what));
    }
    Ok(left_out)
}

/// Writes the detections of pictures in the results format, with the ids of each picture and class, in order; classes
/// without one are left out.
///
/// # Errors
/// [`WriteError`] if the file cannot be written.
pub fn write_detections(path: &Path, images: &[ImageResult], ids: &CocoIds) -> Result<(), WriteError> {
    let entry = |(image_id, d): (_, &DetectionPx)| {
        let category_id = ids.categories.get(d.class.checked_sub(1)?)?;
        let bbox = [d.bbox_px.x, d.bbox_px.y, d.bbox_px.w, d.bbox_px.h];
        Some(ResultEntry { image_id, category_id, bbox, score: d.score })
    };
    let all = images.iter().zip(&ids.images).flat_map(|(image, id)| image.detections.iter().map(move |d| (id, d)));
    let entries: Vec<ResultEntry> = all.filter_map(entry).collect();
    let bytes = serde_json::to_vec(&entries).expect("numbers and lists have a JSON form");
    write_atomic(path, &bytes)
}

fn read_json<T: DeserializeOwned>(path: &Path, what: &'static str, wanted: &'static str) -> Result<T, CocoFileError> {
    // Read whole first: results of a full validation set have about 100 MB, and a stream parses several times slower.
    let bytes = std::fs::read(path).map_err(|source| CocoFileError::Open(path.to_owned(), source))?;
    coco_json::parse(&bytes).map_err(|source| CocoFileError::Form { path: path.to_owned(), what, source, wanted })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use ssd_data::XywhPx;

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
    fn read(truth: &str, detections: &str) -> Result<(GroundTruthFile, LeftOut), CocoFileError> {
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
        let (truth, left_out) = read(TRUTH, detections).unwrap();
        assert_eq!(truth.labels, ["cat", "kite"]);
        assert_eq!((truth.places[&Id::Number(5)], truth.places[&Id::Number(20)]), (0, 1));
        assert_eq!(truth.skipped, 3, "unknown picture, unknown category, a box of three numbers");
        assert_eq!(left_out, LeftOut { foreign: 1, invalid: 0 });
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
            (TRUTH, r#"[{"image_id": 20, "category_id": 9, "bbox": [1, 2, 3, 4]}]"#, "has no detections with image_id"),
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
        let image = ImageResult { detections: vec![detection], ..Default::default() };
        let ids = CocoIds { images: vec![20.into()], categories: vec![9.into(), 2.into()] };
        write_detections(&results, &[image], &ids).unwrap();
        assert_eq!(read_detections(&results, &truth_path, &mut truth).unwrap(), LeftOut::default());
        assert_eq!(
            truth.images[1].detections,
            [DetectionPx { class: 1, ..detection }],
            "category 2 is the first class"
        );
    }

    #[test]
    fn ids_texts_marks_and_bad_entries_are_taken_as_in_a_data_set() {
        let truth = "\u{feff}".to_owned()
            + r#"{"images": [{"id": "p0", "file_name": "x\\p0.jpg"}, {"id": 7.0, "file_name": "q1.png"}],
            "categories": [{"id": "1", "name": "cat"}], "annotations": [
            {"id": 1, "image_id": "p0", "category_id": 1.0, "bbox": [1, 2, 3, 4], "area": NaN},
            {"id": 2, "image_id": 7, "category_id": 1, "segmentation": [[1, 2, 4, 6]]},
            {"id": 3, "image_id": 7, "category_id": 1}]}"#;
        let detections = r#"[{"image_id": "p0", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
            {"image_id": "q1", "category_id": "1", "bbox": [1, 2, 3, 4], "score": 0.5, "area": 1},
            {"image_id": "7", "category_id": 1, "bbox": [1, 2, 3, 4], "score": NaN}]"#;
        for detections in [detections.to_string(), format!(r#"{{"annotations": {detections}}}"#)] {
            let (truth, left_out) = read(&truth, &detections).unwrap();
            assert_eq!((truth.skipped, left_out), (1, LeftOut { foreign: 0, invalid: 1 }));
            let of_image = |image: &ImageResult| (image.truths.len(), image.detections.len());
            assert_eq!(truth.images.iter().map(of_image).collect::<Vec<_>>(), [(1, 1), (1, 1)]);
        }
    }
}
