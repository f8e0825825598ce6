//! Learning works: a few pictures are learned by heart, from nothing, within minutes on a processor.

use std::path::Path;

use burn::tensor::Device;
use image::RgbImage;
use pollster::block_on;
use ssd::preprocess::preprocess_rgb;
use ssd::weights::Header;
use ssd::{Detection, GroundTruth, Ssd};
use ssd_data::{self as data, Format};
use ssd_gpu::pipeline::Pipeline;
use ssd_learn::learner::Learner;
use ssd_tests::run::{path_text, run};
use ssd_train::detect::detector::Detector;
use ssd_train::detect::engine::EngineArgs;
use ssd_train::device::choice::DeviceChoice;
use ssd_train::run::checkpoint;
use ssd_train::run::config::TrainConfig;

/// Of this seed each of the first eight scenes has objects, and no two of a class so close that NMS would take one
/// for the other. (A scene without objects has no positives, so the loss takes no negatives from it either.)
const DATA: &str = "shapes:30:8";

#[test]
fn eight_pictures_are_learned_by_heart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let settings =
        ["--data", DATA, "--overfit", "8", "--batch-size", "8", "--epochs", "120", "--lr", "0.05", "--warmup", "10"];
    let report =
        run("train", &[&settings[..], &["--device", "cpu", "--json", "--out", path_text(&out)]].concat()).done().json();
    assert_eq!(report["voc_all_point"], 1.0, "every object is found before anything else: {report}");

    // As a user sees it, at the usual score: each object found, and nothing else.
    let device: DeviceChoice = "cpu".parse().expect("a device");
    let detector = Detector::load(&out.join("last.safetensors"), &device, EngineArgs::default(), 1)
        .expect("the run left a detector");
    let trained = checkpointed(&out, detector.header());
    let set = data::open(&[DATA], Format::AUTO, None, None).expect("a generated set");
    for i in 0..set.len() {
        let sample = set.get(i).expect("a scene");
        let (found, _) = detector.detect(&sample.image, &detector.header().params()).expect("it detects");
        assert_found(&sample.name, &sample.truths, &found);
        // The file holds half precision, the checkpoint what was learned: the difference is not seen.
        assert_close(&found, &detections(&trained, detector.header(), &sample.image));
    }
}

/// The network of a run's last checkpoint, in full precision.
fn checkpointed(out: &Path, header: &Header) -> Ssd {
    let text = std::fs::read_to_string(out.join("config.json")).expect("the run left its settings");
    let config: TrainConfig = serde_json::from_str(&text).expect("they are settings");
    let device = Device::flex().autodiff();
    let fresh = Ssd::new(header.arch, header.columns(), &device);
    let fresh = Learner::new(&config.learn, header, fresh, device);
    let (learner, _) = checkpoint::load(&out.join("checkpoint"), fresh, &header.labels).expect("a checkpoint");
    learner.measured()
}

fn detections(model: &Ssd, header: &Header, image: &RgbImage) -> Vec<Detection> {
    let pixels = preprocess_rgb(image.as_raw(), image.width() as usize, image.height() as usize, &header.preprocess());
    let pipeline = Pipeline::on_burn(header.clone(), model.clone(), &Device::flex(), || 0.0);
    block_on(pipeline.detect_input(&pixels, &header.params())).expect("it detects").swap_remove(0)
}

/// A weight is off by 1/2048 at most; the network has some fifty layers, and scores halfway up the softmax move the
/// most.
fn assert_close(half: &[Detection], whole: &[Detection]) {
    assert_eq!(half.len(), whole.len());
    for detection in whole {
        let is_twin = |other: &&Detection| {
            let (overlap, score) = (other.bbox.iou(&detection.bbox), (other.score - detection.score).abs());
            other.class == detection.class && overlap > 0.95 && score < 0.03
        };
        assert!(half.iter().any(|other| is_twin(&other)), "{detection:?} has no twin in {half:?}");
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
