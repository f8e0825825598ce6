//! The objects of a picture and its detections, whoever made them: the input of every measure.

use ssd::Detection;
use ssd_data::{TruthPx, XywhPx};

/// A detection in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectionPx {
    /// Class number, 1-based.
    pub class: usize,
    /// The box.
    pub bbox_px: XywhPx,
    /// The score; only the order matters.
    pub score: f64,
}

/// The objects and detections of one picture. Ties between scores are broken by the order of pictures and detections.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageResult {
    /// The objects.
    pub truths: Vec<TruthPx>,
    /// The detections, in any order.
    pub detections: Vec<DetectionPx>,
}

impl ImageResult {
    /// From the data set's and the model's own forms, for a source picture of `width` by `height` pixels.
    pub fn from_normalised((width, height): (u32, u32), truths: &[TruthPx], detections: &[Detection]) -> Self {
        let detections = detections.iter().map(|d| DetectionPx {
            class: d.class,
            bbox_px: XywhPx::from_normalised(d.bbox, width, height),
            score: f64::from(d.score),
        });
        Self { truths: truths.to_vec(), detections: detections.collect() }
    }
}

/// The part of a picture that concerns one class.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassImage<'a> {
    pub truths: Vec<&'a TruthPx>,
    /// Best first; equal scores in their original order.
    pub detections: Vec<&'a DetectionPx>,
}

/// For each class, the pictures with an object or a detection of it, in order.
pub(crate) fn split_by_class(images: &[ImageResult], classes: usize) -> Vec<Vec<ClassImage<'_>>> {
    let mut by_class: Vec<Vec<ClassImage>> = vec![Vec::new(); classes];
    // The last picture that each class has an entry for.
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

/// The entry of picture `i` in one class, added if it is missing.
fn entry_of<'c, 'a>(entries: &'c mut Vec<ClassImage<'a>>, last_image: &mut usize, i: usize) -> &'c mut ClassImage<'a> {
    if *last_image != i {
        *last_image = i;
        entries.push(ClassImage::default());
    }
    let newest = entries.len() - 1;
    &mut entries[newest]
}

/// The mean of the defined values; `None` if there are none.
pub(crate) fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
