//! `--init`: starting from another detector's weights.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use ssd::weights::{Header, read_header};
use ssd_tests::fresh::fresh_weights_file;
use ssd_tests::run::{Ran, path_text, run};
use ssd_train::data::shapes::LABELS;

fn fine_tune(init: &Path, out: &Path) -> Ran {
    let data = ["--data", "shapes:1:2", "--batch-size", "2", "--epochs", "1", "--lr", "1e-12"];
    run("train", &[&data[..], &["--device", "cpu", "--init", path_text(init), "--out", path_text(out)]].concat())
}

/// The largest difference between a convolution of two files, counted where both have it in one shape.
fn difference(a: &Path, b: &Path, part: &str) -> f32 {
    let [a, b] = [a, b].map(|path| fs::read(path).expect("it is there"));
    let [a, b] = [&a, &b].map(|bytes| SafeTensors::deserialize(bytes).expect("a weights file"));
    let differences =
        a.iter().filter(|(name, tensor)| name.contains(part) && tensor.shape().len() == 4).map(|(name, tensor)| {
            let other = b.tensor(name).expect("both have it");
            assert_eq!(tensor.shape(), other.shape(), "{name}");
            let pairs = values(tensor.dtype(), tensor.data()).into_iter().zip(values(other.dtype(), other.data()));
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        });
    let differences: Vec<f32> = differences.collect();
    assert!(!differences.is_empty(), "no convolution is called {part}");
    differences.into_iter().fold(0.0, f32::max)
}

fn values(dtype: safetensors::Dtype, bytes: &[u8]) -> Vec<f32> {
    let shape = [bytes.len() * 8 / dtype.bitsize()];
    let dtype = if dtype == safetensors::Dtype::F16 { burn::tensor::DType::F16 } else { burn::tensor::DType::F32 };
    burn::tensor::TensorData::from_bytes_vec(bytes.to_vec(), shape, dtype).iter::<f32>().collect()
}

#[test]
fn other_classes_get_new_predictors_on_the_old_trunk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (init, out) = (fresh_weights_file(folder.path(), &["cat", "dog"]), folder.path().join("run"));
    let ran = fine_tune(&init, &out).done();
    assert!(ran.stderr.contains("its 2 classes are not these 6"), "{}", ran.stderr);
    assert!(ran.stderr.contains("made anew"), "{}", ran.stderr);
    // At this learning rate a run changes nothing but by rounding to half precision: the trunk is the one it began
    // with.
    assert!(difference(&init, &out.join("last.safetensors"), "backbone") < 1e-3);
    // The file is whole by itself: 6 classes, and it detects.
    let weights = out.join("last.safetensors");
    let data = ["--data", "shapes:1:2", "--device", "cpu", "--json", "--weights", path_text(&weights)];
    assert_eq!(run("eval", &data).done().json()["per_class"].as_array().map(Vec::len), Some(6));
}

#[test]
fn the_same_classes_are_taken_over_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (init, out) = (fresh_weights_file(folder.path(), &LABELS), folder.path().join("run"));
    let ran = fine_tune(&init, &out).done();
    assert!(ran.stderr.contains("all weights taken over"), "{}", ran.stderr);
    for part in ["backbone", "heads"] {
        assert!(difference(&init, &out.join("last.safetensors"), part) < 1e-3, "{part}");
    }
}

#[test]
fn a_trunk_alone_is_a_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, out) = (fresh_weights_file(folder.path(), &["cat"]), folder.path().join("run"));
    let bytes = fs::read(&whole).expect("it is there");
    let all = SafeTensors::deserialize(&bytes).expect("a weights file");
    // What another program has of a trunk: no header of ours, no heads, and not all of it.
    let of_trunk = all.iter().filter(|(name, _)| name.starts_with("backbone.") && !name.contains("extras"));
    let trunk = folder.path().join("trunk.safetensors");
    safetensors::serialize_to_file(of_trunk, None, &trunk).expect("it can be written");
    let ran = fine_tune(&trunk, &out).done();
    assert!(ran.stderr.contains("a trunk alone") && ran.stderr.contains("more of the trunk"), "{}", ran.stderr);
    let last = out.join("last.safetensors");
    assert!(difference(&whole, &last, "backbone.blocks") < 1e-3);
    assert!(difference(&whole, &last, "backbone.extras") > 1e-2, "the extras are other ones");

    // Neither a detector nor a trunk.
    let heads = all.iter().filter(|(name, _)| name.starts_with("heads."));
    safetensors::serialize_to_file(heads, None, &trunk).expect("it can be written");
    let ran = fine_tune(&trunk, &folder.path().join("never"));
    let error = ran.failed(2);
    assert!(error.contains("trunk.safetensors") && error.contains("no layout"), "{error}");
}

#[test]
fn the_heads_of_a_detector_keep_their_priors_and_pixels() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (init, out) = (fresh_weights_file(folder.path(), &["cat", "dog"]), folder.path().join("run"));
    // As a converted checkpoint has them: other sizes, other pixels.
    let bytes = fs::read(&init).expect("it is there");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a weights file");
    let json = metadata.metadata().as_ref().and_then(|map| map.get("ssd")).expect("a header").clone();
    let mut header = Header::parse(&json).expect("a sound header");
    header.priors.levels[0].size = 0.125;
    header.normalization.mean = [120.0, 110.0, 100.0];
    let json = serde_json::to_string(&header).expect("a header is JSON");
    let tensors = SafeTensors::deserialize(&bytes).expect("a weights file");
    let metadata = Some(HashMap::from([("ssd".to_owned(), json)]));
    safetensors::serialize_to_file(tensors.iter(), metadata, &init).expect("it can be written");
    drop(fine_tune(&init, &out).done());
    let trained = |name: &str| read_header(&fs::read(out.join(name)).expect("it is there")).expect("a weights file");
    let last = trained("last.safetensors");
    assert_eq!((&last.priors, &last.normalization), (&header.priors, &header.normalization));

    // Going on, the file after --init is not asked any more.
    fs::remove_file(&init).expect("it is there");
    let more = ["--resume", "--epochs", "2", "--device", "cpu", "--out", path_text(&out)];
    run("train", &more).done();
    assert_eq!(trained("last.safetensors").priors, header.priors);
}
