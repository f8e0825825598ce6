//! Convolutions, poolings and batch norm: what they are, and fast loops for them on Burn's CPU device.
//!
//! It knows nothing of SSD, and is not a backend of Burn's. In it are
//!
//! - the shapes that every engine computes: [`ConvShape`], [`Pool`], [`Padding`], [`Activation`];
//! - [`twins`]: their meaning in plain Rust, which all faster ways are tested against;
//! - for training, functions on tensors of any device, with gradients: on the CPU device by the loops of this crate, on
//!   all others by Burn's operations. The convolutions' loops need the feature `autodiff`: a page that only detects
//!   would send them to every visitor for nothing;
//! - for inference on the CPU, without gradients: [`Convolution`], [`Map`], [`together`].

mod activation;
mod buffers;
mod composed;
mod convolution;
#[cfg(feature = "autodiff")]
mod dense;
#[cfg(feature = "autodiff")]
mod depthwise;
#[cfg(feature = "autodiff")]
mod gradients;
#[cfg(feature = "autodiff")]
mod grid;
mod map;
#[cfg(test)]
mod map_tests;
mod memory;
mod norm;
#[cfg(feature = "autodiff")]
mod planar;
#[cfg(all(test, feature = "autodiff"))]
mod planar_tests;
mod planes;
#[cfg(feature = "autodiff")]
mod pool;
#[cfg(feature = "autodiff")]
mod pooling;
mod shape;
mod simd;
#[cfg(all(test, feature = "autodiff"))]
mod tests;
mod tile;
pub mod twins;
#[cfg(feature = "autodiff")]
mod upstream;

use burn::backend::Flex;
use burn::tensor::Tensor;

pub use crate::activation::Activation;
pub use crate::buffers::Buffers;
pub use crate::convolution::{Convolution, ConvolutionError};
pub use crate::map::Map;
pub use crate::memory::{Values, numbers};
pub use crate::planes::together;
pub use crate::shape::{ConvShape, Padding, Pool};

/// `activation(x * weight + bias)`, with gradients where they are recorded.
///
/// # Shapes
///
/// - `x`: `[B, channels_in, H, W]`
/// - `weight`: `[channels_out, channels_in / groups, k, k]`; `bias`: `[channels_out]`
/// - output: `[B, channels_out, H', W']`
pub fn convolve(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, shape: &ConvShape) -> Tensor<4> {
    #[cfg(feature = "autodiff")]
    if let Some(out) = gradients::convolve(&x, &weight, bias.as_ref(), shape) {
        return out;
    }
    composed::convolve(x, weight, bias, shape)
}

/// The largest number under each window, with the gradient by the first of a window's numbers that is the largest.
///
/// # Shapes
///
/// - `x`: `[B, C, H, W]`
/// - output: `[B, C, H', W']`
pub fn max_pool(x: Tensor<4>, pool: &Pool) -> Tensor<4> {
    #[cfg(feature = "autodiff")]
    if let Some(out) = gradients::max_pool(&x, pool) {
        return out;
    }
    composed::max_pool(x, pool)
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
    // The loops know the gradient of a clamp and no other.
    if activation.bounds().is_none() {
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
