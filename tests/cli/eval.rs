//! `eval` by its documents. What its numbers mean is tested beside the code.

use ssd_train::data::shapes::LABELS;

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
fn classes_that_the_model_does_not_know_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = fresh_weights_file(folder.path(), &["cat", "dog"]);
    let ran = run("eval", &["--device", "cpu", "--weights", path_text(&weights), "--data", "shapes:3:20", "--json"]);
    let error = ran.failed(2);
    assert!(error.contains("triangle") && error.contains("cat, dog"), "{error}");
    assert!(ran.stdout.is_empty(), "no half document:\n{}", ran.stdout);
}
