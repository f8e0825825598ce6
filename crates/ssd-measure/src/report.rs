//! All measures of one run of a detector, computed from its pictures.

use rayon::prelude::*;
use serde::Serialize;

use crate::coco::{self, CocoSummary};
use crate::image_result::{ImageResult, mean, split_by_class};
use crate::voc;

/// All measures of one run. Values are `0..=1`; `None` if there is no object of that kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Pascal VOC 2007: mean over classes of the 11-point AP at IoU 0.5.
    pub voc07_11pt: Option<f64>,
    /// Pascal VOC since 2010: mean over classes of the area under the curve at IoU 0.5.
    pub voc_all_point: Option<f64>,
    /// Nine of COCO's twelve numbers, without the three recalls by area.
    pub coco: CocoSummary,
    /// One entry for each label, in the order of the labels.
    pub per_class: Vec<ClassReport>,
    /// Number of pictures.
    pub images: usize,
}

/// The measures of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassReport {
    /// Name of the class.
    pub label: String,
    /// 11-point AP at IoU 0.5.
    pub ap50_11pt: Option<f64>,
    /// Area under the curve at IoU 0.5.
    pub ap50_all_point: Option<f64>,
    /// COCO AP, IoU .50:.05:.95.
    pub ap: Option<f64>,
    /// Number of objects that count: neither difficult nor a crowd.
    pub ground_truths: usize,
}

/// Measures all pictures. `labels[c - 1]` names class `c`; objects of a class without a label are left out.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::coco_files;

    /// Same keys in the same nesting, null for null, numbers within a millionth.
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

    /// Measures the files of one folder and compares with its `expected.json`.
    fn assert_folder_agrees(folder: &Path) {
        let ground_truth = folder.join("ground_truth.json");
        let mut truth = coco_files::read_ground_truth(&ground_truth).unwrap();
        let left_out = coco_files::read_detections(&folder.join("detections.json"), &ground_truth, &mut truth).unwrap();
        assert_eq!((truth.skipped, left_out), (0, coco_files::LeftOut::default()));
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
