//! MobileNetV1 with plain extras, in the layout of pytorch-ssd's `mb1-ssd`. MobileNet paper, arXiv 1704.04861, table 1.

use burn::module::Module;
use burn::tensor::Device;

use super::conv::{ConvUnit, ConvUnitConfig};
use super::engine::Engine;
use super::extras::{Pair, extras, run_extras};
use super::stages::{frozen_up_to, stage_ends};

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

const EXTRAS: [Pair; 4] = [(256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1)];

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
        Self {
            stem: unit(ConvUnitConfig::new(3, 32, 3).stride(2)),
            blocks: blocks.collect(),
            extras: extras(1024, &EXTRAS, false, device),
        }
    }

    fn stage_ends(&self) -> Vec<usize> {
        stage_ends(self.blocks.iter().map(|block| block.depthwise.conv.stride[0]))
    }

    /// The same with the first `stages` frozen; the stem belongs to the first.
    pub(super) fn freeze(mut self, stages: usize) -> Self {
        let ends = self.stage_ends();
        if stages > 0 {
            self.stem = self.stem.freeze();
            self.blocks = frozen_up_to(self.blocks, ends[stages.min(ends.len()) - 1]);
        }
        self
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, 300, 300]`
    /// - output: `[B, 512, 19, 19]`, `[B, 1024, 10, 10]`, `[B, 512, 5, 5]`, `[B, 256, 3, 3]`, `[B, 256, 2, 2]`, `[B,
    ///   256, 1, 1]`
    pub fn run<E: Engine>(&self, engine: &mut E, images: E::Map) -> Vec<E::Map> {
        let ends = self.stage_ends();
        // The outputs of the last two stages are the first feature maps.
        let sources = &ends[ends.len() - 2..];
        let mut maps = Vec::with_capacity(6);
        let mut x = engine.convolve(format_args!("stem"), &self.stem.step(), images);
        for (number, block) in (1..).zip(&self.blocks) {
            x = engine.convolve(format_args!("block{number}.depthwise"), &block.depthwise.step(), x);
            x = engine.convolve(format_args!("block{number}.pointwise"), &block.pointwise.step(), x);
            if sources.contains(&number) {
                maps.push(x.clone());
            }
        }
        run_extras(engine, &self.extras, ("extra", 1), x, &mut maps);
        maps
    }
}
