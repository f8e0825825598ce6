//! Frames: requests, results, and that no memory grows.

use burn::tensor::Device;
use pollster::block_on;
use ssd::Arch;
use ssd::postprocess::{DetectParams, ParamsError};
use ssd::preprocess::preprocess_rgba;
use ssd::weights;
use ssd_gpu::pipeline::{Pipeline, PrecisionChoice};
use ssd_gpu::{Gpu, GpuError, Picture};
use ssd_tests::fresh::fresh_network;

use super::gpu;

fn pipeline(gpu: &Gpu, images: usize) -> Pipeline {
    loaded(gpu, Arch::Ssd300MobileNetV2Lite, images)
}

/// A network with drawn weights on a GPU, for batches of up to `images` pictures. The weights follow from a rule:
/// another test may draw from the device's generator at the same time.
pub fn loaded(gpu: &Gpu, arch: Arch, images: usize) -> Pipeline {
    let file = fresh_network(arch, &["one", "two"]);
    let (header, model) = weights::load(file, &Device::flex()).expect("it is a detector");
    let load =
        async { Pipeline::on_gpu(header, &model, gpu, images, PrecisionChoice::Auto, || 0.0, &mut |_, _| {}).await };
    block_on(load).unwrap_or_else(|error| panic!("{arch}: {error}"))
}

pub fn low() -> DetectParams {
    DetectParams { score: 0.01, ..DetectParams::default() }
}

#[test]
fn frames_in_flight_do_not_disturb_each_other() {
    let gpu = gpu();
    let pipeline = pipeline(&gpu, 1);
    let bytes: [Vec<u8>; 2] = [(0..64 * 64 * 4).map(|i| (i % 251) as u8).collect(), vec![90; 40 * 30 * 4]];
    let sizes = [(64, 64), (40, 30)];
    let submit = |which: usize| {
        let picture = Picture::Rgba { bytes: &bytes[which], width: sizes[which].0, height: sizes[which].1 };
        pipeline.submit(&[picture], &low()).expect("the picture is whole")
    };
    let read = |pending| block_on(pipeline.read(pending)).expect("the device works").remove(0);
    let alone = [0, 1].map(|which| read(submit(which)).detections);
    assert_ne!(alone[0], alone[1]);
    let (first, second) = (submit(0), submit(1));
    assert_eq!(read(first).detections, alone[0]);
    assert_eq!(read(second).detections, alone[1]);
}

#[test]
fn memory_is_flat_and_a_frame_reads_back_little() {
    let gpu = gpu();
    let pipeline = pipeline(&gpu, 1);
    let bytes = vec![128; 100 * 80 * 4];
    let mut memory = Vec::new();
    for _ in 0..20 {
        let picture = Picture::Rgba { bytes: &bytes, width: 100, height: 80 };
        let pending = pipeline.submit(&[picture], &low()).expect("the picture is whole");
        let outcome = block_on(pipeline.read(pending)).expect("the device works").remove(0);
        assert!(outcome.readback_bytes <= 8192, "{} bytes", outcome.readback_bytes);
        memory.push(pipeline.gpu_memory().expect("it is on a GPU").0);
    }
    assert!(memory.iter().all(|bytes| *bytes == memory[0]), "{memory:?}");
}

#[test]
fn a_batch_is_its_pictures_one_by_one() {
    let gpu = gpu();
    let pipeline = pipeline(&gpu, 3);
    let bytes: Vec<Vec<u8>> = (1..=2usize).map(|k| (0..50 * 50 * 4).map(|i| (i * k % 255) as u8).collect()).collect();
    let pictures: Vec<_> = bytes.iter().map(|bytes| Picture::Rgba { bytes, width: 50, height: 50 }).collect();
    let run = |pictures: &[Picture<'_>]| {
        let pending = pipeline.submit(pictures, &low()).expect("the pictures are whole");
        block_on(pipeline.read(pending)).expect("the device works")
    };
    let together = run(&pictures);
    assert_eq!(together.len(), 2);
    for (picture, together) in pictures.iter().zip(together) {
        assert_eq!(run(std::slice::from_ref(picture))[0].detections, together.detections);
    }
}

#[test]
fn a_prepared_input_gives_the_detections_of_its_pictures() {
    let gpu = gpu();
    let pipeline = pipeline(&gpu, 2);
    let spec = pipeline.header().preprocess();
    let bytes: Vec<Vec<u8>> = (1..=3usize).map(|k| (0..50 * 40 * 4).map(|i| (i * k % 255) as u8).collect()).collect();
    let input: Vec<f32> = bytes.iter().flat_map(|bytes| preprocess_rgba(bytes, 50, 40, &spec)).collect();
    // One more than a frame holds.
    let found = block_on(pipeline.detect_input(&input, &low())).expect("the device works");
    assert_eq!(found.len(), 3);
    for (bytes, found) in bytes.iter().zip(&found) {
        let pending = pipeline.submit(&[Picture::Rgba { bytes, width: 50, height: 40 }], &low()).expect("it is whole");
        let want = block_on(pipeline.read(pending)).expect("the device works").remove(0).detections;
        assert_eq!(found.len(), want.len());
        for (found, want) in found.iter().zip(&want) {
            assert_eq!(found.class, want.class);
            assert!((found.score - want.score).abs() < 1e-4 && (found.bbox.x1 - want.bbox.x1).abs() < 1e-4);
        }
    }
    let cut = block_on(pipeline.detect_input(&input[1..], &low()));
    assert!(matches!(cut, Err(GpuError::Input { side: 300, .. })));
}

#[test]
fn what_does_not_fit_is_refused() {
    let gpu = gpu();
    let pipeline = pipeline(&gpu, 1);
    let bytes = [0; 16];
    let picture = |width, height| Picture::Rgba { bytes: &bytes, width, height };
    let submit = |pictures: &[Picture<'_>], params: &DetectParams| pipeline.submit(pictures, params).map(|_| ());
    assert!(submit(&[picture(2, 2)], &low()).is_ok());
    assert!(matches!(submit(&[picture(3, 2)], &low()), Err(GpuError::Picture { got: 16, width: 3, height: 2 })));
    let refused = submit(&[picture(0, 4)], &low());
    assert!(matches!(refused, Err(GpuError::PictureSize { width: 0, height: 4, .. })));
    assert!(matches!(submit(&[picture(100_000, 1)], &low()), Err(GpuError::PictureSize { width: 100_000, .. })));
    let two = [picture(2, 2), picture(2, 2)];
    assert!(matches!(submit(&two, &low()), Err(GpuError::Size { name: "the batch", got: 2, .. })));
    assert!(matches!(submit(&[], &low()), Err(GpuError::Size { got: 0, .. })));
    let unknown = DetectParams { classes: Some(vec![3]), ..low() };
    let refused = submit(&[picture(2, 2)], &unknown);
    assert!(matches!(refused, Err(GpuError::Params(ParamsError::Class { class: 3, last: 2 }))));
}
