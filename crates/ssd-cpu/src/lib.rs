//! Convolutions, poolings and batch norm: what they are, and fast loops for them on Burn's CPU device.
//!
//! It knows nothing of SSD, and is not a backend of Burn's. In it are
//!
//! - the shapes that every engine computes: [`ConvShape`], [`Pool`], [`Padding`], [`Activation`];
//! - [`twins`]: their meaning in plain Rust, which all faster ways are tested against;
//! - for training, functions on tensors of any device, with gradients: on the CPU device by the loops of this crate, on
//!   all others by Burn's operations;
//! - for inference on the CPU, without gradients: [`Convolution`], [`Map`], [`together`].

mod activation;
mod buffers;
mod composed;
mod convolution;
mod dense;
mod depthwise;
#[cfg(feature = "autodiff")]
mod gradients;
mod grid;
mod map;
#[cfg(test)]
mod map_tests;
mod memory;
mod norm;
mod planar;
#[cfg(all(test, feature = "autodiff"))]
mod planar_tests;
mod planes;
mod pool;
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

use crate::memory::Values;
use crate::planar::Planar;

pub use crate::activation::Activation;
pub use crate::buffers::Buffers;
pub use crate::convolution::{Convolution, ConvolutionError};
pub use crate::map::Map;
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
    // The loops know the gradient of a clamp and no other.
    if shape.activation.bounds().is_none() {
        let sums = ConvShape { activation: Activation::None, ..*shape };
        return shape.activation.of_tensor(convolve(x, weight, bias, &sums));
    }
    let Some(planar) = Planar::of(shape, x.dims(), weight.dims()) else {
        return composed::convolve(x, weight, bias, shape);
    };
    #[cfg(feature = "autodiff")]
    if let Some(out) = gradients::convolve(&x, &weight, bias.as_ref(), &planar) {
        return out;
    }
    if let (Some(x), Some(weight)) = (Values::of(&x), Values::of(&weight)) {
        let bias = match &bias {
            Some(bias) => Values::of(bias),
            None => Some(Values::zeros(shape.channels_out)),
        };
        if let Some(bias) = bias {
            return Tensor::from_primitive::<Flex>(planar.forward(&x, &weight, &bias));
        }
    }
    composed::convolve(x, weight, bias, shape)
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
