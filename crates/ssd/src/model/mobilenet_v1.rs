//! MobileNetV1 with plain extras, in the layouts of pytorch-ssd's `mb1-ssd` and of TensorFlow's `ssd_mobilenet_v1`.
//! MobileNet paper, arXiv 1704.04861, table 1.
//!
//! TensorFlow's has no batch norm, since its files have it folded into the convolutions; it pads as `SAME` does.

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::Activation;

use super::conv::{ConvUnit, ConvUnitConfig};
use super::extras::{Pair, extras, run_extras};
use super::stages::{frozen_up_to, stage_ends};
use super::steps::Steps;
use crate::arch::{Scale, Separables};

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

/// TensorFlow's at full width: `ssd_mobilenet_v1_feature_extractor.py`.
const EXTRAS_TF: [Pair; 4] = [(256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1), (64, 128, 3, 2, 1)];

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
    /// 3x3, stride 2, to 32 channels at full width.
    pub stem: ConvUnit,
    /// The 13 blocks.
    pub blocks: Vec<Separable>,
    /// Four pairs of 1x1 and 3x3 with stride 2, without norm in either layout.
    pub extras: Vec<ConvUnit>,
}

/// The 13 blocks on a map of so many channels, and the channels of the last. `scaled` gives the width of a block from
/// that in [`BLOCKS`], and `unit` completes a convolution.
fn blocks(
    mut channels: usize,
    scaled: impl Fn(usize) -> usize,
    mut unit: impl FnMut(ConvUnitConfig) -> ConvUnit,
) -> (Vec<Separable>, usize) {
    let block = |(output, stride)| {
        let input = std::mem::replace(&mut channels, scaled(output));
        let depthwise = unit(ConvUnitConfig::depthwise(input, 3).stride(stride));
        Separable { depthwise, pointwise: unit(ConvUnitConfig::new(input, scaled(output), 1)) }
    };
    (BLOCKS.map(block).into(), channels)
}

impl MobileNetV1 {
    /// Fresh weights.
    pub fn new(kind: Separables, device: &Device) -> Self {
        match kind {
            Separables::PyTorchSsd => Self::with_norm(device),
            Separables::TensorFlow(scale) => Self::without_norm(scale, device),
        }
    }

    fn with_norm(device: &Device) -> Self {
        let normed = |config: ConvUnitConfig| config.norm(true).init(device);
        let stem = normed(ConvUnitConfig::new(3, 32, 3).stride(2));
        let (blocks, channels) = blocks(32, |channels| channels, normed);
        Self { stem, blocks, extras: extras(channels, &EXTRAS, |config| config.init(device)) }
    }

    fn without_norm(scale: Scale, device: &Device) -> Self {
        let mut size = usize::from(scale.input_px);
        let mut unit = |config: ConvUnitConfig| config.same_along(&mut size).activation(Activation::Relu6).init(device);
        let scaled = |channels| scale.rounded_down(channels);
        let stem = unit(ConvUnitConfig::new(3, scaled(32), 3).stride(2));
        let (blocks, channels) = blocks(scaled(32), scaled, &mut unit);
        let pairs =
            EXTRAS_TF.map(|(narrow, wide, kernel, stride, _)| (scaled(narrow), scaled(wide), kernel, stride, 0));
        Self { stem, blocks, extras: extras(channels, &pairs, unit) }
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
    /// - `images`: `[B, 3, S, S]`
    /// - output: the maps of [`feature_maps`](crate::Arch::feature_maps), `[B, channels, grid, grid]` each: 19, 10, 5,
    ///   3, 2 and 1 for 300 pixels
    pub fn run<S: Steps>(&self, steps: &mut S, images: S::Map) -> Vec<S::Map> {
        let ends = self.stage_ends();
        // The outputs of the last two stages are the first feature maps.
        let sources = &ends[ends.len() - 2..];
        let mut maps = Vec::with_capacity(6);
        let mut x = steps.convolve(format_args!("stem"), &self.stem.step(), images);
        for (number, block) in (1..).zip(&self.blocks) {
            x = steps.convolve(format_args!("block{number}.depthwise"), &block.depthwise.step(), x);
            x = steps.convolve(format_args!("block{number}.pointwise"), &block.pointwise.step(), x);
            if sources.contains(&number) {
                maps.push(x.clone());
            }
        }
        run_extras(steps, &self.extras, ("extra", 1), x, &mut maps);
        maps
    }
}
