//! Trunks of inverted residuals with light extras: MobileNetV2 in the layout of pytorch-ssd's `mb2-ssd-lite`,
//! MobileNetV3-Large in that of torchvision's `ssdlite320_mobilenet_v3_large`, MobileNetV2 and MobileNetV3-Small in
//! that of TensorFlow's SSDLite.
//!
//! The first feature map is no block's output: it is the widened inside of the last block that halves the map.

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::Activation::{self, HardSwish, Relu, Relu6};

use super::conv::{ConvUnit, ConvUnitConfig};
use super::inverted_residual::{InvertedResidual, InvertedResidualConfig, Style, TORCHVISION_STATISTICS};
use super::stages::{frozen_up_to, stage_ends};
use super::steps::Steps;
use crate::arch::{Inverted, Scale, divisible};

/// Widening, output channels, number of blocks, stride of the first: MobileNetV2 paper, table 2.
const V2_BLOCKS: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// Kernel, inner channels, output channels, gate, activation, stride: MobileNetV3 paper, table 1.
const V3_BLOCKS: [(usize, usize, usize, bool, Activation, usize); 15] = [
    (3, 16, 16, false, Relu, 1),
    (3, 64, 24, false, Relu, 2),
    (3, 72, 24, false, Relu, 1),
    (5, 72, 40, true, Relu, 2),
    (5, 120, 40, true, Relu, 1),
    (5, 120, 40, true, Relu, 1),
    (3, 240, 80, false, HardSwish, 2),
    (3, 200, 80, false, HardSwish, 1),
    (3, 184, 80, false, HardSwish, 1),
    (3, 184, 80, false, HardSwish, 1),
    (3, 480, 112, true, HardSwish, 1),
    (3, 672, 112, true, HardSwish, 1),
    (5, 672, 160, true, HardSwish, 2),
    (5, 960, 160, true, HardSwish, 1),
    (5, 960, 160, true, HardSwish, 1),
];

/// The same of MobileNetV3-Small with a narrow tail: TensorFlow's `V3_SMALL_DETECTION` in `mobilenet_v3.py`.
const V3_SMALL_BLOCKS: [(usize, usize, usize, bool, Activation, usize); 11] = [
    (3, 16, 16, true, Relu, 2),
    (3, 72, 24, false, Relu, 2),
    (3, 88, 24, false, Relu, 1),
    (5, 96, 40, true, HardSwish, 2),
    (5, 240, 40, true, HardSwish, 1),
    (5, 240, 40, true, HardSwish, 1),
    (5, 120, 48, true, HardSwish, 1),
    (5, 144, 48, true, HardSwish, 1),
    (5, 288, 48, true, HardSwish, 2),
    (5, 288, 48, true, HardSwish, 1),
    (5, 288, 48, true, HardSwish, 1),
];

/// The block of [`V3_BLOCKS`] with whose output the tail begins.
const V3_TAIL: usize = 12;

/// A trunk as numbers.
struct Table {
    /// Channels of the stem.
    stem: usize,
    blocks: Vec<InvertedResidualConfig>,
    /// Channels of the last convolution.
    last: usize,
    /// Channels inside and after each extra block.
    extras: [(usize, usize); 4],
    /// After the stem and the last convolution.
    activation: Activation,
    /// At the end of each extra block.
    extras_end: Activation,
    style: Style,
}

/// Channels inside and after each extra block of TensorFlow's SSDLite: `feature_map_generators.py`.
fn extras_tf(scale: Scale) -> [(usize, usize); 4] {
    let full = [(256, 512), (128, 256), (128, 256), (64, 128)];
    full.map(|(inner, output)| (scale.rounded_down(inner), scale.rounded_down(output)))
}

impl Table {
    /// `scaled` gives the channels of a layer from those in the paper.
    fn v2(scaled: impl Fn(usize) -> usize) -> Self {
        let mut channels = scaled(32);
        let mut blocks = Vec::new();
        for (widening, output, count, first_stride) in V2_BLOCKS {
            for index in 0..count {
                let stride = if index == 0 { first_stride } else { 1 };
                let input = std::mem::replace(&mut channels, scaled(output));
                blocks.push(InvertedResidualConfig::new(input, input * widening, channels, stride));
            }
        }
        Self {
            stem: scaled(32),
            blocks,
            last: scaled(1280),
            extras: [(256, 512), (128, 256), (128, 256), (64, 64)],
            activation: Relu6,
            extras_end: Activation::None,
            style: Style::Norm(1e-5, 0.1),
        }
    }

    /// With the numbers of the tail divided by `narrowing`.
    fn v3(narrowing: usize) -> Self {
        let mut channels = 16;
        let block = |(index, (kernel, inner, output, gated, activation, stride))| {
            let inner = if index > V3_TAIL { inner / narrowing } else { inner };
            let output = if index >= V3_TAIL { output / narrowing } else { output };
            let config = InvertedResidualConfig::new(channels, inner, output, stride);
            channels = output;
            InvertedResidualConfig { kernel, gated, activation, ..config }
        };
        Self {
            stem: 16,
            blocks: V3_BLOCKS.into_iter().enumerate().map(block).collect(),
            last: 960 / narrowing,
            extras: [(256, 512), (128, 256), (128, 256), (64, 128)],
            activation: HardSwish,
            extras_end: Relu6,
            style: Style::Norm(TORCHVISION_STATISTICS.0, TORCHVISION_STATISTICS.1),
        }
    }

