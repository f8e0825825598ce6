//! `--init`: starting from another detector's weights.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use ssd::postprocess::ScoreActivation;
use ssd::priors::CellBoxes;
use ssd::weights::{Header, read_header};
use ssd_data::shapes::LABELS;
use ssd_tests::fresh::fresh_weights_file;
use ssd_tests::run::{Ran, path_text, run};

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
    assert!(ran.stderr.contains("none of its 2 classes is among these; new are "), "{}", ran.stderr);
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

/// The rows of a class predictor that belong to one column, prior by prior.
fn rows_of(path: &Path, level: usize, columns: usize, column: usize) -> Vec<f32> {
    let bytes = fs::read(path).expect("it is there");
    let file = SafeTensors::deserialize(&bytes).expect("a weights file");
    let tensor = file.tensor(&format!("heads.{level}.logits.conv.weight")).expect("a class predictor");
    let row = tensor.shape()[1..].iter().product();
    let values = values(tensor.dtype(), tensor.data());
    values.chunks_exact(row).skip(column).step_by(columns).flatten().copied().collect()
}

#[test]
fn classes_of_equal_names_keep_their_rows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Of another data set: some of our classes, spelled otherwise, in another order.
    let known = [LABELS[3].to_uppercase(), "cat".into(), LABELS[0].into()];
    let init = fresh_weights_file(folder.path(), &known.each_ref().map(String::as_str));
    let out = folder.path().join("run");
    let ran = fine_tune(&init, &out).done();
    let sentence = format!("goes on with {}, {} ({} there); new are {}", LABELS[0], LABELS[3], known[0], LABELS[1]);
    assert!(ran.stderr.contains(&sentence), "{sentence} is not in {}", ran.stderr);

    let last = out.join("last.safetensors");
    // Background, and then the classes from 1 on.
    for (column, old) in [(0, Some(0)), (1, Some(3)), (2, None), (3, None), (4, Some(1)), (5, None), (6, None)] {
        for level in [0, 5] {
            let rows = rows_of(&last, level, LABELS.len() + 1, column);
            let same = |other: &usize| {
                let others = rows_of(&init, level, known.len() + 1, *other);
                rows.iter().zip(&others).all(|(a, b)| (a - b).abs() < 1e-3)
            };
            assert_eq!((0..=known.len()).find(same), old, "column {column} on map {level}");
        }
    }
}

#[test]
fn a_class_loss_of_other_scores_begins_with_new_class_predictors() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (init, out) = (fresh_weights_file(folder.path(), &LABELS), folder.path().join("run"));
    let data = ["--data", "shapes:1:2", "--batch-size", "2", "--epochs", "1", "--lr", "1e-12"];
    let more = ["--class-loss", "focal", "--device", "cpu", "--init", path_text(&init), "--out", path_text(&out)];
    let ran = run("train", &[&data[..], &more].concat()).done();
    assert!(ran.stderr.contains("for the class loss softmax, not focal"), "{}", ran.stderr);
    let last = out.join("last.safetensors");
    assert!(difference(&init, &last, "backbone") < 1e-3 && difference(&init, &last, "offsets") < 1e-3);
    let header = read_header(&fs::read(&last).expect("it is there")).expect("a weights file");
    assert_eq!((header.score_activation, header.columns()), (ScoreActivation::Sigmoid, LABELS.len()));

    // From there on it is the file's scores that are learned, without a flag.
    let again = folder.path().join("again");
    let ran = fine_tune(&last, &again).done();
    assert!(ran.stderr.contains("all weights taken over"), "{}", ran.stderr);
    assert!(difference(&last, &again.join("last.safetensors"), "logits") < 1e-3);
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
    let CellBoxes::Ratios { size, .. } = &mut header.priors.levels[0].boxes else { panic!("no ratios") };
    *size = 0.125;
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
