//! The meaning of the network's kernels: one picture, one step with all that is folded into it, in plain numbers.
//!
//! `conv`, `conv_plain`, `conv_sum`, `depthwise` and the three `winograd_*` together are [`convolve`] for their shapes;
//! `max_pool`, `average`, `scale` and `l2norm` have functions of their names. They are written to be read, not to be
//! fast: nothing computes with them but the tests and the page's self-test.

use crate::{ConvShape, Pool};

/// Added to the sum of squares by [`l2norm`]: a cell of zeros stays zero instead of 0/0, and no other cell changes.
pub const L2NORM_EPSILON: f32 = 1e-10;

/// `activation(input * weights + shift)`.
///
/// # Shapes
///
/// - `input`: `[channels_in, size_in]`
/// - `weights`: `[channels_out, channels_in / groups, k, k]`; `shift`: `[channels_out]`
/// - output: `[channels_out, H', W']`
pub fn convolve(shape: &ConvShape, input: &[f32], size_in: [usize; 2], weights: &[f32], shift: &[f32]) -> Vec<f32> {
    let [rows, columns] = shape.size_out(size_in);
    let window = |index: usize| (index / (rows * columns), [index / columns % rows, index % columns]);
    let outputs = (0..shape.channels_out * rows * columns).map(window);
    outputs
        .map(|(channel, at)| shape.activation.of(shift[channel] + sum(shape, input, size_in, weights, channel, at)))
        .collect()
}

/// The products under one window.
fn sum(
    shape: &ConvShape,
    input: &[f32],
    [height, width]: [usize; 2],
    weights: &[f32],
    channel: usize,
    at: [usize; 2],
) -> f32 {
    let per_group = shape.channels_in / shape.groups;
    let first = channel / (shape.channels_out / shape.groups) * per_group;
    let tap =
        |axis: usize, k: usize| (at[axis] * shape.stride + k * shape.dilation).checked_sub(shape.padding.before[axis]);
    let mut sum = 0.0;
    for ky in 0..shape.kernel {
        for kx in 0..shape.kernel {
            let (Some(y), Some(x)) = (tap(0, ky), tap(1, kx)) else { continue };
            if y >= height || x >= width {
                continue;
            }
            for c in 0..per_group {
                let weight = weights[((channel * per_group + c) * shape.kernel + ky) * shape.kernel + kx];
                sum += f64::from(weight) * f64::from(input[((first + c) * height + y) * width + x]);
            }
        }
    }
    sum as f32
}

/// What of a gradient by the output of [`convolve`] arrives at its input, its weights and its shift. `None` for an
/// activation that does more than clamp.
///
/// # Shapes
///
/// - `input`, `weights`: as for [`convolve`], whose result is `output`; `gradient`: like `output`
/// - output: like `input`, `weights` and `shift`
#[cfg(feature = "autodiff")]
pub fn convolve_gradients(
    shape: &ConvShape,
    input: &[f32],
    [height, width]: [usize; 2],
    weights: &[f32],
    output: &[f32],
    gradient: &[f32],
) -> Option<[Vec<f32>; 3]> {
    let bounds = shape.activation.bounds()?;
    let [rows, columns] = shape.size_out([height, width]);
    let per_group = shape.channels_in / shape.groups;
    let mut sums = [input.len(), weights.len(), shape.channels_out].map(|length| vec![0.0; length]);
    let [by_input, by_weights, by_shift] = &mut sums;
    for (index, (output, gradient)) in output.iter().zip(gradient).enumerate() {
        if !bounds.pass(*output) {
            continue;
        }
        let (gradient, channel) = (f64::from(*gradient), index / (rows * columns));
        by_shift[channel] += gradient;
        let first = channel / (shape.channels_out / shape.groups) * per_group;
        for tap in 0..per_group * shape.taps() {
            let [c, k] = [tap / shape.taps(), tap % shape.taps()];
            let at = [index / columns % rows, index % columns];
            let by_axis = [k / shape.kernel, k % shape.kernel];
            let inside = |axis: usize| {
                (at[axis] * shape.stride + by_axis[axis] * shape.dilation)
                    .checked_sub(shape.padding.before[axis])
                    .filter(|i| *i < [height, width][axis])
            };
            if let (Some(y), Some(x)) = (inside(0), inside(1)) {
                let number = ((first + c) * height + y) * width + x;
                let weight = channel * per_group * shape.taps() + tap;
                by_input[number] += gradient * f64::from(weights[weight]);
                by_weights[weight] += gradient * f64::from(input[number]);
            }
        }
    }
    Some(sums.map(|sums| sums.into_iter().map(|sum| sum as f32).collect()))
}

/// The largest number under each window of a map, `[channels, H, W]`.
pub fn max_pool(pool: &Pool, map: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let [rows, columns] = pool.size_out([height, width]);
    let [top, left] = pool.padding.before;
    let window = |at: usize, before: usize, size: usize| {
        let start = at * pool.stride;
        start.saturating_sub(before)..(start + pool.kernel).saturating_sub(before).min(size)
    };
    let largest = |plane: &[f32], y: usize, x: usize| {
        let row = |row: usize| window(x, left, width).map(move |column| plane[row * width + column]);
        window(y, top, height).flat_map(row).fold(f32::NEG_INFINITY, f32::max)
    };
    let plane = |plane: &[f32]| -> Vec<f32> {
        (0..rows * columns).map(|index| largest(plane, index / columns, index % columns)).collect()
    };
    map.chunks_exact(height * width).flat_map(plane).collect()
}

/// The mean of each channel of a map, `[channels, pixels]`.
pub fn average(map: &[f32], channels: usize) -> Vec<f32> {
    let pixels = map.len() / channels;
    map.chunks_exact(pixels).map(|plane| plane.iter().sum::<f32>() / pixels as f32).collect()
}

/// Each channel of a map, `[channels, pixels]`, times its own factor.
pub fn scale(map: &[f32], factors: &[f32]) -> Vec<f32> {
    let pixels = map.len() / factors.len();
    map.iter().enumerate().map(|(index, value)| value * factors[index / pixels]).collect()
}

/// Each pixel's channels divided by their length, times `scale`: SSD's paper, §3.1. The map is `[channels, pixels]`.
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
