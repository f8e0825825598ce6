//! Genuine TensorFlow Lite detectors, which are no part of the project: their heads say what their own graphs say.
//!
//! `tests/fixtures/checkpoints/tensorflow.py` recorded that: of a quantised file in real numbers, of a float file as
//! TensorFlow Lite computes it.

use pollster::block_on;
use ssd::weights::{self, Dtype};
use ssd_gpu::Picture;
use ssd_gpu::pipeline::Pipeline;
use ssd_import::{Conversion, Options, TensorFile};
use ssd_tests::fixture::{Fixture, SYNTHETIC, synthetic};
use ssd_tests::shared_data;

use burn::tensor::Device;

/// Each recorded file.
const FILES: [&str; 2] = ["tensorflow-lite-coco", "tensorflow-lite-bee"];

fn converted(fixture: &Fixture) -> Pipeline {
    let path = shared_data("tensorflow").join(fixture.fact("/file").as_str().expect("a name"));
    let file = TensorFile::open_path(&path).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
    let conversion =
        Conversion::new(file, &Options::default()).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
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
