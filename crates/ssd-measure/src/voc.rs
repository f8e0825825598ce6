//! Average precision as Pascal VOC defines it, at IoU 0.5, both 11-point (2007) and all-point (since 2010).
//!
//! Matching is that of the VOC development kit. A class's detections over all pictures are taken best first; each is
//! compared with the object of its class that it overlaps most, whether that one is taken or not:
//!
//! - overlap below 0.5: a false positive;
//! - the object is `difficult` (or a COCO crowd): neither hit nor miss, and the object is not one to find;
//! - the object was found before: a false positive, a duplicate;
//! - else a hit.
//!
//! One thing differs from the kit, which counts pixels from 1 and adds one to each width (`x2 - x1 + 1`). Our boxes are
//! continuous and exclude their second corner, so nothing is added, as in the PyTorch ports.

use ssd_data::TruthPx;

use crate::image_result::ClassImage;

/// Least overlap at which an object counts as found.
const MATCH_IOU: f64 = 0.5;

/// Average precision of one class; `None` if it has no object to find.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassAp {
    /// Mean of the best precision at recall 0, 0.1, …, 1 or beyond.
    pub eleven_point: Option<f64>,
    /// Area under the curve, made monotone.
    pub all_point: Option<f64>,
}

/// The curve's points in whole numbers: `(hits, judged)` after each judged detection, best first.
pub(super) struct Curve {
    points: Vec<(usize, usize)>,
    /// Number of objects to find.
    pub truths: usize,
}

impl Curve {
    /// The best precision at recall 0, `1 / steps`, …, 1 or beyond: the monotone curve, read at `steps + 1` points.
    pub fn sampled(&self, steps: usize) -> Vec<f64> {
        let mut precisions = vec![0.0; steps + 1];
        let mut points = self.points.iter().rev().peekable();
        let mut best: f64 = 0.0;
        for (i, at_recall) in precisions.iter_mut().enumerate().rev() {
            while let Some(point) = points.next_if(|(hits, _)| hits * steps >= i * self.truths) {
                best = best.max(precision(point));
            }
            *at_recall = best;
        }
        precisions
    }
}

/// Both kinds of AP for the pictures of one class.
pub(super) fn class_ap(images: &[ClassImage]) -> ClassAp {
    let curve = curve(images);
    if curve.truths == 0 {
        return ClassAp { eleven_point: None, all_point: None };
    }
    ClassAp { eleven_point: Some(eleven_point(&curve)), all_point: Some(all_point(&curve)) }
}

fn is_ignored(truth: &TruthPx) -> bool {
    truth.difficult || truth.crowd
}

/// Precision after each detection of one class, best first.
pub(super) fn curve(images: &[ClassImage]) -> Curve {
    let truths = images.iter().flat_map(|image| &image.truths).filter(|truth| !is_ignored(truth)).count();
    let mut queue: Vec<(usize, usize)> = Vec::new();
    for (i, image) in images.iter().enumerate() {
        queue.extend((0..image.detections.len()).map(|d| (i, d)));
    }
    let score = |&(i, d): &(usize, usize)| images[i].detections[d].score;
    queue.sort_by(|a, b| score(b).total_cmp(&score(a)));

    let mut found: Vec<Vec<bool>> = images.iter().map(|image| vec![false; image.truths.len()]).collect();
    let (mut hits, mut judged) = (0, 0);
    let mut points = Vec::with_capacity(queue.len());
    for (i, d) in queue {
        let best = most_overlapped(&images[i], d);
        let counts_as_hit = match best {
            Some(t) if is_ignored(images[i].truths[t]) => continue,
            Some(t) => !std::mem::replace(&mut found[i][t], true),
            None => false,
        };
        hits += usize::from(counts_as_hit);
        judged += 1;
        points.push((hits, judged));
    }
    Curve { points, truths }
}

/// The object that detection `d` overlaps most, if by enough; the first of equals.
fn most_overlapped(image: &ClassImage, d: usize) -> Option<usize> {
    let mut best = None;
    let mut best_iou = 0.0;
    for (t, truth) in image.truths.iter().enumerate() {
        let iou = image.detections[d].bbox_px.iou(&truth.bbox_px);
        if iou > best_iou {
            (best, best_iou) = (Some(t), iou);
        }
    }
    best.filter(|_| best_iou >= MATCH_IOU)
}

