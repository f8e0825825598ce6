//! The function at the end of a convolution, computed in the same pass over memory.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;

/// The function at the end of a convolution, after its batch norm if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// None.
    None,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x * min(max(x + 3, 0), 6) / 6`: MobileNetV3 paper, §5.2.
    HardSwish,
    /// `min(max(x + 3, 0), 6) / 6`: the gates' function in the same paper.
    HardSigmoid,
}

impl Activation {
    /// Of one number.
    pub fn of(self, x: f32) -> f32 {
        match self {
            Self::None => x,
            Self::Relu => x.max(0.0),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Self::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        }
    }

    /// Of every number of a tensor, on any device.
    pub fn of_tensor(self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::None => x,
            Self::Relu => relu(x),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::HardSwish => x.clone() * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Self::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        }
    }

    /// The bounds that it clamps to, which the loops fold in; `None` where it does more than clamp.
    pub(crate) fn bounds(self) -> Option<Bounds> {
        match self {
            Self::None => Some(Bounds::NONE),
            Self::Relu => Some(Bounds { least: 0.0, most: f32::INFINITY }),
            Self::Relu6 => Some(Bounds { least: 0.0, most: 6.0 }),
            Self::HardSwish | Self::HardSigmoid => None,
        }
    }
}

/// The least and the greatest number that an activation lets through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) least: f32,
    pub(crate) most: f32,
}

impl Bounds {
    pub(crate) const NONE: Self = Self { least: f32::NEG_INFINITY, most: f32::INFINITY };

    /// A NaN stays one.
    #[inline(always)]
    pub(crate) fn clamp(self, x: f32) -> f32 {
        let x = if x < self.least { self.least } else { x };
        if x > self.most { self.most } else { x }
    }

    /// Whether the activation's derivative at `x` is one and not zero.
    #[cfg(feature = "autodiff")]
    #[inline(always)]
    pub(crate) fn pass(self, x: f32) -> bool {
        (x > self.least) & (x < self.most)
    }
}
