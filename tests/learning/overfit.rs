//! Learning works: a few pictures are learned by heart, from nothing, within minutes on a processor.

use ssd::{Detection, GroundTruth};
use ssd_train::cli::DeviceChoice;
use ssd_train::data::{self, Format};
use ssd_train::detector::Detector;

use crate::cli::{path_text, run};

/// Of this seed each of the first eight scenes has objects, 26 in all, and no two of a class so close that NMS would take one
/// for the other. (A scene without objects has no positives, so the loss takes no negatives from it either.)
const DATA: &str = "shapes:30:8";

#[test]
fn eight_pictures_are_learned_by_heart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let settings = ["--data", DATA, "--overfit", "8", "--batch-size", "8", "--epochs", "80", "--lr", "0.05", "--warmup", "10"];
    let report = run("train", &[&settings[..], &["--device", "cpu", "--json", "--out", path_text(&out)]].concat()).done().json();
    assert_eq!(report["voc_all_point"], 1.0, "every object is found before anything else: {report}");

    // As a user sees it, at the usual score: each object found, and nothing else.
    let device: DeviceChoice = "cpu".parse().expect("a device");
    let detector = Detector::load(&out.join("last.safetensors"), &device).expect("the run left a detector");
    let set = data::open(DATA, Format::Auto, None, None).expect("a generated set");
    for i in 0..set.len() {
        let sample = set.get(i).expect("a scene");
        let (found, _) = detector.detect(&sample.image, &detector.header().params()).expect("it detects");
        assert_found(&sample.name, &sample.truths, &found);
    }
}

/// One detection for each object, of its class and on it, and none besides.
fn assert_found(name: &str, truths: &[GroundTruth], found: &[Detection]) {
    for truth in truths {
        let on_it = found.iter().filter(|one| one.class == truth.class && one.bbox.iou(&truth.bbox) >= 0.5);
        assert_eq!(on_it.count(), 1, "{name}: {truth:?} in {found:?}");
    }
    assert_eq!(found.len(), truths.len(), "{name}: {found:?}");
}
