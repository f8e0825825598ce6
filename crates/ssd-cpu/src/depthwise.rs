//! 3x3 depthwise convolution of single planes, and its two gradients.
//!
//! A plane is first laid out such that each of the nine taps, for all outputs, is one contiguous run of memory: with zeros around it, and for stride 2
//! split into its even and odd rows and columns (four phases). Output `(y, x)` then stands at `y * pitch + x`, tap `k` of it `offsets[k]` further on in
//! the laid-out plane, and a convolution is a sum of nine shifted runs with no borders to mind. The columns from the output's width up to the pitch are computed
//! and thrown away.

use burn::backend::flex::FlexTensor;

use crate::memory::{Values, primitive};
use crate::planes::{LANES, for_each};

/// Where things stand in a laid-out plane.
#[derive(Clone, Copy)]
struct Layout {
    /// Columns of the input.
    width: usize,
    stride: usize,
    out_height: usize,
    out_width: usize,
    /// Elements from one output row to the next.
    pitch: usize,
    /// Elements of one phase.
    phase: usize,
    /// Elements from an output to each of its taps, row by row.
    offsets: [usize; 9],
}

impl Layout {
    fn new(height: usize, width: usize, stride: usize) -> Self {
        let (out_height, out_width) = ((height - 1) / stride + 1, (width - 1) / stride + 1);
        // A tap reaches two columns to the right with stride 1 and one column of its phase with stride 2; rows likewise.
        let reach = if stride == 1 { 2 } else { 1 };
        let pitch = out_width + reach;
        let phase = (out_height + reach) * pitch;
        let offsets = std::array::from_fn(|k| {
            let (row, column) = (k / 3, k % 3);
            let phases = (row % stride) * stride + column % stride;
            phases * phase + (row / stride) * pitch + column / stride
        });
        Self { width, stride, out_height, out_width, pitch, phase, offsets }
    }

    /// Elements of all output rows with their pitch, in whole blocks.
    fn outputs(&self) -> usize {
        (self.out_height * self.pitch).next_multiple_of(LANES)
    }

    /// Elements of a laid-out plane, with room for the taps of the last block.
    fn plane(&self) -> usize {
        self.stride * self.stride * self.phase + 2 * LANES
    }

    /// Copies an input plane to its place; what is not written stays zero.
    #[inline(always)]
    fn spread(&self, plane: &[f32], laid_out: &mut [f32]) {
        for (y, row) in plane.chunks_exact(self.width).enumerate() {
            let (even, odd) = self.row_starts(y);
            if self.stride == 1 {
                laid_out[even..even + self.width].copy_from_slice(row);
            } else {
                let (evens, odds) = (self.width.div_ceil(2), self.width / 2);
                for (to, pair) in laid_out[even..even + evens].iter_mut().zip(row.chunks(2)) {
                    *to = pair[0];
                }
                for (to, pair) in laid_out[odd..odd + odds].iter_mut().zip(row.chunks_exact(2)) {
                    *to = pair[1];
                }
            }
        }
    }

    /// The way back: takes an input plane from where [`Self::spread`] puts it.
    #[inline(always)]
    fn collect(&self, laid_out: &[f32], plane: &mut [f32]) {
        for (y, row) in plane.chunks_exact_mut(self.width).enumerate() {
            let (even, odd) = self.row_starts(y);
            if self.stride == 1 {
                row.copy_from_slice(&laid_out[even..even + self.width]);
            } else {
                let (evens, odds) = (self.width.div_ceil(2), self.width / 2);
                for (pair, from) in row.chunks_mut(2).zip(&laid_out[even..even + evens]) {
                    pair[0] = *from;
                }
                for (pair, from) in row.chunks_exact_mut(2).zip(&laid_out[odd..odd + odds]) {
                    pair[1] = *from;
                }
            }
        }
    }

    /// Where columns 0, 2, ... and columns 1, 3, ... of input row `y` start; with stride 1 the first is the whole row.
    #[inline(always)]
    fn row_starts(&self, y: usize) -> (usize, usize) {
        // One row and one column of zeros come before the input.
        let (row, pitch, phase) = (y + 1, self.pitch, self.phase);
        if self.stride == 1 {
            return (row * pitch + 1, 0);
        }
        let start = (row % 2) * 2 * phase + (row / 2) * pitch;
        (start + phase, start + 1)
    }
}

/// `[B, C, H, W]` and `[C, 1, 3, 3]` to `[B, C, H', W']`.
pub(crate) fn forward(x: &Values, weight: &Values, stride: usize) -> FlexTensor {
    let [batch, channels, height, width] = x.shape();
    let layout = Layout::new(height, width, stride);
    let Layout { out_height, out_width, pitch, offsets, .. } = layout;
    let mut out = vec![0.0; batch * channels * out_height * out_width];
    let scratch = || (vec![0.0; layout.plane()], vec![0.0; layout.outputs()]);
    let (planes, weights) = (x.slice(), weight.slice());
    for_each(
        &mut out,
        out_height * out_width,
        scratch,
        #[inline(always)]
        |(laid_out, sums), i, out| {
            layout.spread(&planes[i * height * width..][..height * width], laid_out);
            sum_taps(laid_out, offsets, taps(weights, i % channels), sums);
            for (to, from) in out.chunks_exact_mut(out_width).zip(sums.chunks(pitch)) {
                to.copy_from_slice(&from[..out_width]);
            }
        },
    );
    primitive(out, [batch, channels, out_height, out_width])
}

