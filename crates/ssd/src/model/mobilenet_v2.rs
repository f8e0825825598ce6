//! MobileNetV2 with light extras, in the layout of pytorch-ssd's `mb2-ssd-lite`.
//!
//! The first feature map is not a block's output: it is the widened inside of block 14, 576 channels after its ReLU6.

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::Activation;

use super::conv::{ConvUnit, ConvUnitConfig};
use super::engine::Engine;
use super::inverted_residual::{InvertedResidual, InvertedResidualConfig, freeze_light_trunk, light_trunk};

/// Widening, output channels, how many blocks, stride of the first: MobileNetV2 paper, table 2.
const BLOCKS: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// How many blocks come before each halving of the map, the stem belonging to the first stage; the last convolution belongs to
/// the last one.
const BLOCKS_BY_STAGE: [usize; 5] = [1, 3, 6, 13, 17];

/// Counted from 0, without the stem.
const SOURCE_BLOCK: usize = 13;

/// Channels inside and after each extra block.
const EXTRAS: [(usize, usize); 4] = [(256, 512), (128, 256), (128, 256), (64, 64)];

fn unit(config: ConvUnitConfig, device: &Device) -> ConvUnit {
    config.norm(true).activation(Activation::Relu6).init(device)
}

/// MobileNetV2 and the extras: pictures to six feature maps.
#[derive(Module, Debug)]
pub struct MobileNetV2 {
    /// 3x3, stride 2, to 32 channels.
    pub stem: ConvUnit,
    /// The 17 blocks.
    pub blocks: Vec<InvertedResidual>,
    /// 1x1 to 1280 channels.
    pub last: ConvUnit,
    /// Four blocks that halve the map each.
    pub extras: Vec<InvertedResidual>,
}

impl MobileNetV2 {
    /// Fresh weights.
    pub fn new(device: &Device) -> Self {
        let mut channels = 32;
        let mut blocks = Vec::new();
        for (widening, output, count, first_stride) in BLOCKS {
            for index in 0..count {
                let stride = if index == 0 { first_stride } else { 1 };
                blocks.push(InvertedResidualConfig::new(channels, channels * widening, output, stride).init(device));
                channels = output;
            }
        }
        let last = unit(ConvUnitConfig::new(channels, 1280, 1), device);
        channels = 1280;
        let extras = EXTRAS.into_iter().map(|(inner, output)| {
            let block = InvertedResidualConfig::new(channels, inner, output, 2).init(device);
            channels = output;
            block
        });
        let extras = extras.collect();
        Self { stem: unit(ConvUnitConfig::new(3, 32, 3).stride(2), device), blocks, last, extras }
    }

    /// The same with the first `stages` not learning any more.
    pub(super) fn freeze(self, stages: usize) -> Self {
        let Self { stem, blocks, last, extras } = self;
        let (stem, blocks, last) = freeze_light_trunk((stem, blocks, last), stages, BLOCKS_BY_STAGE);
        Self { stem, blocks, last, extras }
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, 300, 300]`
    /// - output: `[B, 576, 19, 19]`, `[B, 1280, 10, 10]`, `[B, 512, 5, 5]`, `[B, 256, 3, 3]`, `[B, 256, 2, 2]`, `[B, 64, 1, 1]`
    pub fn run<E: Engine>(&self, engine: &mut E, images: E::Map) -> Vec<E::Map> {
        let stem = engine.convolve(format_args!("stem"), &self.stem.step(), images);
        light_trunk(engine, stem, &self.blocks, SOURCE_BLOCK, &self.last, &self.extras)
    }
}
