//! The two gradients of the depthwise convolution, on planes laid out as its forward pass lays them out.

use burn::backend::flex::FlexTensor;

use crate::ConvShape;
use crate::depthwise::{Layout, sum_taps, taps};
use crate::memory::{Values, primitive};
use crate::planes::{LANES, for_each};

/// The gradient by the input `[B, C, H, W]`, from the one by the output: every tap's weight goes back to where the tap
/// came from.
pub(crate) fn input_gradient(gradient: &Values, weight: &Values, shape: &ConvShape, dims: [usize; 4]) -> FlexTensor {
    let [batch, channels, height, width] = dims;
    let layout = Layout::new(shape, [height, width]);
    let Layout { stride, phase, offsets, .. } = layout;
    let mut out = vec![0.0; batch * channels * height * width];
    // A run shifted forwards reads the gradient shifted backwards: zeros come before it, up to the longest shift within
    // a phase.
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
            // Where the run of tap `k` starts; which taps fall into which phase is fixed: with stride 2 the even rows
            // and columns are reached by the outer taps, the odd ones by the middle tap.
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
    primitive(out, dims)
}

/// The gradient by the weights: the product of the output's gradient with each tap's run, summed over planes and
/// images.
pub(crate) fn weight_gradient(x: &Values, gradient: &Values, shape: &ConvShape) -> FlexTensor {
    let [batch, channels, height, width] = x.shape();
    let layout = Layout::new(shape, [height, width]);
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

impl Layout {
    /// The way back: takes an input plane from where [`Self::spread`] puts it.
    #[inline(always)]
    fn collect(&self, laid_out: &[f32], plane: &mut [f32]) {
        for (y, row) in plane.chunks_exact_mut(self.width).enumerate() {
            let [even, odd] = self.row_starts(y);
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
}

/// Output rows to their places in a laid-out plane; the columns between stay zero.
#[inline(always)]
fn add_pitch(plane: &[f32], layout: &Layout, pitched: &mut [f32]) {
    for (from, to) in plane.chunks_exact(layout.out_width).zip(pitched.chunks_mut(layout.pitch)) {
        to[..layout.out_width].copy_from_slice(from);
    }
}

/// `sum over i of runs[offsets[k] + i] * values[i]` for each of three taps; `values` in whole blocks.
#[inline(always)]
fn dot_taps(runs: &[f32], offsets: [usize; 3], values: &[f32]) -> [f32; 3] {
    let blocks = |offset: usize| runs[offset..].as_chunks::<LANES>().0;
    let [a, b, c] = offsets.map(blocks);
    let mut sums = [[0.0; LANES]; 3];
    for (((value, a), b), c) in values.as_chunks::<LANES>().0.iter().zip(a).zip(b).zip(c) {
        for lane in 0..LANES {
            sums[0][lane] += value[lane] * a[lane];
            sums[1][lane] += value[lane] * b[lane];
            sums[2][lane] += value[lane] * c[lane];
        }
    }
    sums.map(|lanes| lanes.iter().sum())
}
