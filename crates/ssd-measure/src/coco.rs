//! Average precision and recall as COCO defines them; the numbers equal those of `pycocotools`.
//!
//! For each picture, class, area range and IoU threshold, the 100 best detections are taken best first. Each is
//! assigned to the free object that it overlaps most, by the threshold or more; ignored objects come last. Ignored are:
//!
//! - an object outside the area range, a crowd, and a `difficult` object (which COCO files do not have);
//! - a detection assigned to an ignored object, or assigned to none and itself outside the area range.
//!
//! Only a crowd takes more than one detection, and its overlap is measured by the detection's area alone, since a
//! crowd's box says little. Precision is made monotone and read at 101 recalls, 0, .01, …, 1.

use serde::Serialize;
use ssd_data::TruthPx;

use crate::image_result::{ClassImage, DetectionPx, mean};

const IOUS: usize = 10;
const RECALLS: usize = 101;
/// Detections per picture and class for the three average recalls; average precision takes the last.
const MAX_DETECTIONS: [usize; 3] = [1, 10, 100];
/// Square pixels, both ends included: all, small, medium, large.
const AREAS_PX: [(f64, f64); 4] = [(0.0, 1e10), (0.0, 32.0 * 32.0), (32.0 * 32.0, 96.0 * 96.0), (96.0 * 96.0, 1e10)];

/// COCO's summary; see [`crate::coco`] for the definition.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct CocoSummary {
    /// Mean over IoU .50:.05:.95 and classes, 100 detections per picture and class, all areas.
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
    /// Average recall with one detection per picture and class.
    pub ar_1: Option<f64>,
    /// Average recall with ten.
    pub ar_10: Option<f64>,
    /// Average recall with a hundred.
    pub ar_100: Option<f64>,
}

/// The measures of one class; `None` if it has no object that counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ClassMeasures {
    /// Average precision by area range and IoU threshold.
    precision: [Option<[f64; IOUS]>; 4],
    /// The recall reached, by number of detections and IoU threshold.
    recall: [Option<[f64; IOUS]>; 3],
}

impl ClassMeasures {
    /// Average precision over all thresholds and areas.
    pub fn ap(&self) -> Option<f64> {
        mean_of(self.precision[0])
    }
}

/// The outcome for one detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Hit,
    FalsePositive,
    Ignored,
}

/// A detection after matching.
struct Judged {
    score: f64,
    /// Its rank among the detections of its picture and class, the best being 0.
    rank: usize,
    /// One verdict for each IoU threshold.
    verdicts: [Verdict; IOUS],
}

/// All measures of one class.
pub(super) fn class_measures(images: &[ClassImage]) -> ClassMeasures {
    let mut measures = ClassMeasures::default();
    for (a, &area_px) in AREAS_PX.iter().enumerate() {
        let counted = images.iter().flat_map(|image| &image.truths).filter(|t| !is_ignored(t, area_px)).count();
        if counted == 0 {
            continue;
        }
        let mut judged: Vec<Judged> = images.iter().flat_map(|image| judge(image, area_px)).collect();
        // A stable sort: equal scores stay in the order of the pictures.
        judged.sort_by(|a, b| b.score.total_cmp(&a.score));
        measures.precision[a] = Some(std::array::from_fn(|t| average_precision(&judged, t, counted)));
        if a == 0 {
            measures.recall = MAX_DETECTIONS.map(|max| Some(std::array::from_fn(|t| recall(&judged, t, counted, max))));
        }
    }
    measures
}

/// The summary over classes; classes without objects of a kind are left out of that kind's means.
pub(super) fn summary(classes: &[ClassMeasures]) -> CocoSummary {
    let ap_of_area = |a: usize| mean(classes.iter().map(|c| mean_of(c.precision[a])));
    let ap_of_iou = |t: usize| mean(classes.iter().map(|c| c.precision[0].map(|by_iou| by_iou[t])));
    let ar = |m: usize| mean(classes.iter().map(|c| mean_of(c.recall[m])));
    CocoSummary {
        ap: ap_of_area(0),
        ap50: ap_of_iou(0),
        ap75: ap_of_iou(5),
        ap_small: ap_of_area(1),
        ap_medium: ap_of_area(2),
        ap_large: ap_of_area(3),
        ar_1: ar(0),
        ar_10: ar(1),
        ar_100: ar(2),
    }
}

fn mean_of(by_iou: Option<[f64; IOUS]>) -> Option<f64> {
    by_iou.map(|values| values.iter().sum::<f64>() / IOUS as f64)
}

