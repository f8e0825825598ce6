//! Genuine TensorFlow Lite detectors, which are no part of the project: their heads say what their own graphs say.
//!
//! `tests/fixtures/checkpoints/tensorflow.py` recorded that: of a quantised file in real numbers, of a float file as
//! TensorFlow Lite computes it. `interpreter.py` there recorded what TensorFlow Lite makes of photographs with a
//! quantised file, rounding after each operator: near to that, real numbers have to be.

use pollster::block_on;
use serde_json::Value;
use ssd::codec::decode;
use ssd::weights::{self, Dtype};
use ssd::{CenterBox, CornerBox};
use ssd_data::images::read_upright;
use ssd_gpu::Picture;
use ssd_gpu::pipeline::Pipeline;
use ssd_import::{Conversion, Options, TensorFile};
use ssd_tests::fixture::{Fixture, SYNTHETIC, synthetic};
use ssd_tests::{shared_data, workspace_root};

use burn::tensor::Device;

/// Each recorded file.
const FILES: [&str; 2] = ["tensorflow-lite-coco", "tensorflow-lite-bee"];

fn conversion(file: &str) -> Conversion {
    let path = shared_data("tensorflow").join(file);
    let file = TensorFile::open_path(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Conversion::new(file, &Options::default()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn converted(fixture: &Fixture) -> Pipeline {
    let conversion = conversion(fixture.fact("/file").as_str().expect("a name"));
    assert_eq!(conversion.plan.layout.name, "tensorflow-lite-ssd");
    assert_eq!(conversion.plan.arch.name(), fixture.fact("/arch").as_str().expect("a name"));
    assert!(conversion.plan.unused.is_empty(), "{}: {:?}", fixture.name, conversion.plan.unused);
    let bytes = conversion.to_bytes(Dtype::F32, &mut |_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    let (header, model) = weights::load(bytes, &Device::flex()).unwrap_or_else(|error| panic!("{error}"));
    let count = |what: &str| fixture.fact(what).as_u64().expect("a count") as usize;
    assert_eq!((header.priors.len(), header.labels.len()), (count("/priors"), count("/classes")), "{}", fixture.name);
    assert!(header.priors.listed.is_none(), "{}: its priors are TensorFlow's, rounded or not", fixture.name);
    let normalization = header.normalization;
    for (got, what) in [(normalization.mean[0], "/mean"), (normalization.std[0], "/std")] {
        assert_eq!(Some(f64::from(got)), fixture.fact(what).as_f64(), "{} {what}", fixture.name);
    }
    Pipeline::on_cpu(header, &model, || 0.0).expect("the CPU knows every layer")
}

/// The largest difference in the recorded rows.
fn apart(fixture: &Fixture, output: &str, got: &[f32], width: usize, of: fn(f32) -> f32) -> f32 {
    let (rows, want) = fixture.rows(output);
    let pairs = rows.iter().zip(want.chunks_exact(width)).flat_map(|(row, want)| got[row * width..].iter().zip(want));
    pairs.map(|(got, want)| (of(*got) - of(*want)).abs()).fold(0.0, f32::max)
}

#[test]
fn genuine_tensorflow_lite_detectors_say_what_their_graphs_say() {
    shared_data("tensorflow");
    for name in FILES {
        let fixture = Fixture::open(name);
        let pipeline = converted(&fixture);
        let (bytes, (width, height)) = (synthetic(), SYNTHETIC);
        let picture = Picture::Rgba { bytes: &bytes, width, height };
        let (offsets, logits) = block_on(pipeline.predict(&[picture])).expect("the device works");
        let classes = pipeline.header().labels.len();
        let scores = apart(&fixture, "logits", &logits, classes, |logit| 1.0 / (1.0 + (-logit).exp()));
        eprintln!("{name} scores: {scores:.1e} apart");
        assert!(scores < 1e-5, "{name}: scores are {scores} apart");
        for (output, got, width) in [("offsets", &offsets, 4), ("logits", &logits, classes)] {
            let largest = got.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            let apart = apart(&fixture, output, got, width, |value| value);
            eprintln!("{name} {output}: {apart:.1e} apart, of {largest}");
            assert!(apart < 1e-4 * largest.max(1.0), "{name} {output}: {apart} apart, of {largest}");
            let sum: f64 = got.iter().map(|value| f64::from(*value)).sum();
            let fact = |what: &str| fixture.fact(&format!("/outputs/{output}/{what}")).as_f64().expect("a number");
            assert!((sum - fact("sum")).abs() < 1e-5 * fact("abs_sum"), "{name} {output}: a sum of {sum}");
        }
    }
}

#[test]
fn photographs_get_the_boxes_of_the_tensorflow_lite_interpreter() {
    let pictures = shared_data("samples");
    let recorded = workspace_root().join("tests/fixtures/checkpoints/tensorflow-lite-interpreter.json");
    let recorded: Value =
        serde_json::from_slice(&std::fs::read(recorded).expect("it is in the repository")).expect("JSON");
    let conversion = conversion(recorded["file"].as_str().expect("a name"));
    let bytes = conversion.to_bytes(Dtype::F32, &mut |_, _| {}).expect("it is whole");
    let (header, model) = weights::load(bytes, &Device::flex()).expect("it is whole");
    let pipeline = Pipeline::on_cpu(header, &model, || 0.0).expect("the CPU knows every layer");
    let header = pipeline.header();
    let classes = header.labels.len();

    let (mut count, mut same, mut score_apart, mut overlap) = (0, 0, 0.0, 0.0);
    for (name, found) in recorded["pictures"].as_object().expect("pictures by name") {
        let picture = read_upright(&pictures.join(name)).expect("a picture");
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let bytes: Vec<u8> = picture.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
        let picture = Picture::Rgba { bytes: &bytes, width, height };
        let (offsets, logits) = block_on(pipeline.predict(&[picture])).expect("the device works");
        for row in found.as_array().expect("a list") {
            let number = |i: usize| row[i].as_f64().expect("a number") as f32;
            let prior = number(0) as usize;
            let logits = &logits[prior * classes..][..classes];
            let (best, logit) =
                logits.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b)).expect("there are classes");
            let offsets: [f32; 4] = offsets[prior * 4..][..4].try_into().expect("four numbers");
            // With the prior that the file stores, which ours is before its rounding.
            let stored = CenterBox::new(number(7), number(8), number(9), number(10));
            let bbox = decode(offsets, &stored, header.priors.variances).to_corner();
            count += 1;
            same += usize::from(Some(header.labels[best].as_str()) == row[1].as_str());
            score_apart += (1.0 / (1.0 + (-logit).exp()) - number(2)).abs();
            overlap += bbox.iou(&CornerBox::new(number(3), number(4), number(5), number(6)));
        }
    }
    let (share, score_apart, overlap) =
        (same as f32 / count as f32, score_apart / count as f32, overlap / count as f32);
    eprintln!("{count} priors: {share} of one class, scores {score_apart} apart, IoU {overlap}");
    assert!(count > 400, "{count} priors");
    assert!(share >= 0.99 && score_apart <= 0.01 && overlap >= 0.97, "{share}, {score_apart}, {overlap}");
}
