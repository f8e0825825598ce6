//! ResNet cut after conv4, with extras, in the layout of NVIDIA's SSD300. He et al., arXiv 1512.03385, table 1.
//!
//! conv4 keeps the size of conv3, so that the first feature map has the 38 x 38 cells of VGG16's. Strides are at the 3x3
//! convolutions of the longer blocks, as in torchvision, where the pretrained trunks come from.

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::{Activation, Padding};

use super::conv::{ConvUnit, ConvUnitConfig};
use super::engine::{Engine, Pool};
use super::frozen_up_to;

/// Channels of conv2 to conv4 (inside, for the longer blocks), and the stride of each.
const STAGES: [(usize, usize); 3] = [(64, 1), (128, 2), (256, 1)];

const POOL: Pool = Pool { kernel: 3, stride: 2, padding: Padding::even(1) };

/// Channels of the 1x1 and of the 3x3 convolution of each extra, stride and padding of the 3x3.
const EXTRAS: [(usize, usize, usize, usize); 5] =
    [(256, 512, 2, 1), (256, 512, 2, 1), (128, 256, 2, 1), (128, 256, 1, 0), (128, 256, 1, 0)];

/// Which ResNet.
#[derive(Debug, Clone, Copy)]
pub enum Depth {
    /// Blocks of two 3x3 convolutions.
    ResNet34,
    /// Blocks of 1x1, 3x3 and 1x1, four times as wide at their end.
    ResNet50,
}

impl Depth {
    /// Blocks of conv2, conv3 and conv4: the same for both.
    pub const BLOCKS: [usize; 3] = [3, 4, 6];

    fn block(self, input: usize, width: usize, stride: usize, device: &Device) -> ResidualBlock {
        let unit = |config: ConvUnitConfig| config.norm(true).init(device);
        let (convs, output) = match self {
            Self::ResNet34 => {
                let first = unit(ConvUnitConfig::new(input, width, 3).stride(stride));
                (vec![first, unit(ConvUnitConfig::new(width, width, 3))], width)
            }
            Self::ResNet50 => {
                let output = 4 * width;
                let narrow = unit(ConvUnitConfig::new(input, width, 1));
                let filter = unit(ConvUnitConfig::new(width, width, 3).stride(stride));
                (vec![narrow, filter, unit(ConvUnitConfig::new(width, output, 1))], output)
            }
        };
        let shortcut = (input != output || stride != 1)
            .then(|| unit(ConvUnitConfig::new(input, output, 1).stride(stride).activation(Activation::None)));
        ResidualBlock { convs, shortcut }
    }
}

/// Convolutions whose input is added to their output, before the last activation.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// Two or three.
    pub convs: Vec<ConvUnit>,
    /// 1x1 for an input of another shape than the output.
    pub shortcut: Option<ConvUnit>,
}

impl ResidualBlock {
    fn run<E: Engine>(&self, engine: &mut E, name: &str, x: E::Map) -> E::Map {
        let residual = match &self.shortcut {
            Some(shortcut) => engine.convolve(format_args!("{name}.shortcut"), &shortcut.step(), x.clone()),
            None => x.clone(),
        };
        let last = self.convs.len() - 1;
        let inner = (1..).zip(&self.convs[..last]);
        let x = inner.fold(x, |x, (index, conv)| engine.convolve(format_args!("{name}.{index}"), &conv.step(), x));
        engine.convolve_onto(format_args!("{name}.{}", last + 1), &self.convs[last].step(), x, residual)
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
        let unit = |config: ConvUnitConfig| config.norm(true).init(device);
        let mut channels = 64;
        let mut blocks = Vec::new();
        for ((width, first_stride), count) in STAGES.into_iter().zip(Depth::BLOCKS) {
            for index in 0..count {
                let stride = if index == 0 { first_stride } else { 1 };
                blocks.push(depth.block(channels, width, stride, device));
                channels = match depth {
                    Depth::ResNet34 => width,
                    Depth::ResNet50 => 4 * width,
                };
            }
        }
        let extras = EXTRAS.into_iter().flat_map(|(narrow, wide, stride, padding)| {
            let pair = [
                unit(ConvUnitConfig::new(channels, narrow, 1)),
                unit(ConvUnitConfig::new(narrow, wide, 3).stride(stride).padding(padding)),
            ];
            channels = wide;
            pair
        });
        let extras = extras.collect();
        Self { stem: unit(ConvUnitConfig::new(3, 64, 7).stride(2)), blocks, extras }
    }

    /// The same with the first `stages` of conv1 to conv4 not learning any more.
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
    /// - output: `[B, 256 or 1024, 38, 38]`, `[B, 512, 19, 19]`, `[B, 512, 10, 10]`, `[B, 256, 5, 5]`, `[B, 256, 3, 3]`,
    ///   `[B, 256, 1, 1]`
    pub fn run<E: Engine>(&self, engine: &mut E, images: E::Map) -> Vec<E::Map> {
        let mut x = engine.convolve(format_args!("conv1"), &self.stem.step(), images);
        x = engine.max_pool(format_args!("pool1"), &POOL, x);
        let mut blocks = self.blocks.iter();
        for (stage, count) in (2..).zip(Depth::BLOCKS) {
            for (index, block) in (1..).zip(blocks.by_ref().take(count)) {
                x = block.run(engine, &format!("conv{stage}_{index}"), x);
            }
        }
        let mut maps = vec![x.clone()];
        for (number, pair) in (1..).zip(self.extras.chunks(2)) {
            for (index, extra) in (1..).zip(pair) {
                x = engine.convolve(format_args!("extra{number}_{index}"), &extra.step(), x);
            }
            maps.push(x.clone());
        }
        maps
    }
}