/// The gradient by the input, from the one by the output: every tap's weight goes back to where the tap came from.
pub(crate) fn input_gradient(gradient: &Values, weight: &Values, stride: usize, shape: [usize; 4]) -> FlexTensor {
    let [batch, channels, height, width] = shape;
    let layout = Layout::new(height, width, stride);
    let Layout { phase, offsets, .. } = layout;
    let mut out = vec![0.0; batch * channels * height * width];
    // A run shifted forwards reads the gradient shifted backwards: zeros before it, as many as the longest shift within a phase.
    let lead = offsets.map(|offset| offset % phase).into_iter().max().unwrap_or(0);
    let size = phase.next_multiple_of(LANES);
    let phases = stride * stride;
    let scratch = || (vec![0.0; lead + size], vec![0.0; phases * phase + LANES]);
    let (gradients, weights) = (gradient.slice(), weight.slice());
    let plane = layout.out_height * layout.out_width;
    for_each(
        &mut out,
        height * width,
        scratch,
        #[inline(always)]
        |(pitched, laid_out), i, out| {
            add_pitch(&gradients[i * plane..][..plane], &layout, &mut pitched[lead..]);
            let w = taps(weights, i % channels);
            // Where the run of tap `k` starts; which taps fall into which phase is fixed: with stride 2 the even rows and columns
            // are reached by the outer taps, the odd ones by the middle tap.
            let start = |k: usize| lead - offsets[k] % phase;
            if stride == 1 {
                sum_taps(pitched, std::array::from_fn(start), w, &mut laid_out[..size]);
            } else {
                sum_taps(pitched, [0, 2, 6, 8].map(start), [0, 2, 6, 8].map(|k: usize| w[k]), &mut laid_out[..size]);
                sum_taps(pitched, [1, 7].map(start), [1, 7].map(|k: usize| w[k]), &mut laid_out[phase..][..size]);
                sum_taps(pitched, [3, 5].map(start), [3, 5].map(|k: usize| w[k]), &mut laid_out[2 * phase..][..size]);
                sum_taps(pitched, [start(4)], [w[4]], &mut laid_out[3 * phase..][..size]);
            }
            layout.collect(laid_out, out);
        },
    );
    primitive(out, shape)
}

/// The gradient by the weights: the product of the output's gradient with each tap's run, summed over planes and images.
pub(crate) fn weight_gradient(x: &Values, gradient: &Values, stride: usize) -> FlexTensor {
    let [batch, channels, height, width] = x.shape();
    let layout = Layout::new(height, width, stride);
    let plane = layout.out_height * layout.out_width;
    let scratch = || (vec![0.0; layout.plane()], vec![0.0; layout.outputs()]);
    let (planes, gradients) = (x.slice(), gradient.slice());
    let mut out = vec![0.0; channels * 9];
    for_each(
        &mut out,
        9,
        scratch,
        #[inline(always)]
        |(laid_out, pitched), channel, out| {
            for image in 0..batch {
                let i = image * channels + channel;
                layout.spread(&planes[i * height * width..][..height * width], laid_out);
                add_pitch(&gradients[i * plane..][..plane], &layout, pitched);
                for (row, out) in out.chunks_exact_mut(3).enumerate() {
                    let offsets = std::array::from_fn(|k| layout.offsets[3 * row + k]);
                    for (out, sum) in out.iter_mut().zip(dot_taps(laid_out, offsets, pitched)) {
                        *out += sum;
                    }
                }
            }
        },
    );
    primitive(out, [channels, 1, 3, 3])
}

/// The nine weights of a channel.
#[inline(always)]
fn taps(weights: &[f32], channel: usize) -> [f32; 9] {
    std::array::from_fn(|k| weights[channel * 9 + k])
}

/// Output rows to their places in a laid-out plane; the columns between stay zero.
#[inline(always)]
fn add_pitch(plane: &[f32], layout: &Layout, pitched: &mut [f32]) {
    for (from, to) in plane.chunks_exact(layout.out_width).zip(pitched.chunks_mut(layout.pitch)) {
        to[..layout.out_width].copy_from_slice(from);
    }
}

/// `out[i] = sum over k of weights[k] * runs[offsets[k] + i]`, in whole blocks.
#[inline(always)]
fn sum_taps<const N: usize>(runs: &[f32], offsets: [usize; N], weights: [f32; N], out: &mut [f32]) {
    for (i, out) in out.chunks_exact_mut(LANES).enumerate() {
        let mut sum = [0.0; LANES];
        for (offset, weight) in offsets.iter().zip(weights) {
            let run = &runs[offset + i * LANES..][..LANES];
            for (sum, value) in sum.iter_mut().zip(run) {
                *sum += weight * value;
            }
        }
        out.copy_from_slice(&sum);
    }
}

/// `sum over i of runs[offsets[k] + i] * values[i]` for each of three taps, in whole blocks.
#[inline(always)]
fn dot_taps(runs: &[f32], offsets: [usize; 3], values: &[f32]) -> [f32; 3] {
    let mut sums = [[0.0; LANES]; 3];
    for (i, values) in values.chunks_exact(LANES).enumerate() {
        for (sums, offset) in sums.iter_mut().zip(offsets) {
            let run = &runs[offset + i * LANES..][..LANES];
            for ((sum, value), tap) in sums.iter_mut().zip(values).zip(run) {
                *sum += value * tap;
            }
        }
    }
    sums.map(|lanes| lanes.iter().sum())
}
