//! Precision over recall at IoU 0.5, for `eval --curves`: the curves whose area is the all-point AP of [`crate::voc`].
//!
//! Draws nothing. Matching, difficult objects and crowds are treated as in the VOC kit.

use rayon::prelude::*;

use crate::image_result::{ImageResult, mean, split_by_class};
use crate::voc;

/// Curves are read at recall 0, `1 / STEPS`, …, 1.
pub const STEPS: usize = 500;

/// The curve of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCurve {
    /// Name of the class.
    pub label: String,
    /// The area under the curve, exactly: all-point AP at IoU 0.5.
    pub ap: f64,
    /// `STEPS + 1` values: the best precision at each recall or beyond, 0 beyond the recall reached.
    pub precision: Vec<f64>,
}

/// One curve for each class with an object to find, in the order of the labels; `labels[c - 1]` names class `c`.
pub fn class_curves(images: &[ImageResult], labels: &[String]) -> Vec<ClassCurve> {
    let by_class = split_by_class(images, labels.len());
    let curves = by_class.par_iter().zip(labels).filter_map(|(class_images, label)| {
        let curve = voc::curve(class_images);
        let (ap, precision) = (voc::all_point(&curve), curve.sampled(STEPS));
        (curve.truths > 0).then(|| ClassCurve { label: label.clone(), ap, precision })
    });
    curves.collect()
}

/// The mean over classes at each recall, as long as a curve; its area is their mean AP, up to sampling.
pub fn mean_curve(curves: &[ClassCurve]) -> Vec<f64> {
    (0..=STEPS).map(|i| mean(curves.iter().map(|curve| Some(curve.precision[i]))).unwrap_or(0.0)).collect()
}

/// The mean of the classes' APs; `None` without classes.
pub fn mean_ap(curves: &[ClassCurve]) -> Option<f64> {
    mean(curves.iter().map(|curve| Some(curve.ap)))
}

#[cfg(test)]
mod tests {
    use ssd_data::{TruthPx, XywhPx};

    use super::*;
    use crate::{DetectionPx, evaluate};

    #[test]
    fn curves_agree_with_the_report() {
        let bbox_px = |x: usize| XywhPx { x: x as f64 * 50.0, y: 0.0, w: 10.0, h: 10.0 };
        let truth = |class, x| TruthPx { class, bbox_px: bbox_px(x), area_px: 100.0, difficult: false, crowd: false };
        let detection = |class, x, score| DetectionPx { class, bbox_px: bbox_px(x), score };
        // Class 1: hit, miss, hit of three objects. Class 2 has none. Class 3: found at once.
        let truths = vec![truth(1, 0), truth(1, 1), truth(1, 2), truth(3, 0)];
        let detections = vec![
            detection(1, 0, 0.9),
            detection(1, 7, 0.8),
            detection(1, 1, 0.7),
            detection(2, 1, 0.7),
            detection(3, 0, 0.2),
        ];
        let images = [ImageResult { truths, detections }];
        let labels = ["a", "b", "c"].map(str::to_owned);

        let curves = class_curves(&images, &labels);
        assert_eq!(curves.iter().map(|curve| curve.label.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let report = evaluate(&images, &labels);
        assert_eq!(Some(curves[0].ap), report.per_class[0].ap50_all_point);
        assert_eq!(mean_ap(&curves), report.voc_all_point);
        // Recall .2 is within the first third, .5 within the second, .8 is not reached.
        let at = |curve: &[f64], recall: f64| curve[(recall * STEPS as f64) as usize];
        assert_eq!([0.2, 0.5, 0.8].map(|r| at(&curves[0].precision, r)), [1.0, 2.0 / 3.0, 0.0]);
        assert_eq!(at(&mean_curve(&curves), 0.8), 0.5);
        assert_eq!(mean_curve(&[]), [0.0; STEPS + 1]);
    }
}
