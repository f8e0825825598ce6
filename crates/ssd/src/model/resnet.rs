//! ResNet cut after conv4, with extras, in the layout of NVIDIA's SSD300. He et al., arXiv 1512.03385, table 1.
//!
//! conv4 keeps the size of conv3, so that the first feature map has 38 x 38 cells, as VGG16's. In ResNet-50 the 3x3
//! convolutions have the strides, as in torchvision, where the pretrained trunks come from.

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::{Activation, Padding};

use super::conv::{ConvUnit, ConvUnitConfig};
use super::extras::{Pair, extras, run_extras};
use super::stages::frozen_up_to;
use super::steps::{Pool, Steps};
use crate::arch::Depth;

/// Channels of conv2 to conv4 (inside, for the longer blocks), and the stride of each.
const STAGES: [(usize, usize); 3] = [(64, 1), (128, 2), (256, 1)];

const POOL: Pool = Pool { kernel: 3, stride: 2, padding: Padding::even(1) };

const EXTRAS: [Pair; 5] =
    [(256, 512, 3, 2, 1), (256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 1, 0), (128, 256, 3, 1, 0)];

impl Depth {
    /// Blocks of conv2, conv3 and conv4: the same for both.
    pub const BLOCKS: [usize; 3] = [3, 4, 6];

    /// Channels at the end of a block for each of those inside.
    fn widening(self) -> usize {
        match self {
            Self::ResNet34 => 1,
            Self::ResNet50 => 4,
        }
    }

    fn block(self, input: usize, width: usize, stride: usize, device: &Device) -> ResidualBlock {
        let unit = |config: ConvUnitConfig| config.norm(true).init(device);
        let output = self.widening() * width;
        let convs = match self {
            Self::ResNet34 => vec![
                unit(ConvUnitConfig::new(input, width, 3).stride(stride)),
                unit(ConvUnitConfig::new(width, output, 3)),
            ],
            Self::ResNet50 => vec![
                unit(ConvUnitConfig::new(input, width, 1)),
                unit(ConvUnitConfig::new(width, width, 3).stride(stride)),
                unit(ConvUnitConfig::new(width, output, 1)),
            ],
        };
        let shortcut = (input != output || stride != 1)
            .then(|| unit(ConvUnitConfig::new(input, output, 1).stride(stride).activation(Activation::None)));
        ResidualBlock { shortcut, convs }
    }
}

/// Convolutions whose input is added to their output, before the last activation.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// 1x1 for an input of another shape than the output.
    pub shortcut: Option<ConvUnit>,
    /// Two or three.
    pub convs: Vec<ConvUnit>,
}

impl ResidualBlock {
    fn run<S: Steps>(&self, steps: &mut S, name: &str, x: S::Map) -> S::Map {
        let residual = match &self.shortcut {
            Some(shortcut) => steps.convolve(format_args!("{name}.shortcut"), &shortcut.step(), x.clone()),
            None => x.clone(),
        };
        let last = self.convs.len() - 1;
        let inner = (1..).zip(&self.convs[..last]);
        let x = inner.fold(x, |x, (index, conv)| steps.convolve(format_args!("{name}.{index}"), &conv.step(), x));
        steps.convolve_onto(format_args!("{name}.{}", last + 1), &self.convs[last].step(), x, residual)
    }
}

/// ResNet up to conv4 and the extras: pictures to six feature maps.
#[derive(Module, Debug)]
pub struct ResNet {
    /// conv1: 7x7, stride 2, to 64 channels.
    pub stem: ConvUnit,
    /// The blocks of conv2 to conv4, one after the other.
    pub blocks: Vec<ResidualBlock>,
    /// Five pairs of 1x1 and 3x3.
    pub extras: Vec<ConvUnit>,
}

impl ResNet {
    /// Fresh weights.
    pub fn new(depth: Depth, device: &Device) -> Self {
        let mut channels = 64;
        let mut blocks = Vec::new();
        for ((width, first_stride), count) in STAGES.into_iter().zip(Depth::BLOCKS) {
            for index in 0..count {
                let stride = if index == 0 { first_stride } else { 1 };
                blocks.push(depth.block(channels, width, stride, device));
                channels = depth.widening() * width;
            }
        }
        let unit = |config: ConvUnitConfig| config.norm(true).init(device);
        let stem = unit(ConvUnitConfig::new(3, 64, 7).stride(2));
        Self { stem, blocks, extras: extras(channels, &EXTRAS, unit) }
    }

    /// The same with the first `stages` of conv1 to conv4 frozen.
    pub(super) fn freeze(mut self, stages: usize) -> Self {
        if stages > 0 {
            self.stem = self.stem.freeze();
        }
        let frozen = Depth::BLOCKS.iter().take(stages.saturating_sub(1)).sum();
        self.blocks = frozen_up_to(self.blocks, frozen);
        self
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, 300, 300]`
    /// - output: `[B, 256 or 1024, 38, 38]`, `[B, 512, 19, 19]`, `[B, 512, 10, 10]`, `[B, 256, 5, 5]`, `[B, 256, 3,
    ///   3]`, `[B, 256, 1, 1]`
    pub fn run<S: Steps>(&self, steps: &mut S, images: S::Map) -> Vec<S::Map> {
        let mut x = steps.convolve(format_args!("conv1"), &self.stem.step(), images);
        x = steps.max_pool(format_args!("pool1"), &POOL, x);
        let mut blocks = self.blocks.iter();
        for (stage, count) in (2..).zip(Depth::BLOCKS) {
            for (index, block) in (1..).zip(blocks.by_ref().take(count)) {
                x = block.run(steps, &format!("conv{stage}_{index}"), x);
            }
        }
        let mut maps = vec![x.clone()];
        run_extras(steps, &self.extras, ("extra", 1), x, &mut maps);
        maps
    }
}
