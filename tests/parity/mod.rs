//! Parity: converted checkpoints give the outputs of their own projects' networks.
//!
//! For each layout a checkpoint is made by rule, converted, loaded and run; its own project's
//! outputs for the same weights were recorded (`tests/fixtures/checkpoints`). `tests/compare/checkpoints.py` does the
//! same with PyTorch itself, on real files.

mod tensorflow;
mod trunks;

use burn::tensor::Device;
use pollster::block_on;
use ssd::postprocess::DetectParams;
use ssd::weights::{self, Dtype, Header};
use ssd::{CornerBox, Ssd};
use ssd_data::images;
use ssd_gpu::Picture;
use ssd_gpu::kernel::Precision;
use ssd_gpu::pipeline::{Pipeline, PrecisionChoice};
use ssd_import::{Conversion, Options};
use ssd_tests::fixture::{Fixture, Found, Recorded, SYNTHETIC, synthetic};
use ssd_tests::{gpu, shared_data};

/// Every recorded detector, and the prefix of the names in its file.
const DETECTORS: [(&str, &str); 12] = [
    ("torchvision-ssd300-vgg16", ""),
    ("torchvision-ssdlite320-mobilenet-v3-large", "model."),
    ("amdegroot-ssd300", ""),
    ("qfgaohao-vgg16-ssd", "module."),
    ("qfgaohao-mb1-ssd", ""),
    ("qfgaohao-mb2-ssd-lite", "state_dict.module."),
    ("lufficc-vgg-ssd300", "model."),
    ("lufficc-vgg-ssd300-coco", ""),
    ("lufficc-vgg-ssd512", ""),
    ("mmdetection-ssd300", "state_dict."),
    ("nvidia-ssd300-resnet34", "model.module."),
    ("nvidia-ssd300-resnet50", "model."),
];

/// One of each network: software GPUs are slow.
const ON_A_GPU: [&str; 6] = [
    "torchvision-ssdlite320-mobilenet-v3-large",
    "qfgaohao-vgg16-ssd",
    "qfgaohao-mb1-ssd",
    "qfgaohao-mb2-ssd-lite",
    "nvidia-ssd300-resnet34",
    "nvidia-ssd300-resnet50",
];

/// A picture as bytes RGBA with its width and height.
type Pixels = (Vec<u8>, usize, usize);

fn converted(fixture: &Fixture, prefix: &str, dtype: Dtype) -> Vec<u8> {
    let file = fixture.checkpoint(prefix);
    let conversion =
        Conversion::new(file, &Options::default()).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
    let layout = conversion.plan.layout.name;
    assert!(fixture.name.starts_with(layout), "{} was taken for {layout}", fixture.name);
    assert!(conversion.plan.unused.is_empty() && conversion.plan.beside.is_empty(), "{:?}", conversion.plan.unused);
    conversion.to_bytes(dtype, &mut |_, _| {}).unwrap_or_else(|error| panic!("{}: {error}", fixture.name))
}

fn load(bytes: Vec<u8>, fixture: &Fixture) -> (Header, Ssd) {
    let (header, model) =
        weights::load(bytes, &Device::flex()).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
    assert_eq!(header.priors.len() as u64, fixture.fact("/priors").as_u64().expect("a count"));
    assert_eq!(header.classes() as u64, fixture.fact("/classes").as_u64().expect("a count"));
    (header, model)
}

/// The outputs of the heads on the synthetic picture: every recorded row, and the sums of all.
fn assert_heads(pipeline: &Pipeline, fixture: &Fixture) {
    let picture = synthetic();
    let picture = Picture::Rgba { bytes: &picture, width: SYNTHETIC.0, height: SYNTHETIC.1 };
    let (offsets, logits) = block_on(pipeline.predict(&[picture])).expect("the device works");
    let columns = pipeline.header().columns();
    for (output, got, width) in [("offsets", offsets, 4), ("logits", logits, columns)] {
        let (rows, want) = fixture.rows(output);
        let largest = want.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let mut apart = 0.0f32;
        for (row, want) in rows.iter().zip(want.chunks_exact(width)) {
            let pairs = got[row * width..][..width].iter().zip(want);
            apart = pairs.fold(apart, |apart, (got, want)| apart.max((got - want).abs()));
        }
        eprintln!("{} {output}: {:.1e} of the largest number", fixture.name, apart / largest);
        assert!(apart < 1e-3 * largest, "{} {output}: {apart} apart, of {largest}", fixture.name);
        let sum: f64 = got.iter().map(|value| f64::from(*value)).sum();
        let fact = |what: &str| fixture.fact(&format!("/outputs/{output}/{what}")).as_f64().expect("a number");
        assert!((sum - fact("sum")).abs() < 1e-3 * fact("abs_sum"), "{} {output}: a sum of {sum}", fixture.name);
    }
}

