//! `train` by what it leaves in `--out` and prints.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{keys, path_text, run};

/// The lines of a run's `metrics.jsonl`: each is complete.
pub(super) fn metrics(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))).collect()
}

/// The lines of single steps.
pub(super) fn steps(out: &Path) -> Vec<Value> {
    metrics(out).into_iter().filter(is_step).collect()
}

pub(super) fn is_step(line: &Value) -> bool {
    line.get("loss").is_some()
}

/// Every step once and in order, each epoch's validation after its last step.
pub(super) fn assert_whole(out: &Path, steps: u64, steps_per_epoch: u64) {
    let step = |n: u64| (n, (n - 1) / steps_per_epoch + 1, true);
    let expected = (1..=steps).flat_map(|n| {
        let validation = n.is_multiple_of(steps_per_epoch).then_some((n, n / steps_per_epoch, false));
        [Some(step(n)), validation].into_iter().flatten()
    });
    let number = |line: &Value, name: &str| line[name].as_u64().unwrap_or_else(|| panic!("no {name} in {line}"));
    let found = metrics(out)
        .iter()
        .map(|line| (number(line, "step"), number(line, "epoch"), is_step(line)))
        .collect::<Vec<_>>();
    assert_eq!(found, expected.collect::<Vec<_>>(), "(step, epoch, is a step)");
}

/// What is in a folder, hidden files too.
pub(super) fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_run_leaves_its_files_and_prints_one_document() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    // Five pictures in batches of two: the last batch is a single picture, which batch norm has to bear.
    let settings = ["--data", "shapes:1:5", "--batch-size", "2", "--epochs", "1", "--lr", "0.001"];
    let start = ["--device", "cpu", "--json", "--out", path_text(&out)];
    let report = run("train", &[&settings[..], &start].concat()).done().json();

    assert!(
        keys(&report).is_superset(&["voc07_11pt", "voc_all_point", "coco", "per_class", "images"].into()),
        "{report}"
    );
    let files = ["config.json", "metrics.jsonl", "curves.png", "checkpoint", "last.safetensors", "best.safetensors"];
    assert_eq!(names(&out), files.map(String::from).into());
    assert!(image::open(out.join("curves.png")).is_ok());
    assert_whole(&out, 3, 3);
    for line in metrics(&out) {
        let step = ["step", "epoch", "loss", "loss_box", "loss_class", "lr", "images_per_s"];
        let validation = ["epoch", "map_voc07", "map_voc", "map_coco", "step"];
        assert_eq!(keys(&line), if is_step(&line) { BTreeSet::from(step) } else { BTreeSet::from(validation) });
    }

    // What it wrote is what `eval` measures: the same pictures, the same numbers but for half precision.
    let weights = out.join("last.safetensors");
    let data = ["--data", "shapes:1:5", "--device", "cpu", "--json"];
    let measured = run("eval", &[&["--weights", path_text(&weights)], &data[..]].concat()).done().json();
    let map = |report: &Value| report["voc_all_point"].as_f64().expect("a number");
    assert!((map(&measured) - map(&report)).abs() < 0.02, "{measured} is not {report}");

    // Another run does not destroy it, and resuming a finished one does nothing.
    let ran = run("train", &[&settings[..], &start].concat());
    assert!(ran.failed(2).contains("--resume"), "{}", ran.stderr);
    let before = std::fs::read(out.join("last.safetensors")).expect("it is there");
    assert_eq!(run("train", &[&["--resume"], &start[..]].concat()).done().json(), Value::Null);
    assert_eq!(std::fs::read(out.join("last.safetensors")).expect("it is there"), before);
    assert_whole(&out, 3, 3);

    // Another network does not fit the checkpoint, and leaves all as it was.
    let config = std::fs::read(out.join("config.json")).expect("it is there");
    let ran = run("train", &[&["--resume", "--epochs", "2", "--arch", "ssd300-vgg16"], &start[..]].concat());
    assert!(ran.failed(2).contains("leave --arch out"), "{}", ran.stderr);
    assert_eq!(std::fs::read(out.join("config.json")).expect("it is there"), config);
}

#[test]
fn a_batch_is_shown_as_pictures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shown = folder.path().join("shown");
    let ran = run("train", &["--data", "shapes:1:3", "--batch-size", "2", "--show-batch", path_text(&shown), "--json"])
        .done();
    assert_eq!(ran.json().as_array().map(Vec::len), Some(2));
    let names = names(&shown);
    assert_eq!(names.len(), 2, "{names:?}");
    for name in names {
        let picture = image::open(shown.join(&name)).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (300, 300), "{name}");
    }
}

#[test]
fn a_diverged_run_stops_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let settings = ["--data", "shapes:1:4", "--batch-size", "1", "--epochs", "4", "--lr", "1e30", "--warmup", "0"];
    let ran = run("train", &[&settings[..], &["--device", "cpu", "--out", path_text(&out)]].concat());
    let error = ran.failed(1);
    assert!(error.contains("the loss of step") && error.contains("--lr"), "{error}");
    assert!(error.contains("nothing was saved yet") && error.contains("train-0000"), "{error}");
}

// The loss of a step is that of the weights before its update: the one that ruins them looks well.
#[test]
fn ruined_weights_are_not_saved_over_good_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let train = |more: &[&str]| {
        let settings = ["--data", "shapes:1:4", "--batch-size", "4", "--warmup", "0", "--device", "cpu"];
        run("train", &[&settings[..], &["--out", path_text(&out)], more].concat())
    };
    train(&["--epochs", "1", "--lr", "0.001"]).done();
    let good = std::fs::read(out.join("best.safetensors")).expect("it is there");
    let saved = names(&out.join("checkpoint"));

    let ran = train(&["--epochs", "2", "--lr", "1e30", "--resume"]);
    let error = ran.failed(1);
    assert!(error.contains("the update of step 2") && error.contains("go on with --resume"), "{error}");
    assert_eq!(names(&out.join("checkpoint")), saved);
    assert_eq!(std::fs::read(out.join("best.safetensors")).expect("it is there"), good);
    train(&["--epochs", "2", "--lr", "0.001", "--resume"]).done();
    assert_whole(&out, 2, 1);
}
