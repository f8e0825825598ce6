//! MobileNetV2 with light extras, in the layout of pytorch-ssd's `mb2-ssd-lite`.
//!
//! The first feature map is not a block's output: it is the widened inside of block 14, 576 channels after its ReLU6.

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::Activation;

use super::conv::{ConvUnit, ConvUnitConfig};
use super::engine::Engine;
use super::frozen_up_to;

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

/// Widen by 1x1, filter by 3x3 depthwise, narrow by 1x1; the input is added where shapes allow.
#[derive(Module, Debug)]
pub struct InvertedResidual {
    /// 1x1 to the inner channels; none in the first block, which does not widen.
    pub expand: Option<ConvUnit>,
    /// 3x3 depthwise.
    pub depthwise: ConvUnit,
    /// 1x1 to the output channels, without activation.
    pub project: ConvUnit,
    #[module(skip)]
    residual: bool,
}

fn unit(config: ConvUnitConfig, activation: Activation, device: &Device) -> ConvUnit {
    config.norm(true).activation(activation).init(device)
}

impl InvertedResidual {
    fn new(input: usize, inner: usize, output: usize, stride: usize, device: &Device) -> Self {
        Self {
            expand: (inner != input).then(|| unit(ConvUnitConfig::new(input, inner, 1), Activation::Relu6, device)),
            depthwise: unit(ConvUnitConfig::depthwise(inner).stride(stride), Activation::Relu6, device),
            project: unit(ConvUnitConfig::new(inner, output, 1), Activation::None, device),
            residual: stride == 1 && input == output,
        }
    }

    /// The widened inside: `[B, input, H, W]` to `[B, inner, H, W]`.
    fn widen<E: Engine>(&self, engine: &mut E, name: &str, x: E::Map) -> E::Map {
        match &self.expand {
            Some(expand) => engine.convolve(format_args!("{name}.expand"), &expand.step(), x),
            None => x,
        }
    }

    /// The rest of the block, from its input and its widened inside.
    fn narrow<E: Engine>(&self, engine: &mut E, name: &str, input: E::Map, wide: E::Map) -> E::Map {
        let out = engine.convolve(format_args!("{name}.depthwise"), &self.depthwise.step(), wide);
        let (name, step) = (format_args!("{name}.project"), self.project.step());
        if self.residual { engine.convolve_onto(name, &step, out, input) } else { engine.convolve(name, &step, out) }
    }

    /// # Shapes
    ///
    /// - `x`: `[B, input, H, W]`
    /// - output: `[B, output, H / stride, W / stride]`, rounded up
    pub fn run<E: Engine>(&self, engine: &mut E, name: &str, x: E::Map) -> E::Map {
        let wide = self.widen(engine, name, x.clone());
        self.narrow(engine, name, x, wide)
    }
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
                blocks.push(InvertedResidual::new(channels, channels * widening, output, stride, device));
                channels = output;
            }
        }
        let last = unit(ConvUnitConfig::new(channels, 1280, 1), Activation::Relu6, device);
        channels = 1280;
        let extras = EXTRAS.into_iter().map(|(inner, output)| {
            let block = InvertedResidual::new(channels, inner, output, 2, device);
            channels = output;
            block
        });
        let extras = extras.collect();
        Self { stem: unit(ConvUnitConfig::new(3, 32, 3).stride(2), Activation::Relu6, device), blocks, last, extras }
    }

    /// The same with the first `stages` not learning any more.
    pub(super) fn freeze(mut self, stages: usize) -> Self {
        let Some(last) = stages.checked_sub(1) else { return self };
        let last = last.min(BLOCKS_BY_STAGE.len() - 1);
        self.stem = self.stem.freeze();
        self.blocks = frozen_up_to(self.blocks, BLOCKS_BY_STAGE[last]);
        if last + 1 == BLOCKS_BY_STAGE.len() {
            self.last = self.last.freeze();
        }
        self
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, 300, 300]`
    /// - output: `[B, 576, 19, 19]`, `[B, 1280, 10, 10]`, `[B, 512, 5, 5]`, `[B, 256, 3, 3]`, `[B, 256, 2, 2]`, `[B, 64, 1, 1]`
    pub fn run<E: Engine>(&self, engine: &mut E, images: E::Map) -> Vec<E::Map> {
        let mut maps = Vec::with_capacity(6);
        let mut x = engine.convolve(format_args!("stem"), &self.stem.step(), images);
        for (index, block) in self.blocks.iter().enumerate() {
            let name = format!("block{}", index + 1);
            let wide = block.widen(engine, &name, x.clone());
            if index == SOURCE_BLOCK {
                maps.push(wide.clone());
            }
            x = block.narrow(engine, &name, x, wide);
        }
        x = engine.convolve(format_args!("last"), &self.last.step(), x);
        maps.push(x.clone());
        for (index, extra) in self.extras.iter().enumerate() {
            x = extra.run(engine, &format!("extra{}", index + 1), x);
            maps.push(x.clone());
        }
        maps
    }
}
