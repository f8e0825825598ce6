//! Times forward and backward through the convolutions of SSD-MobileNetV1 x 0.75 at 300 pixels (without batch norm:
//! convolution, bias, ReLU6), a batch of eight, on Burn's CPU device:
//!
//! ```sh
//! RAYON_NUM_THREADS=1 cargo run --release --package ssd-cpu --example training_step --features autodiff
//! ```
//!
//! `tests/compare/training_step.py` times the same in PyTorch.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Distribution, Tensor};
use ssd_cpu::{Activation, ConvShape, Padding, convolve};

const BATCH: usize = 8;
const STEPS: usize = 8;

/// Output channels and stride of the thirteen blocks, each a depthwise convolution and one of 1x1.
const BLOCKS: [(usize, usize); 13] = [
    (48, 1),
    (96, 2),
    (96, 1),
    (192, 2),
    (192, 1),
    (384, 2),
    (384, 1),
    (384, 1),
    (384, 1),
    (384, 1),
    (384, 1),
    (768, 2),
    (768, 1),
];

/// The index of the block whose output is the first map.
const FIRST_MAP: usize = 10;

/// Channels between and behind the two convolutions of each extra.
const EXTRAS: [(usize, usize); 4] = [(192, 384), (96, 192), (96, 192), (48, 96)];

struct Layer {
    shape: ConvShape,
    weight: Tensor<4>,
    bias: Tensor<1>,
}

/// Layers as they are added, and the size of the map behind them.
struct Network {
    layers: Vec<Layer>,
    size: usize,
    device: Device,
}

impl Network {
    fn add(&mut self, input: usize, output: usize, groups: usize, kernel: usize, stride: usize) -> usize {
        let padding = Padding::same([self.size; 2], kernel, stride, 1);
        let shape = ConvShape { groups, stride, padding, ..ConvShape::dense(input, output, kernel) };
        let deviation = (2.0 / (shape.weights() / output) as f64).sqrt();
        let normal = Distribution::Normal(0.0, deviation);
        self.layers.push(Layer {
            shape: ConvShape { activation: Activation::Relu6, ..shape },
            weight: Tensor::random([output, input / groups, kernel, kernel], normal, &self.device).require_grad(),
            bias: Tensor::zeros([output], &self.device).require_grad(),
        });
        self.size = self.size.div_ceil(stride);
        output
    }
}

fn main() {
    let device = Device::flex().autodiff();
    let mut network = Network { layers: Vec::new(), size: 300, device: device.clone() };
    let mut maps = Vec::new();
    let mut channels = network.add(3, 24, 1, 3, 2);
    for (i, (output, stride)) in BLOCKS.into_iter().enumerate() {
        network.add(channels, channels, channels, 3, stride);
        channels = network.add(channels, output, 1, 1, 1);
        if i == FIRST_MAP || i + 1 == BLOCKS.len() {
            maps.push(network.layers.len());
        }
    }
    for (between, output) in EXTRAS {
        network.add(channels, between, 1, 1, 1);
        channels = network.add(between, output, 1, 3, 2);
        maps.push(network.layers.len());
    }

    let pictures = Tensor::<4>::random([BATCH, 3, 300, 300], Distribution::Default, &device);
    let mut best = [Duration::MAX; 3];
    for step in 0..STEPS {
        let start = Instant::now();
        let mut x = pictures.clone();
        let mut loss = Tensor::<1>::zeros([1], &device);
        for (i, layer) in network.layers.iter().enumerate() {
            x = convolve(x, layer.weight.clone(), Some(layer.bias.clone()), &layer.shape);
            if maps.contains(&(i + 1)) {
                loss = loss + x.clone().sum();
            }
        }
        let forward = start.elapsed();
        let gradients = loss.backward();
        let arrived = network.layers.iter().filter(|layer| layer.weight.grad(&gradients).is_some()).count();
        let all = start.elapsed();
        println!(
            "step {step}: forward {:4} ms, backward {:4} ms, {arrived} of {} layers have gradients",
            forward.as_millis(),
            (all - forward).as_millis(),
            network.layers.len()
        );
        for (best, time) in best.iter_mut().zip([forward, all - forward, all]) {
            *best = time.min(*best);
        }
    }
    let [forward, backward, together] = best.map(|time| time.as_millis());
    println!("best: forward {forward} ms, backward {backward} ms, together {together} ms");
}
