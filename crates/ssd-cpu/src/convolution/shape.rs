//! What a convolution is to compute, and whether its weights fit.

use crate::Activation;

/// The shape of a convolution, whatever the size of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// Channels of the input.
    pub channels_in: usize,
    /// Channels of the output.
    pub channels_out: usize,
    /// 1 for a dense one, the number of channels for a depthwise one.
    pub groups: usize,
    /// Taps in each direction.
    pub kernel: usize,
    /// Step between two output positions.
    pub stride: usize,
    /// Zeros around the input, on each side.
    pub padding: usize,
    /// Distance of two taps.
    pub dilation: usize,
    /// What follows the sum.
    pub activation: Activation,
}

/// Why a convolution cannot be, or cannot run.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConvolutionError {
    /// One of the numbers that have to be 1 or more is not.
    #[error("a convolution needs channels, groups, taps, a stride and a dilation of at least 1: {0:?}")]
    Zero(ConvolutionShape),
    /// Neither dense nor depthwise.
    #[error("only dense and depthwise convolutions are known: {0:?}")]
    Groups(ConvolutionShape),
    /// As many weights or shifts as the shape has not.
    #[error("{actual} {what} where there should be {expected}")]
    Length {
        /// Of what there are too many or too few.
        what: &'static str,
        /// How many there are.
        actual: usize,
        /// How many there should be.
        expected: usize,
    },
    /// An input that the convolution has no output for.
    #[error("an input of [B, C, H, W] = {dims:?} for {shape:?}")]
    Input {
        /// The input's.
        dims: [usize; 4],
        /// The convolution's.
        shape: ConvolutionShape,
    },
    /// What is to be added to is not of the output's shape.
    #[error("an output of {expected:?} cannot be added to a map of {actual:?}")]
    Residual {
        /// `[B, C, H, W]` of the map.
        actual: [usize; 4],
        /// `[B, C, H, W]` of the output.
        expected: [usize; 4],
    },
    /// A tensor on another device, of another type, or one that records gradients.
    #[error("not a tensor of f32 in the memory of the CPU device")]
    Tensor,
}

impl ConvolutionShape {
    /// Height and width of the output, in positions; `None` for an input that is smaller than the kernel.
    pub fn size_out(&self, size_in: [usize; 2]) -> Option<[usize; 2]> {
        let reach = self.dilation * (self.kernel - 1) + 1;
        let [height, width] = size_in.map(|size| (size + 2 * self.padding).checked_sub(reach));
        Some([height? / self.stride + 1, width? / self.stride + 1])
    }

    pub(super) fn check(&self, weights: usize, shift: usize) -> Result<(), ConvolutionError> {
        let &Self { channels_in, channels_out, groups, kernel, stride, dilation, .. } = self;
        if [channels_in, channels_out, groups, kernel, stride, dilation].contains(&0) {
            return Err(ConvolutionError::Zero(*self));
        }
        if groups != 1 && (groups != channels_in || groups != channels_out) {
            return Err(ConvolutionError::Groups(*self));
        }
        let lengths =
            [("weights", weights, channels_out * channels_in / groups * self.taps()), ("shifts", shift, channels_out)];
        for (what, actual, expected) in lengths {
            if actual != expected {
                return Err(ConvolutionError::Length { what, actual, expected });
            }
        }
        Ok(())
    }

    pub(super) fn taps(&self) -> usize {
        self.kernel * self.kernel
    }
}
