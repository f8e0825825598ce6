//! What is in a picture and what was detected in it: the input of every measure, whoever made it.

use ssd::Detection;
use ssd_data::{TruthPx, XywhPx};

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

/// One picture as one class sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassImage<'a> {
    pub truths: Vec<&'a TruthPx>,
    /// Best first; equal scores stay in their order.
    pub detections: Vec<&'a DetectionPx>,
}

/// For each class the pictures that have an object or a detection of it, in the order of the pictures.
pub(crate) fn split_by_class(images: &[ImageResult], classes: usize) -> Vec<Vec<ClassImage<'_>>> {
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
pub(crate) fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