fn detect(pipeline: &Pipeline, (bytes, width, height): &Pixels, like: &Recorded) -> Vec<Found> {
    let Recorded { score, iou, top_k, max, .. } = *like;
    let params = DetectParams { score, iou, top_k, max, ..DetectParams::default() };
    let picture = Picture::Rgba { bytes, width: *width, height: *height };
    let pending = pipeline.submit(&[picture], &params).expect("the parameters are in range");
    let outcome = block_on(pipeline.read(pending)).expect("the device works").remove(0);
    let found = outcome.detections.iter().map(|detection| {
        let b = detection.bbox.scaled(*width as f32, *height as f32);
        Found { class: detection.class, score: detection.score, corners_px: [b.x1, b.y1, b.x2, b.y2] }
    });
    found.collect()
}

/// When two detections count as the same: the least IoU, and the greatest difference of scores.
type Closeness = (f32, f32);

/// Each of `want` is one of `got`, of the same class.
fn assert_among(want: &[Found], got: &[Found], (least_iou, most_apart): Closeness, at: &str) {
    let corners = |found: &Found| {
        let [x1, y1, x2, y2] = found.corners_px;
        CornerBox::new(x1, y1, x2, y2)
    };
    let mut left: Vec<&Found> = got.iter().collect();
    for want in want {
        let same = |found: &&Found| {
            found.class == want.class
                && (found.score - want.score).abs() <= most_apart
                && corners(found).iou(&corners(want)) >= least_iou
        };
        let Some(place) = left.iter().position(same) else {
            let of_class: Vec<_> = left.iter().filter(|found| found.class == want.class).collect();
            panic!("{at}: {want:?} is not among {of_class:?}");
        };
        left.swap_remove(place);
    }
}

/// The picture by rule, or a photograph.
fn pixels(name: &str) -> Pixels {
    if name == "synthetic" {
        return (synthetic(), SYNTHETIC.0, SYNTHETIC.1);
    }
    let picture = images::read_upright(&shared_data("samples").join(name)).unwrap_or_else(|error| panic!("{error}"));
    let rgba = picture.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
    (rgba, picture.width() as usize, picture.height() as usize)
}

fn assert_detections(pipeline: &Pipeline, fixture: &Fixture) {
    for recorded in fixture.pictures().iter().filter(|picture| picture.is_synthetic()) {
        let got = detect(pipeline, &pixels(&recorded.name), recorded);
        assert_eq!(got.len(), recorded.detections.len(), "{}", fixture.name);
        assert_among(&recorded.detections, &got, (0.99, 1e-3), &fixture.name);
    }
}

/// Two JPEG decoders differ by a level here and there, and random weights make more of that than learned ones: enough
/// to decide which of two boxes NMS keeps. So the recorded detections are sought before NMS. On equal pixels
/// `tests/compare/checkpoints.py` demands the same set within 1e-3.
fn assert_on_a_photograph(pipeline: &Pipeline, pixels: &Pixels, recorded: Recorded, at: &str) {
    let every = Recorded { iou: 1.0, top_k: 512, max: 512, ..recorded };
    let got = detect(pipeline, pixels, &every);
    let least = got.last().map_or(every.score, |found| found.score.max(every.score));
    let clear: Vec<Found> = every.detections.iter().filter(|found| found.score > least + 0.05).cloned().collect();
    assert!(clear.len() >= 5, "{at}: {} detections show nothing", clear.len());
    assert_among(&clear, &got, (0.9, 0.05), at);
}

