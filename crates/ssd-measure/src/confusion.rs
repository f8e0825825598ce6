//! Which class is mistaken for which, for `eval --confusion`.
//!
//! In each picture, detections above a threshold are taken best first. Each is assigned to the free object, of any
//! class, that it overlaps most, by IoU 0.5 or more; of equal overlaps, to one of its own class. Then:
//!
//! - an assigned detection counts in the cell (the object's class, the detection's class);
//! - an unassigned one counts in (background, its class): a false positive or a duplicate;
//! - but an unassigned one on a difficult object (IoU 0.5) or in a crowd (half of it) counts nowhere;
//! - an object without a detection counts in (its class, background), unless it is difficult or a crowd.
//!
//! Not a measure: unlike average precision, it depends on the threshold of the score.

use std::collections::BTreeMap;

use ssd_data::TruthPx;

use crate::coco;
use crate::image_result::{DetectionPx, ImageResult};

/// Least overlap between an object and its detection.
pub const MATCH_IOU: f64 = 0.5;

/// Stands for "no object" and for "no detection".
pub const BACKGROUND: usize = 0;

/// Counts of (true class, detected class). Memory is used for pairs that occur, however many classes there are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Confusion {
    /// By (class of the object, class of the detection); classes from 1, or [`BACKGROUND`].
    counts: BTreeMap<(usize, usize), usize>,
}

impl Confusion {
    /// Counts over all pictures, for classes `1..=classes`; others are left out. `min_score` is `0..=1`.
    pub fn count(images: &[ImageResult], classes: usize, min_score: f64) -> Self {
        let mut confusion = Self::default();
        for image in images {
            confusion.add_image(image, classes, min_score);
        }
        confusion
    }

    fn add_image(&mut self, image: &ImageResult, classes: usize, min_score: f64) {
        let known = |class: usize| (1..=classes).contains(&class);
        let (ignored, mut free): (Vec<&TruthPx>, Vec<&TruthPx>) =
            image.truths.iter().filter(|t| known(t.class)).partition(|t| t.difficult || t.crowd);
        let mut detections: Vec<&DetectionPx> =
            image.detections.iter().filter(|d| known(d.class) && d.score >= min_score).collect();
        // A stable sort: equal scores keep their order.
        detections.sort_by(|a, b| b.score.total_cmp(&a.score));
        for detection in detections {
            match most_overlapped(detection, &free) {
                Some(t) => self.add(free.remove(t).class, detection.class),
                None if ignored.iter().any(|t| coco::overlap(detection, t) >= MATCH_IOU) => {}
                None => self.add(BACKGROUND, detection.class),
            }
        }
        for missed in free {
            self.add(missed.class, BACKGROUND);
        }
    }

    fn add(&mut self, truth: usize, detected: usize) {
        *self.counts.entry((truth, detected)).or_default() += 1;
    }

    /// Number of objects of class `truth` detected as `detected`.
    pub fn get(&self, truth: usize, detected: usize) -> usize {
        self.counts.get(&(truth, detected)).copied().unwrap_or(0)
    }

    /// Sum of a class's row: its objects, or for [`BACKGROUND`] the false positives.
    pub fn row_sum(&self, truth: usize) -> usize {
        self.counts.range((truth, 0)..=(truth, usize::MAX)).map(|(_, count)| count).sum()
    }

    /// The same counts with each class, background included, replaced by `renamed(class)`.
    pub fn renamed(&self, renamed: impl Fn(usize) -> usize) -> Self {
        let mut result = Self::default();
        for (&(truth, detected), count) in &self.counts {
            *result.counts.entry((renamed(truth), renamed(detected))).or_default() += count;
        }
        result
    }
}

