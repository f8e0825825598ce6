//! MobileNetV1 with plain extras, in the layout of pytorch-ssd's `mb1-ssd`. MobileNet paper, arXiv 1704.04861, table 1.

use burn::module::Module;
use burn::tensor::Device;

use super::conv::{ConvUnit, ConvUnitConfig};
use super::engine::Engine;
use super::frozen_up_to;

/// Output channels and stride of the 13 blocks.
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

/// How many blocks come before each halving of the map, the stem belonging to the first stage.
const BLOCKS_BY_STAGE: [usize; 5] = [1, 3, 5, 11, 13];

/// The blocks, counted from 1, whose outputs are feature maps.
const SOURCE_BLOCKS: [usize; 2] = [11, 13];

/// Channels of the 1x1 and of the 3x3 convolution of each extra.
const EXTRAS: [(usize, usize); 4] = [(256, 512), (128, 256), (128, 256), (128, 256)];

/// A convolution of each channel by itself, then 1x1: a depthwise separable convolution.
#[derive(Module, Debug)]
pub struct Separable {
    /// 3x3 depthwise.
    pub depthwise: ConvUnit,
    /// 1x1.
    pub pointwise: ConvUnit,
}

/// MobileNetV1 and the extras: pictures to six feature maps.
#[derive(Module, Debug)]
pub struct MobileNetV1 {
    /// 3x3, stride 2, to 32 channels.
    pub stem: ConvUnit,
    /// The 13 blocks.
    pub blocks: Vec<Separable>,
    /// Four pairs of 1x1 and 3x3 with stride 2, without norm.
    pub extras: Vec<ConvUnit>,
}

impl MobileNetV1 {
    /// Fresh weights.
    pub fn new(device: &Device) -> Self {
        let unit = |config: ConvUnitConfig| config.norm(true).init(device);
        let mut channels = 32;
        let blocks = BLOCKS.into_iter().map(|(output, stride)| {
            let block = Separable {
                depthwise: unit(ConvUnitConfig::depthwise(channels, 3).stride(stride)),
                pointwise: unit(ConvUnitConfig::new(channels, output, 1)),
            };
            channels = output;
            block
        });
        let blocks = blocks.collect();
        let extras = EXTRAS.into_iter().flat_map(|(narrow, wide)| {
            let pair = [
                ConvUnitConfig::new(channels, narrow, 1).init(device),
                ConvUnitConfig::new(narrow, wide, 3).stride(2).init(device),
            ];
            channels = wide;
            pair
        });
        let extras = extras.collect();
        Self { stem: unit(ConvUnitConfig::new(3, 32, 3).stride(2)), blocks, extras }
    }

    /// The same with the first `stages` not learning any more.
    pub(super) fn freeze(mut self, stages: usize) -> Self {
        let Some(last) = stages.checked_sub(1) else { return self };
        self.stem = self.stem.freeze();
        self.blocks = frozen_up_to(self.blocks, BLOCKS_BY_STAGE[last.min(BLOCKS_BY_STAGE.len() - 1)]);
        self
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, 300, 300]`
    /// - output: `[B, 512, 19, 19]`, `[B, 1024, 10, 10]`, `[B, 512, 5, 5]`, `[B, 256, 3, 3]`, `[B, 256, 2, 2]`, `[B, 256, 1, 1]`
    pub fn run<E: Engine>(&self, engine: &mut E, images: E::Map) -> Vec<E::Map> {
        let mut maps = Vec::with_capacity(6);
        let mut x = engine.convolve(format_args!("stem"), &self.stem.step(), images);
        for (number, block) in (1..).zip(&self.blocks) {
            x = engine.convolve(format_args!("block{number}.depthwise"), &block.depthwise.step(), x);
            x = engine.convolve(format_args!("block{number}.pointwise"), &block.pointwise.step(), x);
            if SOURCE_BLOCKS.contains(&number) {
                maps.push(x.clone());
            }
        }
        for (number, pair) in (1..).zip(self.extras.chunks(2)) {
            for (index, extra) in (1..).zip(pair) {
                x = engine.convolve(format_args!("extra{number}_{index}"), &extra.step(), x);
            }
            maps.push(x.clone());
        }
        maps
    }
}
