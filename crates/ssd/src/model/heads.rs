//! Heads: for each cell of a feature map the offsets and logits of its priors. Paper §2.1, "convolutional predictors".
//!
//! Channels are prior-major, `k * 4 + coordinate` and `k * C + class`, as in caffe, torchvision and the ports.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::Device;
use ssd_cpu::{Activation, ConvShape};

use super::conv::{ConvStep, ConvUnit, ConvUnitConfig};
use super::inverted_residual::TORCHVISION_STATISTICS;
use super::steps::Steps;
use crate::arch::{FeatureMap, HeadKind};

/// One branch of a head: a predicting convolution, after a depthwise one in the light networks.
#[derive(Module, Debug)]
pub struct Predictor {
    /// 3x3 depthwise with ReLU6, in the light networks; most have a norm.
    pub depthwise: Option<ConvUnit>,
    /// The convolution whose outputs are the predictions.
    pub conv: Conv2d,
    #[module(skip)]
    shape: ConvShape,
}

/// The two branches on one feature map.
#[derive(Module, Debug)]
pub struct Head {
    /// Box offsets.
    pub offsets: Predictor,
    /// Class logits.
    pub logits: Predictor,
}

impl Predictor {
    fn new(kind: HeadKind, map: &FeatureMap, output: usize, device: &Device) -> Self {
        let depthwise = ConvUnitConfig::depthwise(map.channels, 3);
        let (epsilon, momentum) = TORCHVISION_STATISTICS;
        let (kernel, depthwise) = match kind {
            HeadKind::Dense => (3, None),
            // On a map of one cell a 3x3 window would see nothing but padding around it.
            HeadKind::BiasedSeparable => (1, (map.priors.grid > 1).then(|| depthwise.norm_and_bias())),
            HeadKind::Separable => (1, Some(depthwise.norm(true).statistics(epsilon, momentum))),
            HeadKind::PlainSeparable => (1, Some(depthwise)),
            HeadKind::Pointwise => (1, None),
        };
        let unit = ConvUnitConfig::new(map.channels, output, kernel).activation(Activation::None).init(device);
        let depthwise = depthwise.map(|config| config.activation(Activation::Relu6).init(device));
        Self { depthwise, shape: unit.shape, conv: unit.conv }
    }

    /// All but the last convolution.
    fn approach<S: Steps>(&self, steps: &mut S, name: &str, map: S::Map) -> S::Map {
        match &self.depthwise {
            Some(depthwise) => steps.convolve(format_args!("{name}.depthwise"), &depthwise.step(), map),
            None => map,
        }
    }

    /// The last convolution, which nothing follows.
    fn step(&self) -> ConvStep<'_> {
        ConvStep { shape: self.shape, conv: &self.conv, norm: None }
    }
}

impl Head {
    pub(super) fn new(kind: HeadKind, map: &FeatureMap, columns: usize, device: &Device) -> Self {
        let branch = |values: usize| Predictor::new(kind, map, map.priors.boxes.len() * values, device);
        Self { offsets: branch(4), logits: branch(columns) }
    }

    /// # Shapes
    ///
    /// - `map`: `[B, channels, H, W]`
    /// - the predictions: offsets `[B, H * W * K, 4]`, logits `[B, H * W * K, C]`
    pub fn run<S: Steps>(&self, steps: &mut S, level: usize, map: S::Map) {
        let offsets = self.offsets.approach(steps, &format!("head{}.offsets", level + 1), map.clone());
        let logits = self.logits.approach(steps, &format!("head{}.logits", level + 1), map);
        steps.predict(level, (&self.offsets.step(), offsets), (&self.logits.step(), logits));
    }
}