fn on_cpu(fixture: &Fixture, prefix: &str, dtype: Dtype) -> Pipeline {
    let (header, model) = load(converted(fixture, prefix, dtype), fixture);
    Pipeline::on_cpu(header, &model, || 0.0).expect("the CPU knows every layer")
}

#[test]
fn every_layout_says_on_the_cpu_what_its_own_project_says() {
    for (name, prefix) in DETECTORS {
        let fixture = Fixture::open(name);
        let pipeline = on_cpu(&fixture, prefix, Dtype::F32);
        assert_heads(&pipeline, &fixture);
        assert_detections(&pipeline, &fixture);
    }
}

#[test]
fn every_layout_finds_in_photographs_what_its_own_project_finds() {
    shared_data("samples");
    for (name, prefix) in DETECTORS {
        let fixture = Fixture::open(name);
        let pipeline = on_cpu(&fixture, prefix, Dtype::F32);
        for recorded in fixture.pictures().into_iter().filter(|picture| !picture.is_synthetic()) {
            let at = format!("{name} on {}", recorded.name);
            assert_on_a_photograph(&pipeline, &pixels(&recorded.name), recorded, &at);
        }
    }
}

#[test]
fn every_network_says_on_a_gpu_what_its_own_project_says() {
    let gpu = gpu();
    for (name, prefix) in DETECTORS.iter().filter(|(name, _)| ON_A_GPU.contains(name)) {
        let fixture = Fixture::open(name);
        let (header, model) = load(converted(&fixture, prefix, Dtype::F32), &fixture);
        let single = PrecisionChoice::Only(Precision::Single);
        let pipeline = block_on(Pipeline::on_gpu(header, &model, &gpu, 1, single, || 0.0, &mut |_, _| {}));
        let pipeline = pipeline.expect("the GPU knows every layer");
        assert_heads(&pipeline, &fixture);
        assert_detections(&pipeline, &fixture);
    }
}

/// Each of three detectors finds in 16 bits what it finds in 32, in the pictures asked for.
fn half_precision_finds_the_same(asked: impl Fn(&Recorded) -> bool) {
    for name in ["torchvision-ssd300-vgg16", "torchvision-ssdlite320-mobilenet-v3-large", "nvidia-ssd300-resnet34"] {
        let fixture = Fixture::open(name);
        let [whole, half] = [Dtype::F32, Dtype::F16].map(|dtype| on_cpu(&fixture, "", dtype));
        for recorded in fixture.pictures().into_iter().filter(&asked) {
            let pixels = pixels(&recorded.name);
            // Before NMS, which keeps the better of two boxes by however little.
            let every = Recorded { score: 0.5, iou: 1.0, top_k: 512, max: 512, ..recorded };
            let [got, want] = [&half, &whole].map(|pipeline| detect(pipeline, &pixels, &every));
            let at = format!("{name} in 16 bits on {}", every.name);
            assert!((1..512).contains(&want.len()), "{at}: {} boxes show nothing", want.len());
            // Detections closer to the threshold than scores may differ can be found by one of the two alone.
            let clear = |list: &[Found]| -> Vec<Found> {
                list.iter().filter(|found| found.score > every.score + 0.01).cloned().collect()
            };
            assert_among(&clear(&want), &got, (0.98, 0.01), &at);
            assert_among(&clear(&got), &want, (0.98, 0.01), &at);
        }
    }
}

#[test]
fn half_precision_halves_the_file() {
    for name in ["torchvision-ssd300-vgg16", "torchvision-ssdlite320-mobilenet-v3-large", "nvidia-ssd300-resnet34"] {
        let fixture = Fixture::open(name);
        let [whole, half] = [Dtype::F32, Dtype::F16].map(|dtype| converted(&fixture, "", dtype).len() as f64);
        let share = half / whole;
        assert!((0.5..0.53).contains(&share), "{name}: the file has {share} of its size");
    }
}

#[test]
fn half_precision_finds_the_same_in_the_picture_by_rule() {
    half_precision_finds_the_same(Recorded::is_synthetic);
}

#[test]
fn half_precision_finds_the_same_in_photographs() {
    shared_data("samples");
    half_precision_finds_the_same(|picture| !picture.is_synthetic());
}
