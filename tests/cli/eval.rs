//! `eval` by its documents. What its numbers mean is tested beside the code.

use std::path::Path;

use serde_json::json;
use ssd_data::shapes::LABELS;

use super::{fresh_weights_file, keys, path_text, run};

#[test]
fn json_holds_the_measures_and_a_row_for_each_class() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = fresh_weights_file(folder.path(), &LABELS);
    let found = folder.path().join("found.json");
    let start = ["--device", "cpu", "--weights", path_text(&weights), "--data", "shapes:3:20"];
    let more = ["--json", "--save-detections", path_text(&found)];
    let document = run("eval", &[&start[..], &more].concat()).done().json();

    assert_eq!(keys(&document), ["voc07_11pt", "voc_all_point", "coco", "per_class", "images"].into());
    assert_eq!(document["images"], 2, "a tenth of the set is for measuring");
    let coco = ["ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar_1", "ar_10", "ar_100"];
    assert_eq!(keys(&document["coco"]), coco.into());
    let rows = document["per_class"].as_array().expect("a list");
    assert_eq!(rows.iter().filter_map(|row| row["label"].as_str()).collect::<Vec<_>>(), LABELS);
    for row in rows {
        assert_eq!(keys(row), ["label", "ap50_11pt", "ap50_all_point", "ap", "ground_truths"].into());
        let absent = row["ground_truths"] == 0;
        assert_eq!(row["ap"].is_null(), absent, "null where there is nothing to find, and only there: {row}");
    }
    assert!(document["voc07_11pt"].as_f64().is_some_and(|map| (0.0..0.5).contains(&map)), "it has learned nothing");

    let text = std::fs::read_to_string(&found).expect("it was written");
    let results: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let results = results.as_array().expect("a list");
    assert!(!results.is_empty());
    for result in results {
        assert_eq!(keys(result), ["image_id", "category_id", "bbox", "score"].into());
        assert!(result["category_id"].as_u64().is_some_and(|class| (1..=6).contains(&class)), "{result}");
    }
}

#[test]
fn the_size_of_batches_changes_neither_order_nor_detections() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = fresh_weights_file(folder.path(), &LABELS);
    let found = |batch: &str| {
        let file = folder.path().join(batch);
        let start = ["--device", "cpu", "--weights", path_text(&weights), "--data", "shapes:3:110", "--max", "5"];
        let ran =
            run("eval", &[&start[..], &["--batch", batch, "--json", "--save-detections", path_text(&file)]].concat());
        let ran = ran.done();
        assert!(ran.stderr.contains("11 pictures in ") && ran.stderr.contains(" pictures/s"), "{}", ran.stderr);
        (ran.json(), std::fs::read_to_string(&file).expect("it was written"))
    };
    let one = found("1");
    assert_eq!(one.0["images"], 11);
    for batch in ["3", "8", "11"] {
        assert!(found(batch) == one, "batches of {batch}");
    }
}

#[test]
fn classes_that_the_model_does_not_know_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = fresh_weights_file(folder.path(), &["cat", "dog"]);
    let ran = run("eval", &["--device", "cpu", "--weights", path_text(&weights), "--data", "shapes:3:20", "--json"]);
    let error = ran.failed(2);
    assert!(error.contains("triangle") && error.contains("cat, dog"), "{error}");
    assert!(ran.stdout.is_empty(), "no half document:\n{}", ran.stdout);
}

#[test]
fn pictures_are_drawn_and_leave_the_document_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [truth, found, curves, confusion] =
        ["truth.json", "found.json", "curves.png", "confusion.png"].map(|name| folder.path().join(name));
    let bbox = [10, 10, 30, 40];
    let document = json!({
        "images": [{"id": 1}, {"id": 2}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": bbox, "area": 1200, "iscrowd": 0}],
    });
    let detections = json!([{"image_id": 1, "category_id": 3, "bbox": bbox, "score": 0.4}]);
    std::fs::write(&truth, document.to_string()).expect("it takes a file");
    std::fs::write(&found, detections.to_string()).expect("it takes a file");

    let files = ["--ground-truth", path_text(&truth), "--detections", path_text(&found), "--json"];
    let plain = run("eval", &files).done().json();
    assert_eq!(plain["voc_all_point"], 1.0);
    let draw = ["--curves", path_text(&curves), "--confusion", path_text(&confusion)];
    assert_eq!(run("eval", &[&files[..], &draw].concat()).done().json(), plain, "pictures add no key");
    let size = |path: &Path| image::image_dimensions(path).expect("a picture");
    assert!(size(&curves) >= (600, 400) && size(&confusion) >= (600, 200));

    // What scores 0.4 is missed from 0.5 on, and found from 0.4 on.
    let strict = std::fs::read(&confusion).expect("it is there");
    run("eval", &[&files[..], &draw, &["--confusion-score", "0.4"]].concat()).done();
    assert_ne!(std::fs::read(&confusion).expect("it is there"), strict);

    let ran = run("eval", &[&files[..], &draw, &["--confusion-score", "1.5"]].concat());
    assert!(ran.failed(2).contains("--confusion-score"), "{}", ran.stderr);
    let nowhere = folder.path().join("none/curves.png");
    let ran = run("eval", &[&files[..], &["--curves", path_text(&nowhere)]].concat());
    assert!(ran.failed(2).contains("curves.png"), "{}", ran.stderr);
    assert!(ran.stdout.is_empty(), "it is noticed before anything is measured:\n{}", ran.stdout);
}

#[test]
fn soft_nms_keeps_what_hard_nms_removes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = fresh_weights_file(folder.path(), &LABELS);
    let count = |nms: &str| {
        let found = folder.path().join(nms);
        let start = ["--device", "cpu", "--weights", path_text(&weights), "--data", "shapes:3:20", "--nms", nms];
        run("eval", &[&start[..], &["--top-k", "50", "--max", "400", "--save-detections", path_text(&found)]].concat())
            .done();
        let results: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&found).expect("it was written")).expect("JSON");
        results.as_array().expect("a list").clone()
    };
    // An untrained detector is equally sure of everything: boxes overlap in heaps.
    let (hard, soft) = (count("hard"), count("soft"));
    assert!(soft.len() > hard.len(), "{} boxes with soft NMS, {} with hard", soft.len(), hard.len());
}
