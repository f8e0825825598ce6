//! MobileNetV3-Large with light extras, in the layout of torchvision's `ssdlite320_mobilenet_v3_large`.
//!
//! The tail is half as wide as the classifier's (MobileNetV3 paper, §6.3), or as wide. The first feature map is the widened inside of block 13.

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::Activation::{self, HardSwish, Relu, Relu6};

use super::conv::{ConvUnit, ConvUnitConfig};
use super::engine::Engine;
use super::inverted_residual::{InvertedResidual, InvertedResidualConfig, freeze_light_trunk, light_trunk};

/// Batch norm's epsilon and momentum, in the trunk, the extras and the heads.
pub(super) const STATISTICS: (f64, f64) = (1e-3, 0.03);

/// Kernel, inner channels, output channels, gate, activation, stride: MobileNetV3 paper, table 1.
const BLOCKS: [(usize, usize, usize, bool, Activation, usize); 15] = [
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

/// How wide the tail is: all behind the inside of block 13.
#[derive(Debug, Clone, Copy)]
pub enum Tail {
    /// Half of the table's numbers.
    Narrow,
    /// The table's.
    Wide,
}

impl Tail {
    fn of(self, channels: usize) -> usize {
        match self {
            Self::Narrow => channels / 2,
            Self::Wide => channels,
        }
    }
}

/// How many blocks come before each halving of the map, the stem belonging to the first stage; the last convolution belongs to
/// the last one.
const BLOCKS_BY_STAGE: [usize; 5] = [1, 3, 6, 12, 15];

/// Counted from 0, without the stem.
const SOURCE_BLOCK: usize = 12;

/// Channels inside and after each extra block.
const EXTRAS: [(usize, usize); 4] = [(256, 512), (128, 256), (128, 256), (64, 128)];

/// MobileNetV3-Large and the extras: pictures to six feature maps.
#[derive(Module, Debug)]
pub struct MobileNetV3 {
    /// 3x3, stride 2, to 16 channels.
    pub stem: ConvUnit,
    /// The 15 blocks.
    pub blocks: Vec<InvertedResidual>,
    /// 1x1 to 480 or 960 channels.
    pub last: ConvUnit,
    /// Four blocks that halve the map each, with an activation at their end and nothing added.
    pub extras: Vec<InvertedResidual>,
}

impl MobileNetV3 {
    /// Fresh weights.
    pub fn new(tail: Tail, device: &Device) -> Self {
        let unit = |config: ConvUnitConfig| {
            config.norm(true).statistics(STATISTICS.0, STATISTICS.1).activation(HardSwish).init(device)
        };
        let mut channels = 16;
        let blocks =
            BLOCKS.into_iter().enumerate().map(|(index, (kernel, inner, output, gated, activation, stride))| {
                let inner = if index > SOURCE_BLOCK { tail.of(inner) } else { inner };
                let output = if index >= SOURCE_BLOCK { tail.of(output) } else { output };
                let config = InvertedResidualConfig::new(channels, inner, output, stride);
                channels = output;
                InvertedResidualConfig { kernel, gated, activation, statistics: STATISTICS, ..config }.init(device)
            });
        let blocks = blocks.collect();
        let last = unit(ConvUnitConfig::new(channels, tail.of(960), 1));
        channels = tail.of(960);
        let extras = EXTRAS.into_iter().map(|(inner, output)| {
            let config = InvertedResidualConfig::new(channels, inner, output, 2);
            channels = output;
            InvertedResidualConfig { project: Relu6, residual: false, statistics: STATISTICS, ..config }.init(device)
        });
        let extras = extras.collect();
        Self { stem: unit(ConvUnitConfig::new(3, 16, 3).stride(2)), blocks, last, extras }
    }

    /// The same with the first `stages` not learning any more.
    pub(super) fn freeze(self, stages: usize) -> Self {
        let Self { stem, blocks, last, extras } = self;
        let (stem, blocks, last) = freeze_light_trunk((stem, blocks, last), stages, BLOCKS_BY_STAGE);
        Self { stem, blocks, last, extras }
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, 320, 320]`
    /// - output: `[B, 672, 20, 20]`, `[B, 480 or 960, 10, 10]`, `[B, 512, 5, 5]`, `[B, 256, 3, 3]`, `[B, 256, 2, 2]`, `[B, 128, 1, 1]`
    pub fn run<E: Engine>(&self, engine: &mut E, images: E::Map) -> Vec<E::Map> {
        let stem = engine.convolve(format_args!("stem"), &self.stem.step(), images);
        light_trunk(engine, stem, &self.blocks, SOURCE_BLOCK, &self.last, &self.extras)
    }
}
