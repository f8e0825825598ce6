//! Times forward and backward through the layers of a detector at 300 pixels on Burn's CPU device, without a loss: the
//! sum of its predictions stands for it.
//!
//! ```sh
//! RAYON_NUM_THREADS=2 cargo run --release --package ssd-cpu --example training_step --features autodiff -- \
//!     ssd300-mobilenet-v1 8 10
//! ```
//!
//! The arguments are the network (a row of [`NETWORKS`]), the batch and the number of steps.
//! `tests/compare/training_step.py` times the same in PyTorch.

use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use ssd_cpu::{Activation, ConvShape, Padding, Pool, batch_norm_train, convolve, max_pool};

/// Adds a network's layers.
type Build = fn(&mut Network);

/// The networks by name.
const NETWORKS: [(&str, Build); 3] = [
    ("ssd300-mobilenet-v1", Network::mobilenet),
    ("ssd300-mobilenet-v1-tf-0.75", Network::mobilenet_tf),
    ("ssd300-vgg16", Network::vgg),
];

/// Output channels at full width and stride of MobileNetV1's thirteen blocks, each a depthwise convolution and one of
/// 1x1.
const BLOCKS: [(usize, usize); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// The index of the block whose output is the first map.
const FIRST_MAP: usize = 10;

const CLASSES: usize = 21;

#[allow(clippy::large_enum_variant, reason = "there are some dozens, and they stay where they are")]
enum Step {
    Convolution {
        shape: ConvShape,
        weight: Tensor<4>,
        bias: Tensor<1>,
    },
    Normed {
        shape: ConvShape,
        weight: Tensor<4>,
        gamma: Tensor<1>,
        beta: Tensor<1>,
    },
    Pooling(Pool),
    /// The map so far is a feature map, which these convolutions predict from.
    Heads(Vec<(ConvShape, Tensor<4>, Tensor<1>)>),
}

/// Layers as they are added, and the size of the map behind them.
struct Network {
    steps: Vec<Step>,
    channels: usize,
    size: usize,
    device: Device,
}

impl Network {
    fn weight(&self, shape: &ConvShape) -> Tensor<4> {
        let &ConvShape { channels_in, channels_out, groups, kernel, .. } = shape;
        let deviation = (2.0 / (shape.weights() / channels_out) as f64).sqrt();
        let normal = Distribution::Normal(0.0, deviation);
        Tensor::random([channels_out, channels_in / groups, kernel, kernel], normal, &self.device).require_grad()
    }

    fn per_channel(&self, channels: usize, value: f32) -> Tensor<1> {
        Tensor::full([channels], value, &self.device).require_grad()
    }

    fn add(&mut self, shape: ConvShape) {
        let (weight, bias) = (self.weight(&shape), self.per_channel(shape.channels_out, 0.0));
        self.moved(&shape);
        self.steps.push(Step::Convolution { shape, weight, bias });
    }

    fn add_normed(&mut self, shape: ConvShape) {
        let [gamma, beta] = [1.0, 0.0].map(|value| self.per_channel(shape.channels_out, value));
        let weight = self.weight(&shape);
        self.moved(&shape);
        self.steps.push(Step::Normed { shape, weight, gamma, beta });
    }

    fn moved(&mut self, shape: &ConvShape) {
        [self.size, _] = shape.size_out([self.size; 2]);
        self.channels = shape.channels_out;
    }

    fn pool(&mut self, pool: Pool) {
        [self.size, _] = pool.size_out([self.size; 2]);
        self.steps.push(Step::Pooling(pool));
    }

    fn heads(&mut self, priors: usize, kernel: usize) {
        let head = |columns: usize| {
            let shape = ConvShape::dense(self.channels, priors * columns, kernel);
            (shape, self.weight(&shape), self.per_channel(shape.channels_out, 0.0))
        };
        self.steps.push(Step::Heads(vec![head(4), head(CLASSES)]));
    }

    fn mobilenet(&mut self) {
        let relu = |shape: ConvShape, stride: usize| ConvShape { stride, activation: Activation::Relu, ..shape };
        self.add_normed(relu(ConvShape::dense(3, 32, 3), 2));
        for (i, (output, stride)) in BLOCKS.into_iter().enumerate() {
            self.add_normed(relu(ConvShape::depthwise(self.channels, 3), stride));
            self.add_normed(relu(ConvShape::dense(self.channels, output, 1), 1));
            if i == FIRST_MAP || i + 1 == BLOCKS.len() {
                self.heads(6, 3);
            }
        }
        for (between, output) in [(256, 512), (128, 256), (128, 256), (128, 256)] {
            self.add(relu(ConvShape::dense(self.channels, between, 1), 1));
            self.add(relu(ConvShape::dense(between, output, 3), 2));
            self.heads(6, 3);
        }
    }

    fn mobilenet_tf(&mut self) {
        let three_quarters = |channels: usize| channels * 3 / 4;
        self.add_same(ConvShape::dense(3, three_quarters(32), 3), 2);
        for (i, (output, stride)) in BLOCKS.into_iter().enumerate() {
            self.add_same(ConvShape::depthwise(self.channels, 3), stride);
            self.add_same(ConvShape::dense(self.channels, three_quarters(output), 1), 1);
            if i == FIRST_MAP || i + 1 == BLOCKS.len() {
                self.heads(if i == FIRST_MAP { 3 } else { 6 }, 1);
            }
        }
        for (between, output) in [(256, 512), (128, 256), (128, 256), (64, 128)] {
            self.add_same(ConvShape::dense(self.channels, three_quarters(between), 1), 1);
            self.add_same(ConvShape::dense(three_quarters(between), three_quarters(output), 3), 2);
            self.heads(6, 1);
        }
    }

    /// With TensorFlow's padding and a ReLU6.
    fn add_same(&mut self, shape: ConvShape, stride: usize) {
        let padding = Padding::same([self.size; 2], shape.kernel, stride, 1);
        self.add(ConvShape { stride, padding, activation: Activation::Relu6, ..shape });
    }

    fn vgg(&mut self) {
        let relu = |shape: ConvShape| ConvShape { activation: Activation::Relu, ..shape };
        let half = Pool { kernel: 2, stride: 2, padding: Padding::NONE };
        let half_rounded_up = Pool { padding: Padding { after: [1; 2], ..Padding::NONE }, ..half };
        let same = Pool { kernel: 3, stride: 1, padding: Padding::even(1) };
        for (stage, (output, count, pool)) in
            [(64, 2, half), (128, 2, half), (256, 3, half_rounded_up), (512, 3, half), (512, 3, same)]
                .into_iter()
                .enumerate()
        {
            for _ in 0..count {
                self.add(relu(ConvShape::dense(self.channels, output, 3)));
            }
            if stage == 3 {
                self.heads(4, 3);
            }
            self.pool(pool);
        }
        self.add(relu(ConvShape { dilation: 6, padding: Padding::even(6), ..ConvShape::dense(512, 1024, 3) }));
        self.add(relu(ConvShape::dense(1024, 1024, 1)));
        self.heads(6, 3);
        for (between, output, stride, padding, priors) in
            [(256, 512, 2, 1, 6), (128, 256, 2, 1, 6), (128, 256, 1, 0, 4), (128, 256, 1, 0, 4)]
        {
            self.add(relu(ConvShape::dense(self.channels, between, 1)));
            let padding = Padding::even(padding);
            self.add(relu(ConvShape { stride, padding, ..ConvShape::dense(between, output, 3) }));
            self.heads(priors, 3);
        }
    }

    /// The sum of all predictions.
    fn forward(&self, mut x: Tensor<4>) -> Tensor<1> {
        let mut loss = Tensor::zeros([1], &self.device);
        for step in &self.steps {
            match step {
                Step::Convolution { shape, weight, bias } => {
                    x = convolve(x, weight.clone(), Some(bias.clone()), shape);
                }
                Step::Normed { shape, weight, gamma, beta } => {
                    let sums = ConvShape { activation: Activation::None, ..*shape };
                    let sums = convolve(x, weight.clone(), None, &sums);
                    x = batch_norm_train(sums, gamma.clone(), beta.clone(), 1e-5, shape.activation).0;
                }
                Step::Pooling(pool) => x = max_pool(x, pool),
                Step::Heads(heads) => {
                    for (shape, weight, bias) in heads {
                        loss = loss + convolve(x.clone(), weight.clone(), Some(bias.clone()), shape).sum();
                    }
                }
            }
        }
        loss
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, otherwise| arguments.get(i).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (batch, steps) = (number(1, 8), number(2, 8));
    let name = arguments.first().map_or(NETWORKS[0].0, String::as_str);
    let Some((_, add_layers)) = NETWORKS.iter().find(|network| network.0 == name) else {
        println!("There is no network {name}; there are {:?}.", NETWORKS.map(|network| network.0));
        return;
    };
    let device = Device::flex().autodiff();
    let mut network = Network { steps: Vec::new(), channels: 3, size: 300, device: device.clone() };
    add_layers(&mut network);

    let pictures = Tensor::<4>::random([batch, 3, 300, 300], Distribution::Default, &device);
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..steps {
        let start = Instant::now();
        let loss = network.forward(pictures.clone());
        let forward = start.elapsed();
        let gradients = loss.backward();
        let all = start.elapsed();
        drop(gradients);
        for (times, time) in times.iter_mut().zip([forward, all - forward, all]) {
            times.push(time.as_millis());
        }
    }
    let [forward, backward, together] = times.map(|mut times| {
        times.sort_unstable();
        (times[times.len() / 2], times[0])
    });
    println!("{name}, batch {batch}: median and least of {steps} steps, ms:");
    println!("forward {forward:?}, backward {backward:?}, together {together:?}");
}
