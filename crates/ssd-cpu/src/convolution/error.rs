//! Convolutions that cannot be packed, and inputs that do not fit.

use crate::ConvShape;

/// Why a convolution cannot be packed, or cannot run.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConvolutionError {
    /// A number that has to be at least 1 is 0.
    #[error("a convolution needs channels, groups, taps, a stride and a dilation of at least 1: {0:?}")]
    Zero(ConvShape),
    /// Neither dense nor depthwise.
    #[error("only dense and depthwise convolutions are known: {0:?}")]
    Groups(ConvShape),
    /// A wrong number of weights or shifts.
    #[error("{actual} {what} where there should be {expected}")]
    Length {
        /// `weights` or `shifts`.
        what: &'static str,
        /// How many there are.
        actual: usize,
        /// How many there should be.
        expected: usize,
    },
    /// An input with another number of channels, or smaller than the kernel.
    #[error("an input of [B, C, H, W] = {dims:?} for {shape:?}")]
    Input {
        /// The input's.
        dims: [usize; 4],
        /// The convolution's.
        shape: ConvShape,
    },
    /// A residual that is not of the output's shape.
    #[error("an output of {expected:?} cannot be added to a map of {actual:?}")]
    Residual {
        /// `[B, C, H, W]` of the map.
        actual: [usize; 4],
        /// `[B, C, H, W]` of the output.
        expected: [usize; 4],
    },
    /// A tensor on another device, of another type, or one that records gradients; numbers that do not fill a map.
    #[error("not a tensor of f32 in the memory of the CPU device")]
    Tensor,
}

/// Whether weights and shifts fit a shape that the loops know.
pub(super) fn check(shape: &ConvShape, weights: usize, shifts: usize) -> Result<(), ConvolutionError> {
    let &ConvShape { channels_in, channels_out, groups, kernel, stride, dilation, .. } = shape;
    if [channels_in, channels_out, groups, kernel, stride, dilation].contains(&0) {
        return Err(ConvolutionError::Zero(*shape));
    }
    if groups != 1 && (groups != channels_in || groups != channels_out) {
        return Err(ConvolutionError::Groups(*shape));
    }
    let lengths = [("weights", weights, shape.weights()), ("shifts", shifts, channels_out)];
    match lengths.into_iter().find(|(_, actual, expected)| actual != expected) {
        Some((what, actual, expected)) => Err(ConvolutionError::Length { what, actual, expected }),
        None => Ok(()),
    }
}