fn precision(&(hits, judged): &(usize, usize)) -> f64 {
    hits as f64 / judged as f64
}

/// Recall is compared in whole numbers: 3 of 10 is exactly 0.3, which floating point cannot represent.
fn eleven_point(curve: &Curve) -> f64 {
    let best_from = |tenths: usize| {
        let reached = curve.points.iter().filter(|(hits, _)| hits * 10 >= tenths * curve.truths);
        reached.map(precision).fold(0.0, f64::max)
    };
    (0..=10).map(best_from).sum::<f64>() / 11.0
}

/// Each hit adds a step of `1 / truths` in recall, as high as the best precision from there on.
pub(super) fn all_point(curve: &Curve) -> f64 {
    let mut best_from_here: f64 = 0.0;
    let mut area = 0.0;
    for (k, point) in curve.points.iter().enumerate().rev() {
        best_from_here = best_from_here.max(precision(point));
        let hits_before = if k == 0 { 0 } else { curve.points[k - 1].0 };
        area += (point.0 - hits_before) as f64 / curve.truths as f64 * best_from_here;
    }
    area
}

#[cfg(test)]
mod tests {
    use ssd_data::XywhPx;

    use super::*;
    use crate::{DetectionPx, ImageResult, evaluate};

    fn truth(x: f64) -> TruthPx {
        let bbox_px = XywhPx { x, y: 0.0, w: 10.0, h: 10.0 };
        TruthPx { class: 1, bbox_px, area_px: 100.0, difficult: false, crowd: false }
    }

    fn detection(x: f64, score: f64) -> DetectionPx {
        DetectionPx { class: 1, bbox_px: XywhPx { x, y: 0.0, w: 10.0, h: 10.0 }, score }
    }

    /// (11-point, all-point) of one picture and one class.
    fn ap(truths: Vec<TruthPx>, detections: Vec<DetectionPx>) -> (Option<f64>, Option<f64>) {
        let report = evaluate(&[ImageResult { truths, detections }], &["thing".to_owned()]);
        (report.voc07_11pt, report.voc_all_point)
    }

    fn close(got: (Option<f64>, Option<f64>), want: (f64, f64)) {
        let (Some(eleven), Some(all)) = got else { panic!("undefined: {got:?}") };
        assert!((eleven - want.0).abs() < 1e-12 && (all - want.1).abs() < 1e-12, "{got:?}, wanted {want:?}");
    }

    #[test]
    fn all_found_is_one_and_none_found_is_zero() {
        close(ap(vec![truth(0.0), truth(50.0)], vec![detection(50.0, 0.3), detection(0.0, 0.9)]), (1.0, 1.0));
        close(ap(vec![truth(0.0)], vec![detection(50.0, 0.9)]), (0.0, 0.0));
        close(ap(vec![truth(0.0)], vec![]), (0.0, 0.0));
    }

    #[test]
    fn no_object_leaves_it_undefined() {
        assert_eq!(ap(vec![], vec![detection(0.0, 0.9)]), (None, None));
        assert_eq!(ap(vec![TruthPx { difficult: true, ..truth(0.0) }], vec![]), (None, None));
    }

    #[test]
    fn a_duplicate_is_a_false_positive() {
        // Hit, duplicate, hit: (recall, precision) = (1/2, 1), (1/2, 1/2), (1, 2/3).
        let detections = vec![detection(0.0, 0.9), detection(1.0, 0.8), detection(50.0, 0.7)];
        close(ap(vec![truth(0.0), truth(50.0)], detections), ((6.0 + 5.0 * 2.0 / 3.0) / 11.0, 0.5 + 0.5 * 2.0 / 3.0));
    }

    #[test]
    fn the_most_overlapped_object_decides_even_if_taken() {
        // Objects at 0 and 4. The second detection, at 1.9, has IoU 0.65 or more with both; the first, which is nearer,
        // is taken, so it is a duplicate although the other object is free.
        let detections = vec![detection(0.0, 0.9), detection(1.9, 0.8)];
        close(ap(vec![truth(0.0), truth(4.0)], detections), (6.0 / 11.0, 0.5));
    }

