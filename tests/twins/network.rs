//! Whole networks by our kernels against the same networks by Burn on the CPU, for every way in which kernels are
//! chosen.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use pollster::block_on;
use ssd::postprocess::DetectParams;
use ssd::preprocess::preprocess_rgba;
use ssd::weights::{Header, Provenance};
use ssd::{Arch, Ssd};
use ssd_gpu::adapter::Adapter;
use ssd_gpu::frames::GpuDetector;
use ssd_gpu::kernel::Precision;
use ssd_gpu::{Gpu, Picture};

use super::gpu;

const CLASSES: usize = 5;

/// Largest difference, as a share of the largest number.
fn far(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    assert!(got.iter().all(|value| value.is_finite()));
    let largest = want.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max) / largest
}

/// A picture of a size other than the input's.
fn picture(seed: usize) -> (Vec<u8>, usize, usize) {
    let (width, height) = (211, 173);
    let byte = |i: usize| ((i as f32 * (0.037 + seed as f32 * 0.011)).sin() * 100.0 + 128.0) as u8;
    ((0..width * height * 4).map(byte).collect(), width, height)
}

fn numbers(tensor: Tensor<3>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Offsets of all pictures, then logits, by Burn on the CPU.
fn want(model: &Ssd, header: &Header, seeds: &[usize]) -> Vec<f32> {
    let size = header.input_size;
    let pixels: Vec<f32> = seeds
        .iter()
        .flat_map(|&seed| {
            let (bytes, width, height) = picture(seed);
            preprocess_rgba(&bytes, width, height, &header.preprocess())
        })
        .collect();
    let input = Tensor::from_data(TensorData::new(pixels, [seeds.len(), 3, size, size]), &Device::flex());
    let out = model.forward(input);
    [numbers(out.offsets), numbers(out.logits)].concat()
}

/// The same by our kernels, and the bytes that they hold on the GPU.
fn got(gpu: &Gpu, model: &Ssd, header: &Header, how: (Precision, Adapter), seeds: &[usize]) -> (Vec<f32>, u64) {
    let mut detector = block_on(GpuDetector::new(gpu, header, model, seeds.len(), how, &mut |_, _| {}))
        .expect("the device takes the kernels");
    let pictures: Vec<_> = seeds.iter().map(|&seed| picture(seed)).collect();
    let pictures: Vec<_> =
        pictures.iter().map(|(bytes, width, height)| Picture::Rgba { bytes, width: *width, height: *height }).collect();
    let frame = detector.submit(&pictures, &DetectParams::default()).expect("the pictures are whole");
    block_on(frame.read()).expect("the device works");
    let predictions = block_on(detector.predictions()).expect("the device works");
    (predictions, detector.memory_bytes())
}

/// Draws weights by itself. The device's random numbers are those of all tests that run at the same time.
pub(crate) struct Drawn(pub(crate) u32);

impl ModuleMapper for Drawn {
    /// Of a convolution, uniform with the variance 2 / fan-in (He et al. 2015); the rest keeps what it starts with.
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let dims = param.lazy_shape();
        if dims.num_dims() != 4 {
            return param;
        }
        let bound = (6.0 / (dims[1] * dims[2] * dims[3]) as f32).sqrt();
        let mut draw = || {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0) * bound
        };
        let numbers: Vec<f32> = (0..dims.num_elements()).map(|_| draw()).collect();
        param.map(|old| Tensor::from_data(TensorData::new(numbers, dims), &old.device()))
    }
}

/// A network whose batch norms, if it has any, have statistics other than 0 and 1, so that folding them matters.
fn model(arch: Arch) -> (Ssd, Header) {
    let learning = Device::flex().autodiff();
    let model = Ssd::new(arch, CLASSES, &learning).map(&mut Drawn(7));
    if arch != Arch::Ssd300Vgg16 {
        let size = arch.input_size();
        let pixels: Vec<f32> = (0..2 * 3 * size * size).map(|i| (i as f32 * 0.37).sin()).collect();
        let _ = model.forward(Tensor::from_data(TensorData::new(pixels, [2, 3, size, size]), &learning));
    }
    let labels = (1..CLASSES).map(|class| format!("class {class}")).collect();
    (model.valid(), Header::new(arch, labels, Provenance::default()))
}

/// With the kernels chosen for this adapter and for a discrete card, and in 16 bits where the adapter has them.
fn agrees_with_burn(arch: Arch, seeds: &[usize]) {
    let gpu = gpu();
    let (model, header) = model(arch);
    let want = want(&model, &header, seeds);
    for (name, adapter) in [("this adapter", *gpu.adapter()), ("a discrete card", Adapter::HARDWARE)] {
        let far = far(&got(&gpu, &model, &header, (Precision::Single, adapter), seeds).0, &want);
        assert!(far < 1e-3, "{arch} as on {name}: {far} apart");
    }
    if gpu.has_f16() {
        let far = far(&got(&gpu, &model, &header, (Precision::Half, Adapter::HARDWARE), seeds).0, &want);
        eprintln!("{arch} in 16 bits: {far} apart");
        assert!(far < 2e-2, "{arch} in 16 bits: {far} apart");
    }
}

#[test]
fn the_light_network_on_our_kernels_is_burns() {
    agrees_with_burn(Arch::Ssd300MobileNetV2Lite, &[1, 2]);
}

#[test]
fn mobilenet_v1_on_our_kernels_is_burns() {
    agrees_with_burn(Arch::Ssd300MobileNetV1, &[1]);
}

#[test]
fn resnet34_on_our_kernels_is_burns() {
    agrees_with_burn(Arch::Ssd300ResNet34, &[1]);
}

/// Several pictures, since its gates have one row for each; three, so that the number of predictions is no multiple of
/// four.
#[test]
fn the_gated_network_on_our_kernels_is_burns() {
    agrees_with_burn(Arch::SsdLite320MobileNetV3Large, &[1, 2, 3]);
}

#[test]
fn the_papers_network_on_our_kernels_is_burns() {
    let gpu = gpu();
    let (model, header) = model(Arch::Ssd300Vgg16);
    let want = want(&model, &header, &[1]);
    let (got, bytes) = got(&gpu, &model, &header, (Precision::Single, Adapter::HARDWARE), &[1]);
    let far = far(&got, &want);
    assert!(far < 1e-3, "{far} apart");
    eprintln!("{:.1} MiB on the GPU", bytes as f64 / f64::from(1 << 20));
    assert!(bytes <= 300 << 20, "{bytes} bytes on the GPU");
}
