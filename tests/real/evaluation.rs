//! Real detections of a real detector, measured as pycocotools measures them. The boxes are not part of the project;
//! the numbers below are those of pycocotools 2.0, and for Pascal VOC those of `voc_values` in
//! `fixtures/evaluation/make_fixture.py`, with the box's area as the object's.

use std::collections::BTreeSet;
use std::path::Path;

use ssd_data::{TruthPx, XywhPx};
use ssd_measure::{DetectionPx, ImageResult, evaluate};
use ssd_tests::shared_data;

/// The words of each line of a text file.
fn lines(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    text.lines().map(words).filter(|words| !words.is_empty()).collect()
}

/// `left top right bottom` at the end of a line.
fn bbox_px(words: &[String]) -> XywhPx {
    let last = &words[words.len() - 4..];
    let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|i| last[i].parse::<f64>().expect("a number"));
    XywhPx { x: x1, y: y1, w: x2 - x1, h: y2 - y1 }
}

#[test]
fn real_detections_measure_as_with_pycocotools() {
    let folder = shared_data("eval-fixture");
    let (truth_folder, found_folder) = (folder.join("ground-truth"), folder.join("predicted"));
    let mut names: Vec<_> =
        std::fs::read_dir(&truth_folder).expect("a folder").map(|entry| entry.expect("a file").file_name()).collect();
    names.sort();
    let files: Vec<_> =
        names.iter().map(|name| (lines(&truth_folder.join(name)), lines(&found_folder.join(name)))).collect();

    // From both lists: some classes are only detected, some never.
    let labels: BTreeSet<String> = files.iter().flat_map(|(t, d)| t.iter().chain(d)).map(|l| l[0].clone()).collect();
    let labels: Vec<String> = labels.into_iter().collect();
    let class = |name: &String| labels.iter().position(|label| label == name).expect("it is from there") + 1;
    let images: Vec<ImageResult> = files
        .iter()
        .map(|(truths, found)| {
            let truth = |words: &Vec<String>| {
                let bbox_px = bbox_px(words);
                let area_px = bbox_px.area();
                TruthPx { class: class(&words[0]), bbox_px, area_px, difficult: false, crowd: false }
            };
            let detection = |words: &Vec<String>| {
                let score = words[1].parse().expect("a score");
                DetectionPx { class: class(&words[0]), bbox_px: bbox_px(words), score }
            };
            let (truths, detections) = (truths.iter().map(truth).collect(), found.iter().map(detection).collect());
            ImageResult { truths, detections }
        })
        .collect();
    let counts = (
        images.len(),
        images.iter().map(|image| image.truths.len()).sum::<usize>(),
        images.iter().map(|image| image.detections.len()).sum::<usize>(),
    );
    assert_eq!(counts, (85, 686, 494), "pictures, objects, detections");

    let report = evaluate(&images, &labels);
    let coco = &report.coco;
    let measured = [
        ("voc07_11pt", report.voc07_11pt, 0.316_965_095_857),
        ("voc_all_point", report.voc_all_point, 0.310_296_851_058),
        ("ap", coco.ap, 0.149_297_630_256),
        ("ap50", coco.ap50, 0.311_953_183_929),
        ("ap75", coco.ap75, 0.122_180_588_231),
        ("ap_small", coco.ap_small, 0.045_132_013_201),
        ("ap_medium", coco.ap_medium, 0.083_358_837_287),
        ("ap_large", coco.ap_large, 0.268_524_640_585),
        ("ar_1", coco.ar_1, 0.159_852_618_542),
        ("ar_10", coco.ar_10, 0.185_945_974_417),
        ("ar_100", coco.ar_100, 0.185_945_974_417),
    ];
    for (name, got, want) in measured {
        assert!(got.is_some_and(|got| (got - want).abs() < 1e-6), "{name} is {got:?}, wanted {want}");
    }
    assert_eq!(report.per_class.iter().filter(|class| class.ground_truths > 0).count(), 30);
}