fn is_outside(area: f64, (low, high): (f64, f64)) -> bool {
    area < low || area > high
}

fn is_ignored(truth: &TruthPx, area_px: (f64, f64)) -> bool {
    truth.crowd || truth.difficult || is_outside(truth.area_px, area_px)
}

/// The thresholds .50, .55, …, .95, rounded like numpy's `linspace`: a box may lie exactly on one.
fn iou_threshold(t: usize) -> f64 {
    if t + 1 == IOUS { 0.95 } else { 0.5 + t as f64 * ((0.95 - 0.5) / (IOUS - 1) as f64) }
}

/// Matches the detections of one picture and class, at all thresholds.
fn judge(image: &ClassImage, area_px: (f64, f64)) -> Vec<Judged> {
    let detections = &image.detections[..image.detections.len().min(MAX_DETECTIONS[2])];
    // Those that count first, each group in its own order.
    let (mut truths, ignored): (Vec<&TruthPx>, Vec<&TruthPx>) =
        image.truths.iter().partition(|truth| !is_ignored(truth, area_px));
    let counted = truths.len();
    truths.extend(ignored);
    let overlaps: Vec<Vec<f64>> =
        detections.iter().map(|d| truths.iter().map(|truth| overlap(d, truth)).collect()).collect();

    let mut judged: Vec<Judged> = detections
        .iter()
        .enumerate()
        .map(|(rank, d)| Judged { score: d.score, rank, verdicts: [Verdict::Ignored; IOUS] })
        .collect();
    for t in 0..IOUS {
        let mut taken = vec![false; truths.len()];
        for (d, detection) in detections.iter().enumerate() {
            let goes_to = best_free(&overlaps[d], &truths, &taken, counted, iou_threshold(t));
            judged[d].verdicts[t] = match goes_to {
                Some(g) if g < counted => Verdict::Hit,
                Some(_) => Verdict::Ignored,
                None if is_outside(detection.bbox_px.area(), area_px) => Verdict::Ignored,
                None => Verdict::FalsePositive,
            };
            if let Some(g) = goes_to {
                taken[g] = true;
            }
        }
    }
    judged
}

/// Intersection over union, or for a crowd over the detection alone.
pub(super) fn overlap(detection: &DetectionPx, truth: &TruthPx) -> f64 {
    if !truth.crowd {
        return detection.bbox_px.iou(&truth.bbox_px);
    }
    let area = detection.bbox_px.area();
    if area > 0.0 { detection.bbox_px.intersection_area(&truth.bbox_px) / area } else { 0.0 }
}

/// The free object overlapped most, the last one of equals; an ignored one only if no counted one will do.
fn best_free(overlaps: &[f64], truths: &[&TruthPx], taken: &[bool], counted: usize, threshold: f64) -> Option<usize> {
    let mut best = None;
    let mut best_overlap = threshold;
    for (g, truth) in truths.iter().enumerate() {
        if g == counted && best.is_some() {
            break;
        }
        if (!taken[g] || truth.crowd) && overlaps[g] >= best_overlap {
            (best, best_overlap) = (Some(g), overlaps[g]);
        }
    }
    best
}

/// Mean over 101 recalls of the best precision at that recall or beyond; 0 beyond the recall reached.
fn average_precision(judged: &[Judged], t: usize, counted: usize) -> f64 {
    // (recall, precision) after each detection that is not ignored.
    let mut curve: Vec<(f64, f64)> = Vec::new();
    let (mut hits, mut seen) = (0_usize, 0_usize);
    for verdict in judged.iter().map(|j| j.verdicts[t]).filter(|v| *v != Verdict::Ignored) {
        hits += usize::from(verdict == Verdict::Hit);
        seen += 1;
        curve.push((hits as f64 / counted as f64, hits as f64 / seen as f64));
    }
    let mut best: f64 = 0.0;
    for (_, precision) in curve.iter_mut().rev() {
        best = best.max(*precision);
        *precision = best;
    }
    let mut points = curve.iter().peekable();
    let mut sum = 0.0;
    for r in 0..RECALLS {
        // Rounded like numpy's `linspace`: 57 * 0.01 is slightly above 0.57, so a recall of 57 / 100 falls short.
        let wanted = if r + 1 == RECALLS { 1.0 } else { r as f64 * 0.01 };
        while points.next_if(|(recall, _)| *recall < wanted).is_some() {}
        sum += points.peek().map_or(0.0, |(_, precision)| *precision);
    }
    sum / RECALLS as f64
}

