//! VGG16 as SSD uses it, with its extras: paper §3, Fig. 2.
//!
//! pool3 rounds up (75 to 38), pool5 keeps the size, fc6 and fc7 are convolutions, fc6 with holes. conv4_3 is taken after
//! its ReLU and normalised; fc7 goes on into the extras, of which every second convolution is a feature map.

use burn::module::{Initializer, Module};
use burn::tensor::Device;
use ssd_cpu::{Activation, Padding};

use super::conv::{ConvUnit, ConvUnitConfig};
use super::engine::{Engine, Pool};
use super::frozen_up_to;
use super::l2norm::L2Norm;

/// Output channels of the 13 convolutions, by stage, and the pooling that follows the stage.
const STAGES: [(&[usize], Pool); 5] = [
    (&[64, 64], HALF),
    (&[128, 128], HALF),
    (&[256, 256, 256], Pool { padding: Padding { after: [1; 2], ..Padding::NONE }, ..HALF }),
    (&[512, 512, 512], HALF),
    (&[512, 512, 512], Pool { kernel: 3, stride: 1, padding: Padding::even(1) }),
];

const HALF: Pool = Pool { kernel: 2, stride: 2, padding: Padding::NONE };

/// A pair of extras: channels of the 1x1 and of the second convolution, and the second's kernel, stride and padding.
type Extra = (usize, usize, usize, usize, usize);

/// conv8 to conv11 for 300 pixels.
const EXTRAS_300: [Extra; 4] = [(256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 1, 0), (128, 256, 3, 1, 0)];

/// conv8 to conv12 for 512 pixels.
const EXTRAS_512: [Extra; 5] =
    [(256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 4, 1, 1)];

/// What differs between the networks on VGG16.
#[derive(Debug, Clone, Copy)]
pub enum Variant {
    /// The paper's, for 300 pixels.
    Plain,
    /// With batch norm after each convolution.
    BatchNorm,
    /// With batch norm on conv4_3 in place of the L2 normalisation: pytorch-ssd.
    SourceBatchNorm,
    /// The paper's, for 512 pixels.
    Large,
}

/// VGG16, fc6, fc7 and the extras: pictures to six feature maps.
#[derive(Module, Debug)]
pub struct Vgg16 {
    /// conv1_1 to conv5_3.
    pub convs: Vec<ConvUnit>,
    /// 3x3 with holes: 512 to 1024.
    pub fc6: ConvUnit,
    /// 1x1.
    pub fc7: ConvUnit,
    /// On conv4_3, in the paper's networks.
    pub l2norm: Option<L2Norm>,
    /// On conv4_3 instead of that: batch norm behind a convolution that leaves each channel as it is.
    pub source_norm: Option<ConvUnit>,
    /// conv8_1, conv8_2 to conv11_2 or conv12_2.
    pub extras: Vec<ConvUnit>,
}

impl Vgg16 {
    /// Fresh weights.
    pub fn new(variant: Variant, device: &Device) -> Self {
        let norm = matches!(variant, Variant::BatchNorm);
        let extras: &[Extra] = if matches!(variant, Variant::Large) { &EXTRAS_512 } else { &EXTRAS_300 };
        let unit = |config: ConvUnitConfig| config.norm(norm).init(device);
        let mut channels = 3;
        let convs = STAGES.iter().flat_map(|(outputs, _)| outputs.iter()).map(|&out| {
            let conv = unit(ConvUnitConfig::new(channels, out, 3));
            channels = out;
            conv
        });
        let convs = convs.collect();
        channels = 1024;
        let extras = extras.iter().flat_map(|&(narrow, wide, kernel, stride, padding)| {
            let pair = [
                unit(ConvUnitConfig::new(channels, narrow, 1)),
                unit(ConvUnitConfig::new(narrow, wide, kernel).stride(stride).padding(padding)),
            ];
            channels = wide;
            pair
        });
        let extras = extras.collect();
        let batch = matches!(variant, Variant::SourceBatchNorm);
        Self {
            convs,
            fc6: unit(ConvUnitConfig::new(512, 1024, 3).dilation(6)),
            fc7: unit(ConvUnitConfig::new(1024, 1024, 1)),
            l2norm: (!batch).then(|| L2Norm::new(512, device)),
            source_norm: batch.then(|| source_norm(device)),
            extras,
        }
    }

    /// The same with the first `stages` of conv1 to conv5 not learning any more.
    pub(super) fn freeze(mut self, stages: usize) -> Self {
        let frozen = STAGES[..stages.min(STAGES.len())].iter().map(|(outputs, _)| outputs.len()).sum();
        self.convs = frozen_up_to(self.convs, frozen);
        self
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, 300, 300]`
    /// - output: `[B, 512, 38, 38]`, `[B, 1024, 19, 19]`, `[B, 512, 10, 10]`, `[B, 256, 5, 5]`, `[B, 256, 3, 3]`, `[B, 256, 1, 1]`;
    ///   for 512 pixels the grids 64, 32, 16, 8, 4, 2, 1, the last four with 256 channels
    pub fn run<E: Engine>(&self, engine: &mut E, images: E::Map) -> Vec<E::Map> {
        let mut maps = Vec::with_capacity(6);
        let mut x = images;
        let mut convs = self.convs.iter();
        for (stage, (outputs, pool)) in (1..).zip(&STAGES) {
            for (index, conv) in (1..).zip(convs.by_ref().take(outputs.len())) {
                x = engine.convolve(format_args!("conv{stage}_{index}"), &conv.step(), x);
            }
            if stage == 4 {
                maps.push(self.normalize(engine, x.clone()));
            }
            x = engine.max_pool(format_args!("pool{stage}"), pool, x);
        }
        x = engine.convolve(format_args!("fc6"), &self.fc6.step(), x);
        x = engine.convolve(format_args!("fc7"), &self.fc7.step(), x);
        maps.push(x.clone());
        for (stage, pair) in (8..).zip(self.extras.chunks(2)) {
            for (index, extra) in (1..).zip(pair) {
                x = engine.convolve(format_args!("conv{stage}_{index}"), &extra.step(), x);
            }
            maps.push(x.clone());
        }
        maps
    }

    /// conv4_3 on its way to the heads.
    fn normalize<E: Engine>(&self, engine: &mut E, x: E::Map) -> E::Map {
        match (&self.l2norm, &self.source_norm) {
            (Some(norm), _) => engine.l2_norm(format_args!("l2norm"), norm, x),
            (None, Some(norm)) => engine.convolve(format_args!("source_norm"), &norm.step(), x),
            (None, None) => x,
        }
    }
}

/// Batch norm of conv4_3 by itself.
fn source_norm(device: &Device) -> ConvUnit {
    let mut unit = ConvUnitConfig::depthwise(512, 1).norm(true).activation(Activation::None).init(device);
    unit.conv.weight = Initializer::Ones.init([512, 1, 1, 1], device);
    unit
}
