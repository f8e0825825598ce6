//! Convolutions and batch norm that Burn's CPU device is slow at, above all their gradients.
//!
//! Every operation takes tensors of any device: on the CPU device it runs the loops of this crate, on all others Burn's own operations.
//! It is not a backend, and knows nothing of SSD.
//!
//! For a network that is only run there is more: [`Convolution`], [`Map`] and [`together`], without gradients.

mod buffers;
mod composed;
mod convolution;
mod depthwise;
#[cfg(feature = "autodiff")]
mod gradients;
mod map;
#[cfg(test)]
mod map_tests;
mod memory;
mod norm;
mod planes;
mod simd;
#[cfg(all(test, feature = "autodiff"))]
mod tests;

use burn::backend::Flex;
use burn::tensor::Tensor;

use crate::memory::Values;

pub use crate::buffers::Buffers;
pub use crate::convolution::{Convolution, ConvolutionError, ConvolutionShape};
pub use crate::map::{Map, Window};
pub use crate::planes::together;

/// What follows a batch norm, in the same pass over memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x * min(max(x + 3, 0), 6) / 6`: MobileNetV3 paper, §5.2.
    HardSwish,
    /// `min(max(x + 3, 0), 6) / 6`: what gates are made with there.
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

    /// Whether it only holds a number between two bounds, the one kind that the loops fold in.
    pub(crate) fn is_bound(self) -> bool {
        matches!(self, Self::None | Self::Relu | Self::Relu6)
    }

    /// Of all numbers of a tensor, on any device.
    pub fn of_tensor(self, x: Tensor<4>) -> Tensor<4> {
        composed::activate(x, self)
    }
}

/// 3x3 convolution of each channel by itself, with one zero around the input.
///
/// # Shapes
///
/// - `x`: `[B, C, H, W]`
/// - `weight`: `[C, 1, 3, 3]`
/// - output: `[B, C, (H - 1) / stride + 1, (W - 1) / stride + 1]`
pub fn depthwise_conv3x3(x: Tensor<4>, weight: Tensor<4>, stride: usize) -> Tensor<4> {
    // The strides that detectors use; the kernels know no other.
    if !matches!(stride, 1 | 2) {
        return composed::depthwise_conv3x3(x, weight, stride);
    }
    #[cfg(feature = "autodiff")]
    if let Some(out) = gradients::depthwise_conv3x3(&x, &weight, stride) {
        return out;
    }
    match (Values::of(&x), Values::of(&weight)) {
        (Some(x), Some(weight)) => Tensor::from_primitive::<Flex>(depthwise::forward(&x, &weight, stride)),
        _ => composed::depthwise_conv3x3(x, weight, stride),
    }
}

/// 1x1 convolution with stride 1.
///
/// # Shapes
///
/// - `x`: `[B, Ci, H, W]`
/// - `weight`: `[Co, Ci, 1, 1]`
/// - output: `[B, Co, H, W]`
pub fn pointwise_conv(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    composed::pointwise_conv(x, weight)
}

/// Batch norm with the statistics of this batch (Ioffe and Szegedy 2015, algorithm 1), then the activation.
/// Differentiable in `x`, `gamma` and `beta`, through the statistics too.
///
/// # Shapes
///
/// - `x`: `[B, C, H, W]`; `gamma`, `beta`: `[C]`
/// - output: `[B, C, H, W]`, the mean `[C]` and the biased variance `[C]`; no gradient flows through the last two.
pub fn batch_norm_train(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    activation: Activation,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    // Its gradient is not that of a bound, which is all that the loops know.
    if !activation.is_bound() {
        let (out, mean, variance) = batch_norm_train(x, gamma, beta, epsilon, Activation::None);
        return (activation.of_tensor(out), mean, variance);
    }
    #[cfg(feature = "autodiff")]
    if let Some(out) = gradients::batch_norm_train(&x, &gamma, &beta, epsilon, activation) {
        return out;
    }
    composed::batch_norm_train(x, gamma, beta, epsilon, activation)
}

/// `activation(x * scale + shift)`: batch norm with running statistics, folded to two numbers a channel.
///
/// # Shapes
///
/// - `x`: `[B, C, H, W]`; `scale`, `shift`: `[C]`
/// - output: `[B, C, H, W]`
pub fn scale_shift(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, activation: Activation) -> Tensor<4> {
    match (Values::of(&x), Values::of(&scale), Values::of(&shift)) {
        (Some(x), Some(scale), Some(shift)) => {
            Tensor::from_primitive::<Flex>(norm::scale_shift(&x, &scale, &shift, activation))
        }
        _ => composed::scale_shift(x, scale, shift, activation),
    }
}
