//! The block of MobileNetV2 and MobileNetV3: widen, filter each channel by itself, narrow.
//!
//! MobileNetV2 paper, §3.3; with a gate between filter and narrowing MobileNetV3 paper, §5.3.

use burn::module::Module;
use burn::tensor::Device;
use ssd_cpu::Activation;

use super::conv::{ConvUnit, ConvUnitConfig};
use super::engine::Engine;

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
        let squeezed = squeezed(channels);
        Self {
            squeeze: ConvUnitConfig::new(channels, squeezed, 1).init(device),
            excite: ConvUnitConfig::new(squeezed, channels, 1).activation(Activation::HardSigmoid).init(device),
        }
    }

    fn run<E: Engine>(&self, engine: &mut E, name: &str, x: E::Map) -> E::Map {
        let means = engine.average(format_args!("{name}.average"), x.clone());
        let squeezed = engine.convolve(format_args!("{name}.squeeze"), &self.squeeze.step(), means);
        let factors = engine.convolve(format_args!("{name}.excite"), &self.excite.step(), squeezed);
        engine.scale(format_args!("{name}.scale"), x, factors)
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
    /// Batch norm's epsilon and momentum.
    pub(super) statistics: (f64, f64),
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
            statistics: (1e-5, 0.1),
        }
    }

    pub(super) fn init(self, device: &Device) -> InvertedResidual {
        let Self { input, inner, output, stride, activation, .. } = self;
        let unit = |config: ConvUnitConfig, activation| {
            config.norm(true).statistics(self.statistics.0, self.statistics.1).activation(activation).init(device)
        };
        InvertedResidual {
            expand: (inner != input).then(|| unit(ConvUnitConfig::new(input, inner, 1), activation)),
            depthwise: unit(ConvUnitConfig::depthwise(inner, self.kernel).stride(stride), activation),
            gate: self.gated.then(|| Gate::new(inner, device)),
            project: unit(ConvUnitConfig::new(inner, output, 1), self.project),
            residual: stride == 1 && input == output,
        }
    }
}

/// A quarter of the channels, rounded to the nearest multiple of 8 that is not more than a tenth smaller: torchvision's
/// `_make_divisible`.
fn squeezed(channels: usize) -> usize {
    let quarter = channels / 4;
    let nearest = ((quarter + 4) / 8 * 8).max(8);
    if nearest * 10 < quarter * 9 { nearest + 8 } else { nearest }
}

impl InvertedResidual {
    /// 2 where the block halves the map, 1 elsewhere.
    pub(super) fn stride(&self) -> usize {
        self.depthwise.conv.stride[0]
    }

    /// The widened inside: `[B, input, H, W]` to `[B, inner, H, W]`.
    pub(super) fn widen<E: Engine>(&self, engine: &mut E, name: &str, x: E::Map) -> E::Map {
        match &self.expand {
            Some(expand) => engine.convolve(format_args!("{name}.expand"), &expand.step(), x),
            None => x,
        }
    }

    /// The rest of the block, from its input and its widened inside.
    pub(super) fn narrow<E: Engine>(&self, engine: &mut E, name: &str, input: E::Map, wide: E::Map) -> E::Map {
        let mut out = engine.convolve(format_args!("{name}.depthwise"), &self.depthwise.step(), wide);
        if let Some(gate) = &self.gate {
            out = gate.run(engine, name, out);
        }
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
