//! Heads: for each cell of a feature map the offsets and logits of its priors. Paper §2.1, "convolutional predictors".
//!
//! Channels are prior-major, `k * 4 + coordinate` and `k * C + class`, as in caffe, torchvision and the ports.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::Device;
use ssd_cpu::{Activation, ConvShape};

use super::conv::{ConvStep, ConvUnit, ConvUnitConfig};
use super::engine::Engine;
use super::mobilenet_v3::STATISTICS;
use crate::arch::FeatureMap;

/// One branch of a head: a predicting convolution, behind a depthwise one in the light networks.
#[derive(Module, Debug)]
pub struct Predictor {
    /// 3x3 depthwise with norm and ReLU6, in the light networks.
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

/// Which convolutions a predictor is made of.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Plain 3x3 convolutions: the paper's.
    Dense,
    /// Depthwise 3x3, then 1x1: SSDLite (MobileNetV2 paper, §6.2), as pytorch-ssd has it, with a bias before the norm.
    BiasedSeparable,
    /// The same without that bias, as torchvision has it.
    Separable,
    /// 1x1 alone, for a map of one cell.
    Pointwise,
}

impl Predictor {
    fn new(kind: Kind, input: usize, output: usize, device: &Device) -> Self {
        let kernel = if matches!(kind, Kind::Dense) { 3 } else { 1 };
        let unit = ConvUnitConfig::new(input, output, kernel).activation(Activation::None).init(device);
        let depthwise = ConvUnitConfig::depthwise(input, 3);
        let depthwise = match kind {
            Kind::BiasedSeparable => Some(depthwise.norm_and_bias()),
            Kind::Separable => Some(depthwise.norm(true).statistics(STATISTICS.0, STATISTICS.1)),
            Kind::Dense | Kind::Pointwise => None,
        };
        Self {
            depthwise: depthwise.map(|config| config.activation(Activation::Relu6).init(device)),
            shape: unit.shape,
            conv: unit.conv,
        }
    }

    /// All but the last convolution.
    fn approach<E: Engine>(&self, engine: &mut E, name: &str, map: E::Map) -> E::Map {
        match &self.depthwise {
            Some(depthwise) => engine.convolve(format_args!("{name}.depthwise"), &depthwise.step(), map),
            None => map,
        }
    }

    /// The last convolution: its outputs are predictions, so nothing follows it.
    fn step(&self) -> ConvStep<'_> {
        ConvStep { shape: self.shape, conv: &self.conv, norm: None }
    }
}

impl Head {
    pub(super) fn new(kind: Kind, map: &FeatureMap, classes: usize, device: &Device) -> Self {
        let boxes = 2 + 2 * map.ratios.len();
        Self {
            offsets: Predictor::new(kind, map.channels, boxes * 4, device),
            logits: Predictor::new(kind, map.channels, boxes * classes, device),
        }
    }

    /// # Shapes
    ///
    /// - `map`: `[B, channels, H, W]`
    /// - the engine's predictions: offsets `[B, H * W * K, 4]`, logits `[B, H * W * K, C]`
    pub fn run<E: Engine>(&self, engine: &mut E, level: usize, map: E::Map) {
        let offsets = self.offsets.approach(engine, &format!("head{}.offsets", level + 1), map.clone());
        // Weights are drawn when they are first looked at: branch by branch, or a seed would not mean what it has meant.
        let _ = self.offsets.conv.weight.dims();
        let logits = self.logits.approach(engine, &format!("head{}.logits", level + 1), map);
        engine.predict(level, (&self.offsets.step(), offsets), (&self.logits.step(), logits));
    }
}