    fn v3_small(scale: Scale) -> Self {
        let mut channels = scale.divisible(16);
        // The channels before the block at full width, by which TensorFlow gives those inside.
        let mut full = 16;
        let block = |(kernel, inner, output, gated, activation, stride)| {
            let input = std::mem::replace(&mut channels, scale.divisible(output));
            let inner = divisible((input * inner) as f64 / std::mem::replace(&mut full, output) as f64, 8);
            let config = InvertedResidualConfig::new(input, inner, channels, stride);
            InvertedResidualConfig { kernel, gated, activation, ..config }
        };
        let blocks = V3_SMALL_BLOCKS.map(block).into();
        let (stem, last) = (scale.divisible(16), scale.divisible(288));
        let (extras, style) = (extras_tf(scale), Style::Same);
        Self { stem, blocks, last, extras, activation: HardSwish, extras_end: Relu6, style }
    }

    fn v2_tf(scale: Scale) -> Self {
        let table = Self::v2(|channels| scale.divisible(channels));
        Self { extras: extras_tf(scale), extras_end: Relu6, style: Style::Same, ..table }
    }
}

/// A trunk of inverted residuals and its extras: pictures to six feature maps.
#[derive(Module, Debug)]
pub struct InvertedTrunk {
    /// 3x3, stride 2.
    pub stem: ConvUnit,
    /// 17 blocks of MobileNetV2, 15 of MobileNetV3-Large, 11 of MobileNetV3-Small.
    pub blocks: Vec<InvertedResidual>,
    /// 1x1 to many channels.
    pub last: ConvUnit,
    /// Four blocks that halve the map each.
    pub extras: Vec<InvertedResidual>,
}

impl InvertedTrunk {
    /// Fresh weights.
    pub fn new(kind: Inverted, device: &Device) -> Self {
        let (table, input_px) = match kind {
            Inverted::MobileNetV2 => (Table::v2(|channels| channels), 0),
            Inverted::MobileNetV3 => (Table::v3(2), 0),
            Inverted::MobileNetV3Wide => (Table::v3(1), 0),
            Inverted::MobileNetV2Tf(scale) => (Table::v2_tf(scale), scale.input_px),
            Inverted::MobileNetV3SmallTf(scale) => (Table::v3_small(scale), scale.input_px),
        };
        let Table { stem, blocks, last, extras, activation, extras_end, style } = table;
        // Of the map, for padding that depends on it.
        let mut size = usize::from(input_px);
        let narrow = blocks.last().map_or(stem, |block| block.output);
        let stem = style.unit(ConvUnitConfig::new(3, stem, 3).stride(2), activation, &mut size, device);
        let block = |config| InvertedResidualConfig { style, ..config }.init(&mut size, device);
        let blocks = blocks.into_iter().map(block).collect();
        let mut channels = last;
        let last = style.unit(ConvUnitConfig::new(narrow, last, 1), activation, &mut size, device);
        let extra = |(inner, output)| {
            let config = InvertedResidualConfig::new(channels, inner, output, 2);
            channels = output;
            InvertedResidualConfig { project: extras_end, expands: true, style, ..config }.init(&mut size, device)
        };
        Self { stem, blocks, last, extras: extras.into_iter().map(extra).collect() }
    }

    fn stage_ends(&self) -> Vec<usize> {
        stage_ends(self.blocks.iter().map(InvertedResidual::stride))
    }

    /// The same with the first `stages` frozen: the stem belongs to the first, the last convolution to the last.
    pub(super) fn freeze(mut self, stages: usize) -> Self {
        let ends = self.stage_ends();
        if stages > 0 {
            self.stem = self.stem.freeze();
            self.blocks = frozen_up_to(self.blocks, ends[stages.min(ends.len()) - 1]);
        }
        if stages >= ends.len() {
            self.last = self.last.freeze();
        }
        self
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, S, S]`
    /// - output: the maps of [`feature_maps`](crate::Arch::feature_maps), `[B, channels, grid, grid]` each
    pub fn run<S: Steps>(&self, steps: &mut S, images: S::Map) -> Vec<S::Map> {
        let source = self.stage_ends().iter().rev().nth(1).copied();
        let mut maps = Vec::with_capacity(2 + self.extras.len());
        let mut x = steps.convolve(format_args!("stem"), &self.stem.step(), images);
        for (index, block) in self.blocks.iter().enumerate() {
            let name = format!("block{}", index + 1);
            let wide = block.widen(steps, &name, x.clone());
            if Some(index) == source {
                maps.push(wide.clone());
            }
            x = block.narrow(steps, &name, x, wide);
        }
        x = steps.convolve(format_args!("last"), &self.last.step(), x);
        maps.push(x.clone());
        for (index, extra) in self.extras.iter().enumerate() {
            x = extra.run(steps, &format!("extra{}", index + 1), x);
            maps.push(x.clone());
        }
        maps
    }
}
