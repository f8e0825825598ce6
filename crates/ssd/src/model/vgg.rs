//! VGG16 as SSD uses it, with its extras: paper §3, Fig. 2.
//!
//! pool3 rounds up (75 to 38), pool5 keeps the size, fc6 and fc7 are convolutions, fc6 with holes. conv4_3 is taken
//! after its ReLU and normalised; fc7 goes on into the extras, of which every second convolution is a feature map.

use burn::module::{Initializer, Module};
use burn::tensor::Device;
use ssd_cpu::{Activation, Padding};

use super::conv::{ConvUnit, ConvUnitConfig};
use super::extras::{Pair, extras, run_extras};
use super::l2norm::L2Norm;
use super::stages::frozen_up_to;
use super::steps::{Pool, Steps};
use crate::arch::Variant;

/// Output channels of the 13 convolutions, by stage, and the pooling that follows the stage.
const STAGES: [(&[usize], Pool); 5] = [
    (&[64, 64], HALF),
    (&[128, 128], HALF),
    (&[256, 256, 256], Pool { padding: Padding { after: [1; 2], ..Padding::NONE }, ..HALF }),
    (&[512, 512, 512], HALF),
    (&[512, 512, 512], Pool { kernel: 3, stride: 1, padding: Padding::even(1) }),
];

const HALF: Pool = Pool { kernel: 2, stride: 2, padding: Padding::NONE };

/// conv8 to conv11 for 300 pixels.
const EXTRAS_300: [Pair; 4] = [(256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 1, 0), (128, 256, 3, 1, 0)];

/// conv8 to conv12 for 512 pixels.
const EXTRAS_512: [Pair; 5] =
    [(256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 4, 1, 1)];

/// VGG16, fc6, fc7 and the extras: pictures to six feature maps, for 512 pixels to seven.
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
    /// On conv4_3 in place of that: batch norm after a convolution that starts as the identity.
    pub source_norm: Option<ConvUnit>,
    /// conv8_1, conv8_2 to conv11_2 or conv12_2.
    pub extras: Vec<ConvUnit>,
}

impl Vgg16 {
    /// Fresh weights.
    pub fn new(variant: Variant, device: &Device) -> Self {
        let norm = variant == Variant::BatchNorm;
        let pairs: &[Pair] = if variant == Variant::Large { &EXTRAS_512 } else { &EXTRAS_300 };
        let unit = |config: ConvUnitConfig| config.norm(norm).init(device);
        let mut channels = 3;
        let convs = STAGES.iter().flat_map(|(outputs, _)| outputs.iter()).map(|&output| {
            let input = std::mem::replace(&mut channels, output);
            unit(ConvUnitConfig::new(input, output, 3))
        });
        let source_batch_norm = variant == Variant::SourceBatchNorm;
        Self {
            convs: convs.collect(),
            fc6: unit(ConvUnitConfig::new(512, 1024, 3).dilation(6)),
            fc7: unit(ConvUnitConfig::new(1024, 1024, 1)),
            l2norm: (!source_batch_norm).then(|| L2Norm::new(512, device)),
            source_norm: source_batch_norm.then(|| source_norm(device)),
            extras: extras(1024, pairs, unit),
        }
    }

    /// The same with the first `stages` of conv1 to conv5 frozen.
    pub(super) fn freeze(mut self, stages: usize) -> Self {
        let frozen = STAGES[..stages.min(STAGES.len())].iter().map(|(outputs, _)| outputs.len()).sum();
        self.convs = frozen_up_to(self.convs, frozen);
        self
    }

    /// # Shapes
    ///
    /// - `images`: `[B, 3, 300, 300]`
    /// - output: `[B, 512, 38, 38]`, `[B, 1024, 19, 19]`, `[B, 512, 10, 10]`, `[B, 256, 5, 5]`, `[B, 256, 3, 3]`, `[B,
    ///   256, 1, 1]`; for 512 pixels the grids 64, 32, 16, 8, 4, 2, 1, the last four with 256 channels
    pub fn run<S: Steps>(&self, steps: &mut S, images: S::Map) -> Vec<S::Map> {
        let mut maps = Vec::with_capacity(7);
        let mut x = images;
        let mut convs = self.convs.iter();
        for (stage, (outputs, pool)) in (1..).zip(&STAGES) {
            for (index, conv) in (1..).zip(convs.by_ref().take(outputs.len())) {
                x = steps.convolve(format_args!("conv{stage}_{index}"), &conv.step(), x);
            }
            if stage == 4 {
                maps.push(self.normalize(steps, x.clone()));
            }
            x = steps.max_pool(format_args!("pool{stage}"), pool, x);
        }
        x = steps.convolve(format_args!("fc6"), &self.fc6.step(), x);
        x = steps.convolve(format_args!("fc7"), &self.fc7.step(), x);
        maps.push(x.clone());
        run_extras(steps, &self.extras, ("conv", 8), x, &mut maps);
        maps
    }

    /// conv4_3 on its way to the heads.
    fn normalize<S: Steps>(&self, steps: &mut S, x: S::Map) -> S::Map {
        match (&self.l2norm, &self.source_norm) {
            (Some(norm), _) => steps.l2_norm(format_args!("l2norm"), norm, x),
            (None, Some(norm)) => steps.convolve(format_args!("source_norm"), &norm.step(), x),
            (None, None) => x,
        }
    }
}

/// Batch norm on its own, as a depthwise 1x1 convolution of ones with a norm: folded into the heads, the zeros of their
/// padding would be wrong.
fn source_norm(device: &Device) -> ConvUnit {
    let mut unit = ConvUnitConfig::depthwise(512, 1).norm(true).activation(Activation::None).init(device);
    unit.conv.weight = Initializer::Ones.init([512, 1, 1, 1], device);
    unit
}
