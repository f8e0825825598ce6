//! The detector on a device that has no more than WebGPU promises: no clock, no 16-bit floats, no large buffers.

use pollster::block_on;
use ssd::{Arch, Detection};
use ssd_gpu::gpu::Wish;
use ssd_gpu::pipeline::Pipeline;
use ssd_gpu::{Gpu, Picture};

use super::frames::{loaded, low};
use super::gpu;

/// Most bytes of a binding, and of a buffer, on every device.
const BINDING: u64 = 128 << 20;

fn least() -> Gpu {
    // Skipped without a device at all.
    let _ = gpu();
    block_on(Gpu::open(None, Wish::Least)).expect("the adapter that gave a device gives a lesser one")
}

fn detect(pipeline: &Pipeline) -> Vec<Detection> {
    let bytes: Vec<u8> = (0..64 * 48 * 4).map(|i| (i * 7 % 251) as u8).collect();
    let picture = Picture::Rgba { bytes: &bytes, width: 64, height: 48 };
    let pending = pipeline.submit(&[picture], &low()).expect("the picture is whole");
    let outcome = block_on(pipeline.read(pending)).expect("the device works").remove(0);
    outcome.detections
}

#[test]
fn the_boxes_are_the_same() {
    let (least, full) = (least(), gpu());
    assert!(!least.has_timestamps() && !least.has_f16());
    let arch = Arch::Ssd300MobileNetV2Lite;
    let [found, wanted] = [&least, &full].map(|gpu| detect(&loaded(gpu, arch, 1)));
    assert!(!wanted.is_empty(), "nothing to compare");
    assert_eq!(found, wanted);
}

#[test]
fn the_largest_networks_fit() {
    let gpu = least();
    for arch in [Arch::Ssd300Vgg16, Arch::Ssd512Vgg16] {
        let (bytes, _) = loaded(&gpu, arch, 1).gpu_memory().expect("it is on a GPU");
        assert!(bytes > BINDING, "{arch}: {bytes} bytes would fit into one buffer, so this checks nothing");
    }
}
