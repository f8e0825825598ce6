//! Shapes of convolutions and poolings, for any size of map and for every engine.

use std::ops::Range;

use crate::Activation;

/// How far windows reach over the edges of a map, as `[rows, columns]`. A convolution reads zeros there; a pooling
/// ignores them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Padding {
    /// Above the map, and to its left.
    pub before: [usize; 2],
    /// Below the map, and to its right.
    pub after: [usize; 2],
}

impl Padding {
    /// None.
    pub const NONE: Self = Self::even(0);

    /// The same on all four sides.
    pub const fn even(width: usize) -> Self {
        Self { before: [width; 2], after: [width; 2] }
    }

    /// TensorFlow's `SAME` for a map of `size_in`: enough for `size_in / stride` windows, rounded up. An odd total puts
    /// the larger part after the map.
    pub fn same(size_in: [usize; 2], kernel: usize, stride: usize, dilation: usize) -> Self {
        let total = size_in.map(|size| {
            let last = size.div_ceil(stride).saturating_sub(1) * stride;
            (last + reach(kernel, dilation)).saturating_sub(size)
        });
        Self { before: total.map(|total| total / 2), after: total.map(|total| total.div_ceil(2)) }
    }

    /// Before and after, for rows and for columns.
    pub fn by_axis(&self) -> [(usize, usize); 2] {
        [0, 1].map(|axis| (self.before[axis], self.after[axis]))
    }

    /// Top, left, bottom, right.
    pub fn sides(&self) -> [usize; 4] {
        let ([top, left], [bottom, right]) = (self.before, self.after);
        [top, left, bottom, right]
    }

    /// Windows of `reach` pixels on a map of `size_in`: rows and columns of the output.
    fn windows(&self, size_in: [usize; 2], reach: usize, stride: usize) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let size = self.before[axis] + size_in[axis] + self.after[axis];
            size.checked_sub(reach).map_or(0, |room| room / stride + 1)
        })
    }
}

impl From<usize> for Padding {
    /// [`Padding::even`].
    fn from(width: usize) -> Self {
        Self::even(width)
    }
}

/// Pixels from the first tap of a kernel to its last.
fn reach(kernel: usize, dilation: usize) -> usize {
    dilation * kernel.saturating_sub(1) + 1
}

/// The shape of a convolution with a square kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels of the input.
    pub channels_in: usize,
    /// Channels of the output.
    pub channels_out: usize,
    /// 1 for a dense one, the number of channels for a depthwise one.
    pub groups: usize,
    /// Taps in each direction.
    pub kernel: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// Pixels from one tap to the next.
    pub dilation: usize,
    /// Applied to the sum.
    pub activation: Activation,
}

impl ConvShape {
    /// A dense convolution without activation and with stride 1, which an odd kernel makes keep the size.
    pub const fn dense(channels_in: usize, channels_out: usize, kernel: usize) -> Self {
        Self {
            channels_in,
            channels_out,
            groups: 1,
            kernel,
            stride: 1,
            padding: Padding::even(kernel / 2),
            dilation: 1,
            activation: Activation::None,
        }
    }

    /// The same for each channel by itself.
    pub const fn depthwise(channels: usize, kernel: usize) -> Self {
        Self { groups: channels, ..Self::dense(channels, channels, kernel) }
    }

    /// Rows and columns of the output, 0 where the kernel does not fit on the padded input.
    pub fn size_out(&self, size_in: [usize; 2]) -> [usize; 2] {
        self.padding.windows(size_in, reach(self.kernel, self.dilation), self.stride)
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// How many weights it has.
    pub fn weights(&self) -> usize {
        self.channels_out * (self.channels_in / self.groups) * self.taps()
    }

    /// Multiplications for one picture, each with its addition.
    pub fn multiply_adds(&self, size_in: [usize; 2]) -> usize {
        self.size_out(size_in).iter().product::<usize>() * self.weights()
    }
}

/// A max pooling with a square window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Side of the window.
    pub kernel: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// Narrower than the window, so that each window holds a pixel of the map. PyTorch's `ceil_mode` is `stride - 1`
    /// pixels after.
    pub padding: Padding,
}

impl Pool {
    /// Rows and columns of the output, 0 where the window does not fit on the padded map.
    pub fn size_out(&self, size_in: [usize; 2]) -> [usize; 2] {
        self.padding.windows(size_in, self.kernel, self.stride)
    }

    /// The rows (`axis` 0) or columns (1) of a map, `size` of them, under the window at that place of the output.
    #[inline(always)]
    pub(crate) fn window(&self, axis: usize, at: usize, size: usize) -> Range<usize> {
        let (start, before) = (at * self.stride, self.padding.before[axis]);
        start.saturating_sub(before)..(start + self.kernel).saturating_sub(before).min(size)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // `tf.nn.conv2d` with 300 pixels: the first layer of MobileNet, and one of each parity.
    #[test]
    fn same_is_tensorflows() {
        let padding = |before, after| Padding { before: [before; 2], after: [after; 2] };
        assert_eq!(Padding::same([300; 2], 3, 2, 1), padding(0, 1));
        assert_eq!(Padding::same([75; 2], 3, 2, 1), padding(1, 1));
        assert_eq!(Padding::same([19; 2], 3, 1, 1), padding(1, 1));
        assert_eq!(Padding::same([10; 2], 4, 1, 1), padding(1, 2));
        assert_eq!(Padding::same([19; 2], 3, 1, 6), padding(6, 6));
        assert_eq!(Padding::same([10; 2], 1, 2, 1), padding(0, 0));
        assert_eq!(Padding::same([300, 75], 3, 2, 1), Padding { before: [0, 1], after: [1, 1] });
    }

    proptest! {
        #[test]
        fn same_makes_one_window_for_every_stride(
            size in [1..40usize, 1..40usize], kernel in 1..6usize, stride in 1..4usize, dilation in 1..4usize,
        ) {
            let padding = Padding::same(size, kernel, stride, dilation);
            let shape = ConvShape { padding, stride, dilation, ..ConvShape::dense(1, 1, kernel) };
            prop_assert_eq!(shape.size_out(size), size.map(|size| size.div_ceil(stride)));
            prop_assert!(padding.by_axis().iter().all(|(before, after)| *after == *before || *after == before + 1));
        }

        #[test]
        fn rounding_up_is_padding_after(size in 2..40usize, stride in 1..4usize) {
            let after = Padding { before: [0; 2], after: [stride - 1; 2] };
            let pool = Pool { kernel: stride, stride, padding: after };
            prop_assert_eq!(pool.size_out([size; 2]), [size.div_ceil(stride); 2]);
        }
    }
}
