//! A detector saved and loaded detects what it detected before.

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use ssd::weights::{Dtype, Header, Provenance, load, save};
use ssd::{Arch, Detection, Ssd};
use ssd::postprocess::DetectParams;
use ssd_train::data::{self, Format};
use ssd_train::validate::detect;

/// The 20 best detections of a generated scene.
fn detections(header: &Header, model: &Ssd) -> Vec<Detection> {
    let sample = data::open("shapes:9:1", Format::Auto, None, None).and_then(|set| set.get(0)).expect("a scene");
    let preprocess = header.preprocess();
    let pixels = ssd::preprocess::preprocess_rgb(sample.image.as_raw(), 300, 300, &preprocess);
    let batch = Tensor::<1>::from_data(pixels.as_slice(), &Device::flex()).reshape([1, 3, 300, 300]);
    let params = DetectParams { score: 0.001, max: 20, ..header.params() };
    let mut found = detect(model, header, &header.priors.priors(), batch, &params);
    assert_eq!(found.len(), 1);
    found.swap_remove(0)
}

/// A network of fresh weights that has seen batches of noise, so that its running statistics are those of its activations.
fn model(arch: Arch, classes: usize) -> Ssd {
    let device = Device::flex().autodiff();
    device.seed(11);
    let model = Ssd::new(arch, classes, &device);
    for _ in 0..16 {
        model.forward(Tensor::random([2, 3, 300, 300], Distribution::Normal(0.0, 1.0), &device));
    }
    model.valid()
}

#[test]
fn a_round_trip_changes_nothing_in_f32_and_little_in_f16() {
    let arch = Arch::Ssd300MobileNetV2Lite;
    let labels = ["cat", "dog", "cow"].map(String::from).to_vec();
    let header = Header::new(arch, labels, Provenance { steps: 3, ..Provenance::default() });
    let model = model(arch, header.classes());
    let before = detections(&header, &model);
    assert_eq!(before.len(), 20, "noise finds something at this score");

    let again = |dtype: Dtype| {
        let bytes = save(&header, &model, dtype).expect("it can be saved");
        let (loaded_header, loaded) = load(bytes.clone(), &Device::flex()).expect("it can be loaded");
        assert_eq!(loaded_header, header);
        (bytes.len(), detections(&loaded_header, &loaded))
    };
    let (whole, exact) = again(Dtype::F32);
    assert_eq!(exact, before);

    let (half, close) = again(Dtype::F16);
    assert!(half * 100 < whole * 55, "{half} is not half of {whole}");
    for detection in &before {
        let twin = close.iter().find(|other| other.class == detection.class && other.bbox.iou(&detection.bbox) > 0.98);
        let twin = twin.unwrap_or_else(|| panic!("{detection:?} is not in {close:?}"));
        assert!((twin.score - detection.score).abs() < 0.01, "{detection:?} became {twin:?}");
    }
}
