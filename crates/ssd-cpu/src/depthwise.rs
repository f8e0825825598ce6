//! 3x3 depthwise convolution, plane by plane.
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
pub(crate) struct Layout {
    /// Columns of the input.
    pub(crate) width: usize,
    pub(crate) stride: usize,
    pub(crate) out_height: usize,
    pub(crate) out_width: usize,
    /// Elements from one output row to the next.
    pub(crate) pitch: usize,
    /// Elements of one phase.
    pub(crate) phase: usize,
    /// Elements from an output to each of its taps, row by row.
    pub(crate) offsets: [usize; 9],
}

impl Layout {
    pub(crate) fn new(height: usize, width: usize, stride: usize) -> Self {
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
    pub(crate) fn outputs(&self) -> usize {
        (self.out_height * self.pitch).next_multiple_of(LANES)
    }

    /// Elements of a laid-out plane, with room for the taps of the last block.
    pub(crate) fn plane(&self) -> usize {
        self.stride * self.stride * self.phase + 2 * LANES
    }

    /// Copies an input plane to its place; what is not written stays zero.
    #[inline(always)]
    pub(crate) fn spread(&self, plane: &[f32], laid_out: &mut [f32]) {
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

    /// Where columns 0, 2, ... and columns 1, 3, ... of input row `y` start; with stride 1 the first is the whole row.
    #[inline(always)]
    pub(crate) fn row_starts(&self, y: usize) -> (usize, usize) {
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

/// The nine weights of a channel.
#[inline(always)]
pub(crate) fn taps(weights: &[f32], channel: usize) -> [f32; 9] {
    std::array::from_fn(|k| weights[channel * 9 + k])
}

/// `out[i] = sum over k of weights[k] * runs[offsets[k] + i]`.
#[inline(always)]
pub(crate) fn sum_taps<const N: usize>(runs: &[f32], offsets: [usize; N], weights: [f32; N], out: &mut [f32]) {
    let runs = offsets.map(|offset| &runs[offset..][..out.len()]);
    for (i, out) in out.iter_mut().enumerate() {
        let mut sum = 0.0;
        for (run, weight) in runs.iter().zip(weights) {
            sum += weight * run[i];
        }
        *out = sum;
    }
}
