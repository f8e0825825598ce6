//! A detector saved and loaded is the detector that it was. What half precision does to detections is looked at where
//! there is a trained network, in `overfit`: one of fresh weights multiplies any rounding.

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use pollster::block_on;
use safetensors::SafeTensors;
use ssd::postprocess::DetectParams;
use ssd::preprocess::preprocess_rgb;
use ssd::weights::{Dtype, Header, Provenance, load, save};
use ssd::{Arch, Detection, Ssd};
use ssd_data::{self as data, Format};
use ssd_gpu::pipeline::Pipeline;

/// The 20 best detections of a generated scene.
fn detections(header: &Header, model: &Ssd) -> Vec<Detection> {
    let sample = data::open(&["shapes:9:1"], Format::AUTO, None, None).and_then(|set| set.get(0)).expect("a scene");
    let (width, height) = sample.image.dimensions();
    let pixels = preprocess_rgb(sample.image.as_raw(), width as usize, height as usize, &header.preprocess());
    let params = DetectParams { score: 0.001, max: 20, ..header.params() };
    let pipeline = Pipeline::on_burn(header.clone(), model.clone(), &Device::flex(), || 0.0);
    let mut found = block_on(pipeline.detect_input(&pixels, &params)).expect("it detects");
    assert_eq!(found.len(), 1);
    found.swap_remove(0)
}

/// A network of fresh weights that has seen a few batches of noise, so that no running statistic is what it began as.
fn model(header: &Header) -> Ssd {
    let device = Device::flex().autodiff();
    let model = Ssd::new(header.arch, header.columns(), &device);
    for _ in 0..3 {
        model.forward(Tensor::random([2, 3, 300, 300], Distribution::Normal(0.0, 1.0), &device));
    }
    model.valid()
}

fn header() -> Header {
    let labels = ["cat", "dog", "cow"].map(String::from).to_vec();
    Header::new(Arch::Ssd300MobileNetV2Lite, labels, Provenance { steps: 3, ..Provenance::default() })
}

#[test]
fn a_round_trip_in_f32_changes_nothing() {
    let header = header();
    let model = model(&header);
    let bytes = save(&header, &model, Dtype::F32).expect("it can be saved");
    let (loaded_header, loaded) = load(bytes, &Device::flex()).expect("it can be loaded");
    assert_eq!(loaded_header, header);
    let before = detections(&header, &model);
    assert_eq!(before.len(), 20, "noise finds something at this score");
    assert_eq!(detections(&loaded_header, &loaded), before);
}

#[test]
fn a_round_trip_in_f16_rounds_each_weight_once() {
    let header = header();
    let whole = save(&header, &model(&header), Dtype::F32).expect("it can be saved");
    let (_, model) = load(whole.clone(), &Device::flex()).expect("it can be loaded");
    let half = save(&header, &model, Dtype::F16).expect("it can be saved");
    assert!(half.len() * 100 < whole.len() * 55, "{} is not half of {}", half.len(), whole.len());
    let (_, rounded) = load(half, &Device::flex()).expect("it can be loaded");
    let rounded = save(&header, &rounded, Dtype::F32).expect("it can be saved");

    let [whole, rounded] = [&whole, &rounded].map(|bytes| SafeTensors::deserialize(bytes).expect("a weights file"));
    for (name, tensor) in whole.iter() {
        let other = rounded.tensor(name).expect("both have it");
        for (exact, rounded) in values(tensor.data()).zip(values(other.data())) {
            // Eleven bits of a number, and what lies below the smallest number of f16.
            let allowed = exact.abs() / 2048.0 + 3e-8;
            assert!((exact - rounded).abs() <= allowed, "{name}: {exact} became {rounded}");
        }
    }
}

fn values(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}
