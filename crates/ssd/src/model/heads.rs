//! Heads: for each cell of a feature map the offsets and logits of its priors. Paper §2.1, "convolutional predictors".
//!
//! Channels are prior-major, `k * 4 + coordinate` and `k * C + class`, as in caffe, torchvision and the ports.

use burn::module::{Initializer, Module};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};
use ssd_cpu::Activation;

use super::Convolve;
use super::conv::{ConvStep, ConvUnit, ConvUnitConfig, padding};
use crate::arch::FeatureMap;

/// One branch of a head: a predicting convolution, behind a depthwise one in the light networks.
#[derive(Module, Debug)]
pub struct Predictor {
    /// 3x3 depthwise with norm and ReLU6, or nothing.
    pub depthwise: Option<ConvUnit>,
    /// The convolution whose outputs are the predictions.
    pub conv: Conv2d,
}

/// The two branches on one feature map.
#[derive(Module, Debug)]
pub struct Head {
    /// Box offsets.
    pub offsets: Predictor,
    /// Class logits.
    pub logits: Predictor,
    #[module(skip)]
    classes: usize,
}

/// Which convolutions a predictor is made of.
#[derive(Clone, Copy)]
enum Kind {
    Dense,
    Separable,
    Pointwise,
}

impl Predictor {
    fn new(kind: Kind, input: usize, output: usize, device: &Device) -> Self {
        let kernel = if matches!(kind, Kind::Dense) { 3 } else { 1 };
        let p = kernel / 2;
        let mut conv = Conv2dConfig::new([input, output], [kernel; 2])
            .with_padding(PaddingConfig2d::Explicit(p, p, p, p))
            .with_initializer(Initializer::XavierUniform { gain: 1.0 })
            .init(device);
        conv.bias = Some(Initializer::Zeros.init([output], device));
        let depthwise = matches!(kind, Kind::Separable)
            .then(|| ConvUnitConfig::depthwise(input).norm_and_bias().activation(Activation::Relu6).init(device));
        Self { depthwise, conv }
    }

    /// `[B, channels, H, W]` to `[B, H * W * K, width]`, `K` priors a cell.
    fn forward(&self, map: Tensor<4>, width: usize, convolve: Convolve<'_>) -> Tensor<3> {
        let map = match &self.depthwise {
            Some(depthwise) => convolve(&depthwise.step(), map),
            None => map,
        };
        let step =
            ConvStep { conv: &self.conv, padding: padding(&self.conv), norm: None, activation: Activation::None };
        let out = convolve(&step, map);
        let batch = out.dims()[0] as i32;
        out.permute([0, 2, 3, 1]).reshape([batch, -1, width as i32])
    }
}

impl Head {
    fn new(kind: Kind, map: &FeatureMap, classes: usize, device: &Device) -> Self {
        let boxes = 2 + 2 * map.ratios.len();
        Self {
            offsets: Predictor::new(kind, map.channels, boxes * 4, device),
            logits: Predictor::new(kind, map.channels, boxes * classes, device),
            classes,
        }
    }

    /// Plain 3x3 convolutions: the paper's.
    pub fn dense(map: &FeatureMap, classes: usize, device: &Device) -> Self {
        Self::new(Kind::Dense, map, classes, device)
    }

    /// Depthwise 3x3, then 1x1: SSDLite (MobileNetV2 paper, §6.2).
    pub fn separable(map: &FeatureMap, classes: usize, device: &Device) -> Self {
        Self::new(Kind::Separable, map, classes, device)
    }

    /// 1x1 alone, for a map of one cell.
    pub fn pointwise(map: &FeatureMap, classes: usize, device: &Device) -> Self {
        Self::new(Kind::Pointwise, map, classes, device)
    }

    /// # Shapes
    ///
    /// - `map`: `[B, channels, H, W]`
    /// - output: offsets `[B, H * W * K, 4]`, logits `[B, H * W * K, C]`
    pub fn forward(&self, map: Tensor<4>, convolve: Convolve<'_>) -> (Tensor<3>, Tensor<3>) {
        (self.offsets.forward(map.clone(), 4, convolve), self.logits.forward(map, self.classes, convolve))
    }
}
