//! The meaning of the network kernels: one picture, one step with what is folded into it, in plain `f32`.
//!
//! `conv`, `conv_plain`, `conv_sum`, `depthwise` and, all three together, `winograd_*` in `shaders/` are [`ConvShape::convolve`] for
//! their shapes; `max_pool`, `average`, `scale` and `l2norm` have functions of their names. They are written to be read, not to be fast: nothing
//! computes with them but the tests and the page's self-test.

use ssd_cpu::Activation;

use crate::model::{L2NORM_EPSILON, Pool};

/// The shape of a convolution of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels of the input.
    pub channels_in: usize,
    /// Channels of the output.
    pub channels_out: usize,
    /// 1 for a dense one, the number of channels for a depthwise one.
    pub groups: usize,
    /// Height and width of the input.
    pub size_in: [usize; 2],
    /// Taps in each direction.
    pub kernel: usize,
    /// Step between two output positions.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
    /// Distance of two taps.
    pub dilation: usize,
    /// What follows the sum.
    pub activation: Activation,
}

impl ConvShape {
    /// Height and width of the output.
    pub fn size_out(&self) -> [usize; 2] {
        let reach = self.dilation * (self.kernel - 1) + 1;
        self.size_in.map(|size| (size + 2 * self.padding - reach) / self.stride + 1)
    }

    /// Multiplications of one picture, each with its addition.
    pub fn multiply_adds(&self) -> usize {
        let [height, width] = self.size_out();
        height * width * self.channels_out * self.channels_in / self.groups * self.kernel * self.kernel
    }

    /// `activation(input * weights + shift)`.
    ///
    /// # Shapes
    ///
    /// - `input`: `[channels_in, H, W]`
    /// - `weights`: `[channels_out, channels_in / groups, k, k]`; `shift`: `[channels_out]`
    /// - output: `[channels_out, H', W']`
    pub fn convolve(&self, input: &[f32], weights: &[f32], shift: &[f32]) -> Vec<f32> {
        let [height, width] = self.size_out();
        let positions = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        let outputs = (0..self.channels_out).flat_map(|channel| positions.clone().map(move |at| (channel, at)));
        outputs
            .map(|(channel, at)| self.activation.of(shift[channel] + self.sum(input, weights, channel, at)))
            .collect()
    }

    /// The products under the window at an output position.
    fn sum(&self, input: &[f32], weights: &[f32], channel: usize, (y, x): (usize, usize)) -> f32 {
        let per_group = self.channels_in / self.groups;
        let first = channel / (self.channels_out / self.groups) * per_group;
        let [height, width] = self.size_in;
        let tap = |at: usize, k: usize| (at * self.stride + k * self.dilation).checked_sub(self.padding);
        let mut sum = 0.0;
        for ky in 0..self.kernel {
            for kx in 0..self.kernel {
                let (Some(y), Some(x)) = (tap(y, ky), tap(x, kx)) else { continue };
                if y >= height || x >= width {
                    continue;
                }
                for c in 0..per_group {
                    let weight = weights[((channel * per_group + c) * self.kernel + ky) * self.kernel + kx];
                    sum += weight * input[((first + c) * height + y) * width + x];
                }
            }
        }
        sum
    }
}

/// `max_pool` of one picture's map, `[channels, H, W]`.
pub fn max_pool(pool: &Pool, map: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let [rows, columns] = pool.size_out([height, width]);
    let window = |at: usize, size: usize| {
        let start = at * pool.stride;
        start.saturating_sub(pool.padding)..(start + pool.kernel - pool.padding).min(size)
    };
    let largest = |plane: &[f32], y: usize, x: usize| {
        let pixels = window(y, height).flat_map(|row| window(x, width).map(move |column| plane[row * width + column]));
        pixels.fold(f32::NEG_INFINITY, f32::max)
    };
    let plane = |plane: &[f32]| -> Vec<f32> {
        (0..rows * columns).map(|pixel| largest(plane, pixel / columns, pixel % columns)).collect()
    };
    map.chunks_exact(height * width).flat_map(plane).collect()
}

/// `average` of one picture's map, `[channels, pixels]`: the mean of each channel.
pub fn average(map: &[f32], channels: usize) -> Vec<f32> {
    let pixels = map.len() / channels;
    map.chunks_exact(pixels).map(|plane| plane.iter().sum::<f32>() / pixels as f32).collect()
}

/// `scale` of one picture's map, `[channels, pixels]`: each channel times its own factor.
pub fn scale(map: &[f32], factors: &[f32]) -> Vec<f32> {
    let pixels = map.len() / factors.len();
    map.iter().enumerate().map(|(index, value)| value * factors[index / pixels]).collect()
}

/// `l2norm` of one picture's map, `[channels, pixels]`: paper §3.1. Twin of [`crate::model::L2Norm::forward`], too.
pub fn l2norm(map: &[f32], scale: &[f32]) -> Vec<f32> {
    let pixels = map.len() / scale.len();
    let length = |pixel: usize| {
        let squares = map.iter().skip(pixel).step_by(pixels).map(|value| value * value);
        (squares.sum::<f32>() + L2NORM_EPSILON).sqrt()
    };
    let lengths: Vec<f32> = (0..pixels).map(length).collect();
    let scaled = |(index, value): (usize, &f32)| value / lengths[index % pixels] * scale[index / pixels];
    map.iter().enumerate().map(scaled).collect()
}
