//! The block of MobileNetV2 and MobileNetV3: widen, filter each channel by itself, narrow.
//!
//! MobileNetV2 paper, §3.3; with a gate between filter and narrowing MobileNetV3 paper, §5.3.

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::Activation;

use super::conv::{ConvUnit, ConvUnitConfig};
use super::steps::Steps;
use crate::arch::divisible;

/// Batch norm's epsilon and momentum in torchvision's SSDLite: blocks, trunk and heads.
pub(super) const TORCHVISION_STATISTICS: (f64, f64) = (1e-3, 0.03);

/// Multiplies each channel by a factor from 0 to 1, made of the means of all channels: squeeze and excitation, Hu et
/// al. 2018.
#[derive(Module, Debug)]
pub struct Gate {
    /// 1x1 on the means, to fewer channels, with ReLU.
    pub squeeze: ConvUnit,
    /// 1x1 back to all channels, with hard sigmoid.
    pub excite: ConvUnit,
}

impl Gate {
    fn new(channels: usize, device: &Device) -> Self {
        let squeezed = divisible((channels / 4) as f64, 8);
        Self {
            squeeze: ConvUnitConfig::new(channels, squeezed, 1).init(device),
            excite: ConvUnitConfig::new(squeezed, channels, 1).activation(Activation::HardSigmoid).init(device),
        }
    }

    fn run<S: Steps>(&self, steps: &mut S, name: &str, x: S::Map) -> S::Map {
        let means = steps.average(format_args!("{name}.average"), x.clone());
        let squeezed = steps.convolve(format_args!("{name}.squeeze"), &self.squeeze.step(), means);
        let factors = steps.convolve(format_args!("{name}.excite"), &self.excite.step(), squeezed);
        steps.scale(format_args!("{name}.scale"), x, factors)
    }
}

/// Widen by 1x1, filter depthwise, narrow by 1x1; the input is added where shapes allow.
#[derive(Module, Debug)]
pub struct InvertedResidual {
    /// 1x1 to the inner channels; missing in a block that does not widen.
    pub expand: Option<ConvUnit>,
    /// 3x3 or 5x5 depthwise.
    pub depthwise: ConvUnit,
    /// On the inner channels, in some blocks of MobileNetV3.
    pub gate: Option<Gate>,
    /// 1x1 to the output channels.
    pub project: ConvUnit,
    #[module(skip)]
    residual: bool,
}

/// The make of an [`InvertedResidual`]. Starts as MobileNetV2's.
#[derive(Debug, Clone, Copy)]
pub(super) struct InvertedResidualConfig {
    pub(super) input: usize,
    pub(super) inner: usize,
    pub(super) output: usize,
    pub(super) stride: usize,
    pub(super) kernel: usize,
    /// Inside.
    pub(super) activation: Activation,
    /// After the narrowing.
    pub(super) project: Activation,
    pub(super) gated: bool,
    /// Whether its first 1x1 is there even if it widens nothing.
    pub(super) expands: bool,
    /// Norms and padding.
    pub(super) style: Style,
}

/// What the trunks of inverted residuals have in all their convolutions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    /// Batch norm of that epsilon and momentum, and padding that depends on the kernel alone: PyTorch's.
    Norm(f64, f64),
    /// No norm, and padding `SAME`: TensorFlow's, whose files have their norms folded into the convolutions.
    Same,
}

impl Style {
    /// A convolution on a map of `size` x `size`, which becomes its output's.
    pub(super) fn unit(
        self,
        config: ConvUnitConfig,
        activation: Activation,
        size: &mut usize,
        device: &Device,
    ) -> ConvUnit {
        let config = config.activation(activation);
        match self {
            Self::Norm(epsilon, momentum) => config.norm(true).statistics(epsilon, momentum).init(device),
            Self::Same => config.same_along(size).init(device),
        }
    }
}

impl InvertedResidualConfig {
    pub(super) fn new(input: usize, inner: usize, output: usize, stride: usize) -> Self {
        Self {
            input,
            inner,
            output,
            stride,
            kernel: 3,
            activation: Activation::Relu6,
            project: Activation::None,
            gated: false,
            expands: inner != input,
            style: Style::Norm(1e-5, 0.1),
        }
    }

    /// A block with fresh weights on a map of `size` x `size`, which becomes its output's.
    pub(super) fn init(self, size: &mut usize, device: &Device) -> InvertedResidual {
        let Self { input, inner, output, stride, activation, .. } = self;
        let mut unit = |config, activation| self.style.unit(config, activation, size, device);
        InvertedResidual {
            expand: self.expands.then(|| unit(ConvUnitConfig::new(input, inner, 1), activation)),
            depthwise: unit(ConvUnitConfig::depthwise(inner, self.kernel).stride(stride), activation),
            gate: self.gated.then(|| Gate::new(inner, device)),
            project: unit(ConvUnitConfig::new(inner, output, 1), self.project),
            residual: stride == 1 && input == output,
        }
    }
}

impl InvertedResidual {
    /// 2 where the block halves the map, 1 elsewhere.
    pub(super) fn stride(&self) -> usize {
        self.depthwise.conv.stride[0]
    }

    /// The widened inside: `[B, input, H, W]` to `[B, inner, H, W]`.
    pub(super) fn widen<S: Steps>(&self, steps: &mut S, name: &str, x: S::Map) -> S::Map {
        match &self.expand {
            Some(expand) => steps.convolve(format_args!("{name}.expand"), &expand.step(), x),
            None => x,
        }
    }

    /// The rest of the block, from its input and its widened inside.
    pub(super) fn narrow<S: Steps>(&self, steps: &mut S, name: &str, input: S::Map, wide: S::Map) -> S::Map {
        let mut out = steps.convolve(format_args!("{name}.depthwise"), &self.depthwise.step(), wide);
        if let Some(gate) = &self.gate {
            out = gate.run(steps, name, out);
        }
        let (name, step) = (format_args!("{name}.project"), self.project.step());
        if self.residual { steps.convolve_onto(name, &step, out, input) } else { steps.convolve(name, &step, out) }
    }

    /// # Shapes
    ///
    /// - `x`: `[B, input, H, W]`
    /// - output: `[B, output, H / stride, W / stride]`, rounded up
    pub fn run<S: Steps>(&self, steps: &mut S, name: &str, x: S::Map) -> S::Map {
        let wide = self.widen(steps, name, x.clone());
        self.narrow(steps, name, x, wide)
    }
}
