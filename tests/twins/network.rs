//! A whole network by our kernels against the same network by Burn on the CPU.

use burn::cubecl::future::block_on;
use burn::prelude::*;
use burn::tensor::TensorData;
use ssd::{Arch, Predictions, Ssd};
use ssd_gpu::GpuNetwork;

use super::wgpu_device;

/// Largest difference, as a share of the largest number.
fn far(got: Tensor<3>, want: Tensor<3>) -> f32 {
    let read = |tensor: Tensor<3>| -> Vec<f32> {
        block_on(tensor.into_data_async()).expect("the device works").iter::<f32>().collect()
    };
    let (got, want) = (read(got), read(want));
    assert_eq!(got.len(), want.len());
    assert!(got.iter().all(|value| value.is_finite()));
    let largest = want.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    got.iter().zip(&want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max) / largest
}

fn picture(size: usize, device: &Device) -> Tensor<4> {
    let pixels: Vec<f32> = (0..3 * size * size).map(|i| (i as f32 * 0.37).sin()).collect();
    Tensor::from_data(TensorData::new(pixels, [1, 3, size, size]), device)
}

#[test]
fn the_light_network_on_our_kernels_is_burns() {
    let Some(gpu) = wgpu_device("the_light_network_on_our_kernels_is_burns") else { return };
    let (arch, cpu) = (Arch::Ssd300MobileNetV2Lite, Device::flex());
    cpu.seed(3);
    // A forward pass that records gradients moves the running statistics away from 0 and 1, so that folding them matters.
    let learning = cpu.clone().autodiff();
    let model = Ssd::new(arch, 5, &learning);
    let batch =
        Tensor::cat(vec![picture(arch.input_size(), &learning), picture(arch.input_size(), &learning) * -2.0], 0);
    let _ = model.forward(batch);
    let model = model.valid();

    let want = model.forward(picture(arch.input_size(), &cpu));
    let network = GpuNetwork::new(model, &gpu);
    let got: Predictions = network.forward(picture(arch.input_size(), &gpu)).expect("a wgpu device runs the kernels");
    let (offsets, logits) = (far(got.offsets, want.offsets), far(got.logits, want.logits));
    assert!(offsets < 1e-3 && logits < 1e-3, "offsets are {offsets} apart, logits {logits}");
}