/// The share of objects found by the `max` best detections of each picture.
fn recall(judged: &[Judged], t: usize, counted: usize, max: usize) -> f64 {
    let hits = judged.iter().filter(|j| j.rank < max && j.verdicts[t] == Verdict::Hit).count();
    hits as f64 / counted as f64
}

#[cfg(test)]
mod tests {
    use ssd_data::XywhPx;

    use super::*;
    use crate::{ImageResult, Report, evaluate};

    fn square(x: f64, side: f64) -> XywhPx {
        XywhPx { x, y: 0.0, w: side, h: side }
    }

    fn truth(x: f64, side: f64) -> TruthPx {
        let bbox_px = square(x, side);
        TruthPx { class: 1, bbox_px, area_px: bbox_px.area(), difficult: false, crowd: false }
    }

    fn detection(x: f64, side: f64, score: f64) -> DetectionPx {
        DetectionPx { class: 1, bbox_px: square(x, side), score }
    }

    fn measure(truths: Vec<TruthPx>, detections: Vec<DetectionPx>) -> Report {
        evaluate(&[ImageResult { truths, detections }], &["thing".to_owned()])
    }

    fn close(got: Option<f64>, want: f64) {
        assert!(got.is_some_and(|got| (got - want).abs() < 1e-12), "{got:?}, wanted {want}");
    }

    #[test]
    fn sizes_are_measured_separately() {
        // One small object found, one large object missed, none of medium size.
        let coco = measure(vec![truth(0.0, 20.0), truth(200.0, 150.0)], vec![detection(0.0, 20.0, 0.9)]).coco;
        close(coco.ap_small, 1.0);
        assert_eq!(coco.ap_medium, None);
        close(coco.ap_large, 0.0);
        // Recall 0 to .5 at precision 1: 51 of 101 points.
        close(coco.ap, 51.0 / 101.0);
        close(coco.ar_100, 0.5);
    }

    #[test]
    fn the_annotation_s_area_decides_on_the_size() {
        let outline = TruthPx { area_px: 900.0, ..truth(0.0, 40.0) };
        let coco = measure(vec![outline], vec![detection(0.0, 40.0, 0.9)]).coco;
        close(coco.ap_small, 1.0);
        assert_eq!(coco.ap_medium, None);
    }

    #[test]
    fn a_crowd_takes_any_number_of_detections_and_does_not_count() {
        let crowd = TruthPx { crowd: true, ..truth(100.0, 200.0) };
        // Three detections inside the crowd: their IoU with it is tiny, but their own area is covered.
        let inside = [110.0, 150.0, 200.0].map(|x| detection(x, 20.0, 0.95));
        let detections = [inside.as_slice(), &[detection(0.0, 50.0, 0.9)]].concat();
        let report = measure(vec![truth(0.0, 50.0), crowd], detections);
        close(report.coco.ap, 1.0);
        // Pascal VOC has no crowds: plain IoU, so the three are false positives and the hit comes at precision 1/4.
        close(report.voc07_11pt, 0.25);
        assert_eq!(report.per_class[0].ground_truths, 1);
    }

    #[test]
    fn a_looser_box_loses_the_stricter_thresholds() {
        // 10 x 8 inside 10 x 10: IoU .8, found at .50 to .80, seven thresholds of ten.
        let loose = DetectionPx { bbox_px: XywhPx { h: 8.0, ..square(0.0, 10.0) }, ..detection(0.0, 10.0, 0.9) };
        let coco = measure(vec![truth(0.0, 10.0)], vec![loose]).coco;
        close(coco.ap, 0.7);
        close(coco.ap50, 1.0);
        close(coco.ap75, 1.0);
    }

    #[test]
    fn recall_counts_only_the_best_detections_of_a_picture() {
        let truths = (0..12).map(|i| truth(f64::from(i) * 50.0, 40.0)).collect();
        let detections = (0..12).map(|i| detection(f64::from(i) * 50.0, 40.0, 1.0 - f64::from(i) * 0.01)).collect();
        let coco = measure(truths, detections).coco;
        close(coco.ar_1, 1.0 / 12.0);
        close(coco.ar_10, 10.0 / 12.0);
        close(coco.ar_100, 1.0);
    }

    #[test]
    fn a_difficult_object_is_ignored() {
        let hard = TruthPx { difficult: true, ..truth(100.0, 40.0) };
        let report =
            measure(vec![truth(0.0, 40.0), hard], vec![detection(100.0, 40.0, 0.95), detection(0.0, 40.0, 0.9)]);
        close(report.coco.ap, 1.0);
        assert_eq!(report.per_class[0].ground_truths, 1);
    }
}
