//! 3x3 depthwise convolution with stride 1 or 2, plane by plane.
//!
//! A plane is first laid out so that each of the nine taps, for all outputs, is one contiguous run of memory: with the
//! padding's zeros around it, and for stride 2 split into its even and odd rows and columns (four phases). Output `(y,
//! x)` then stands at `y * pitch + x`, its tap `k` `offsets[k]` further on in the laid-out plane, and a convolution is
//! a sum of nine shifted runs without borders. The columns from the output's width up to the pitch are computed and
//! thrown away.

use burn::backend::flex::FlexTensor;

use crate::ConvShape;
use crate::memory::{Values, primitive};
use crate::planes::{LANES, for_each};

/// Where things stand in a laid-out plane.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// Columns of the input.
    pub(crate) width: usize,
    pub(crate) stride: usize,
    /// Rows and columns of zeros before the input.
    before: [usize; 2],
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
    pub(crate) fn new(shape: &ConvShape, [height, width]: [usize; 2]) -> Self {
        let stride = shape.stride;
        let [out_height, out_width] = shape.size_out([height, width]);
        // A tap reaches two columns to the right with stride 1 and one column of its phase with stride 2; rows
        // likewise.
        let reach = if stride == 1 { 2 } else { 1 };
        let pitch = out_width + reach;
        let phase = (out_height + reach) * pitch;
        let offsets = std::array::from_fn(|k| {
            let (row, column) = (k / 3, k % 3);
            let phases = (row % stride) * stride + column % stride;
            phases * phase + (row / stride) * pitch + column / stride
        });
        Self { width, stride, before: shape.padding.before, out_height, out_width, pitch, phase, offsets }
    }

    /// Elements of all output rows with their pitch, in whole blocks.
    pub(crate) fn outputs(&self) -> usize {
        (self.out_height * self.pitch).next_multiple_of(LANES)
    }

    /// Elements of a laid-out plane, with room for the taps of the last block.
    pub(crate) fn plane(&self) -> usize {
        self.stride * self.stride * self.phase + 2 * LANES
    }

    /// Copies an input plane to its place; the rest stays zero.
    #[inline(always)]
    pub(crate) fn spread(&self, plane: &[f32], laid_out: &mut [f32]) {
        for (y, row) in plane.chunks_exact(self.width).enumerate() {
            let [even, odd] = self.row_starts(y);
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
    pub(crate) fn row_starts(&self, y: usize) -> [usize; 2] {
        let &Self { stride, before: [top, left], pitch, phase, .. } = self;
        let row = y + top;
        [left, left + 1].map(|column| {
            let phases = (row % stride) * stride + column % stride;
            phases * phase + (row / stride) * pitch + column / stride
        })
    }
}

/// `[B, C, H, W]` and `[C, 1, 3, 3]` to `[B, C, H', W']`.
pub(crate) fn forward(x: &Values, weight: &Values, shape: &ConvShape) -> FlexTensor {
    let [batch, channels, height, width] = x.shape();
    let layout = Layout::new(shape, [height, width]);
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