    #[test]
    fn difficult_objects_are_neither_hit_nor_miss() {
        let hard = TruthPx { difficult: true, ..truth(50.0) };
        // Two detections on the difficult object come first and change nothing.
        let detections = vec![detection(50.0, 0.95), detection(51.0, 0.94), detection(0.0, 0.9)];
        close(ap(vec![truth(0.0), hard], detections), (1.0, 1.0));
    }

    #[test]
    fn a_curve_of_three_points() {
        // Three objects; hit, miss, hit, miss, and one is never found: recall 1/3 at precision 1, then 2/3 at 2/3.
        let truths = vec![truth(0.0), truth(50.0), truth(100.0)];
        let detections = vec![detection(0.0, 0.9), detection(200.0, 0.8), detection(50.0, 0.7), detection(300.0, 0.6)];
        // Recall 0 to .3 at precision 1 (four points), .4 to .6 at 2/3 (three), none beyond.
        close(ap(truths, detections), ((4.0 + 3.0 * 2.0 / 3.0) / 11.0, 1.0 / 3.0 + 1.0 / 3.0 * 2.0 / 3.0));
    }

    #[test]
    fn a_sampled_curve_is_the_envelope() {
        // The same curve: (recall, precision) = (1/3, 1), (1/3, 1/2), (2/3, 2/3), (2/3, 1/2).
        let curve = Curve { points: vec![(1, 1), (1, 2), (2, 3), (2, 4)], truths: 3 };
        let third = 2.0 / 3.0;
        assert_eq!(curve.sampled(6), [1.0, 1.0, 1.0, third, third, 0.0, 0.0]);
        assert_eq!(Curve { points: vec![], truths: 3 }.sampled(2), [0.0; 3]);
    }

    #[test]
    fn a_second_detection_of_a_difficult_object_is_not_a_duplicate() {
        // The kit checks `difficult` before it checks whether the object is taken. A hit, then two on the difficult
        // object, then a miss, then a hit: precision 1, then 2/3.
        let hard = TruthPx { difficult: true, ..truth(50.0) };
        let at = [(0.0, 0.9), (50.0, 0.8), (51.0, 0.7), (300.0, 0.6), (100.0, 0.5)];
        let detections = at.map(|(x, score)| detection(x, score)).to_vec();
        let want = ((6.0 + 5.0 * 2.0 / 3.0) / 11.0, 0.5 + 0.5 * 2.0 / 3.0);
        close(ap(vec![truth(0.0), hard, truth(100.0)], detections), want);
    }

    #[test]
    fn a_difficult_object_that_is_overlapped_most_shields_the_one_beside_it() {
        // IoU with the difficult object is 1, with the other one, at 3, it is 7/13: the kit looks at the first alone.
        let hard = TruthPx { difficult: true, ..truth(0.0) };
        close(ap(vec![truth(3.0), hard], vec![detection(0.0, 0.9)]), (0.0, 0.0));
    }

    #[test]
    fn detections_of_all_pictures_are_ranked_together() {
        // Picture 1's miss ranks before picture 2's hit: 1/2, which neither picture alone would give.
        let result = |truths, detections| ImageResult { truths, detections };
        let images = [result(vec![], vec![detection(0.0, 0.9)]), result(vec![truth(0.0)], vec![detection(0.0, 0.8)])];
        let report = evaluate(&images, &["thing".to_owned()]);
        close((report.voc07_11pt, report.voc_all_point), (0.5, 0.5));
    }

    #[test]
    fn overlap_of_exactly_one_half_is_enough() {
        let half = DetectionPx { bbox_px: XywhPx { x: 0.0, y: 0.0, w: 10.0, h: 5.0 }, ..detection(0.0, 0.9) };
        close(ap(vec![truth(0.0)], vec![half]), (1.0, 1.0));
        let less = DetectionPx { bbox_px: XywhPx { x: 0.0, y: 0.0, w: 10.0, h: 4.999 }, ..detection(0.0, 0.9) };
        close(ap(vec![truth(0.0)], vec![less]), (0.0, 0.0));
    }
}