/// The object that a detection overlaps most, if by enough: the better IoU, then its own class, then the first.
fn most_overlapped(detection: &DetectionPx, objects: &[&TruthPx]) -> Option<usize> {
    let mut best = None;
    let mut best_rank = (MATCH_IOU, false);
    for (t, truth) in objects.iter().enumerate() {
        let rank = (detection.bbox_px.iou(&truth.bbox_px), truth.class == detection.class);
        if rank.0 >= MATCH_IOU && (best.is_none() || rank > best_rank) {
            (best, best_rank) = (Some(t), rank);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use ssd_data::XywhPx;

    use super::*;

    fn bbox_px(x: f64) -> XywhPx {
        XywhPx { x, y: 0.0, w: 10.0, h: 10.0 }
    }

    fn truth(class: usize, x: f64) -> TruthPx {
        TruthPx { class, bbox_px: bbox_px(x), area_px: 100.0, difficult: false, crowd: false }
    }

    fn detection(class: usize, x: f64, score: f64) -> DetectionPx {
        DetectionPx { class, bbox_px: bbox_px(x), score }
    }

    /// The non-empty cells, as (object, detection, count).
    fn cells(truths: Vec<TruthPx>, detections: Vec<DetectionPx>) -> Vec<(usize, usize, usize)> {
        let confusion = Confusion::count(&[ImageResult { truths, detections }], 3, 0.5);
        confusion.counts.into_iter().map(|((truth, detected), count)| (truth, detected, count)).collect()
    }

    #[test]
    fn right_confused_missed_and_false_positive() {
        let truths = vec![truth(1, 0.0), truth(2, 100.0), truth(3, 200.0)];
        // Right; another class; below the threshold, so missed; false positive; a duplicate; a class without a name.
        let detections = vec![
            detection(1, 1.0, 0.9),
            detection(3, 100.0, 0.5),
            detection(3, 200.0, 0.49),
            detection(2, 300.0, 0.9),
            detection(1, 0.0, 0.8),
            detection(4, 0.0, 1.0),
        ];
        assert_eq!(cells(truths, detections), [(0, 1, 1), (0, 2, 1), (1, 1, 1), (2, 3, 1), (3, 0, 1)]);
    }

    #[test]
    fn the_better_score_chooses_first_and_takes_the_most_overlapped() {
        // Objects at 0 and 4; the better detection, at 3, is nearer to the second, though of the first one's class.
        let truths = vec![truth(1, 0.0), truth(2, 4.0)];
        let detections = vec![detection(2, 1.0, 0.6), detection(1, 3.0, 0.7)];
        assert_eq!(cells(truths, detections), [(1, 2, 1), (2, 1, 1)]);
        // Two objects in one place: each detection takes the one of its own class.
        let detections = vec![detection(2, 0.0, 0.9), detection(1, 0.0, 0.8)];
        assert_eq!(cells(vec![truth(1, 0.0), truth(2, 0.0)], detections), [(1, 1, 1), (2, 2, 1)]);
    }

    #[test]
    fn difficult_objects_and_crowds_count_nowhere() {
        let hard = TruthPx { difficult: true, ..truth(1, 0.0) };
        let wide = XywhPx { w: 100.0, ..bbox_px(100.0) };
        let crowd = TruthPx { crowd: true, bbox_px: wide, ..truth(2, 0.0) };
        let detections =
            vec![detection(3, 0.0, 0.9), detection(1, 0.0, 0.8), detection(2, 150.0, 0.7), detection(2, 195.1, 0.7)];
        assert_eq!(cells(vec![hard, crowd], detections), [(0, 2, 1)], "the last one is mostly outside the crowd");
    }

    #[test]
    fn rows_add_up_and_classes_can_be_merged() {
        let detections = vec![detection(1, 0.0, 0.9), detection(3, 100.0, 0.9), detection(2, 300.0, 0.9)];
        let image = ImageResult { truths: vec![truth(1, 0.0), truth(1, 100.0), truth(3, 200.0)], detections };
        let confusion = Confusion::count(&[image.clone(), image], 3, 0.5);
        assert_eq!([0, 1, 2, 3].map(|class| confusion.row_sum(class)), [2, 4, 0, 2]);
        let joined = confusion.renamed(|class| class.min(2));
        assert_eq!([joined.get(1, 1), joined.get(1, 2), joined.get(2, 0), joined.get(0, 2)], [2, 2, 2, 2]);
    }
}
