//! Depthwise convolutions, plane by plane, forward and backward.
//!
//! A plane is laid out in a [`Grid`], so that each tap, for all outputs, is one contiguous run: the convolution is a
//! sum of runs, and so is its gradient by the input; the gradient by a weight is the product of a run with the output's
//! gradient.
mod backward;
pub(crate) use self::backward::backward;

use crate::activation::Bounds;
use crate::grid::{Grid, SLACK};
use crate::planes::for_each_piece;
use crate::simd::{Lanes, MOST_LANES, Vectorized, vectorized};
use crate::{ConvShape, pool};

/// Registers of a run that are summed side by side: enough to wait for no sum.
const SIDE_BY_SIDE: usize = 8;

/// `clamp(x * weight + bias)`.
///
/// # Shapes
///
/// - `x`: `[B, C, H, W]`; `weight`: `[C, 1, k, k]`; `bias`: `[C]`
/// - output: `[B, C, H', W']`
pub(crate) fn forward(
    shape: &ConvShape,
    x: &[f32],
    size: [usize; 2],
    weight: &[f32],
    bias: &[f32],
    bounds: Bounds,
) -> Vec<f32> {
    let grid = &Grid::new(shape, size);
    let (plane, [height_out, width_out]) = (size[0] * size[1], grid.size_out);
    let offsets = grid.offsets(height_out);
    let mut out = pool::take(x.len() / plane * height_out * width_out);
    let scratch = || (vec![0.0; grid.plane(height_out) + SLACK], vec![0.0; height_out * grid.pitch]);
    for_each_piece(&mut out, height_out * width_out, scratch, |(laid_out, sums), i, out| {
        let channel = i % shape.channels_out;
        let weights = &weight[channel * shape.taps()..][..shape.taps()];
        let (plane, bias) = (&x[i * plane..][..plane], bias[channel]);
        vectorized(Forward { grid, offsets: &offsets, plane, weights, bias, bounds, laid_out, sums, out });
    });
    out
}

/// One plane.
struct Forward<'a> {
    grid: &'a Grid,
    offsets: &'a [usize],
    plane: &'a [f32],
    weights: &'a [f32],
    bias: f32,
    bounds: Bounds,
    laid_out: &'a mut [f32],
    sums: &'a mut [f32],
    out: &'a mut [f32],
}

impl Vectorized for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { grid, offsets, plane, weights, bias, bounds, laid_out, sums, out } = self;
        let [height_out, width_out] = grid.size_out;
        let length = grid.plane(height_out);
        grid.spread(plane, 0..height_out, &mut laid_out[..length]);
        sum_runs::<L>(laid_out, offsets, weights, bias, sums);
        for (to, from) in out.chunks_exact_mut(width_out).zip(sums.chunks_exact(grid.pitch)) {
            for (to, from) in to.iter_mut().zip(from) {
                *to = bounds.clamp(*from);
            }
        }
    }
}

/// `out[i] = first + sum over k of weights[k] * numbers[offsets[k] + i]`
#[inline(always)]
fn sum_runs<L: Lanes>(numbers: &[f32], offsets: &[usize], weights: &[f32], first: f32, out: &mut [f32]) {
    let block = SIDE_BY_SIDE * L::count();
    let mut start = 0;
    let mut blocks = out.chunks_exact_mut(block);
    for out in &mut blocks {
        let mut sums = [L::splat(first); SIDE_BY_SIDE];
        for (offset, weight) in offsets.iter().zip(weights) {
            let (run, weight) = (&numbers[offset + start..][..block], L::splat(*weight));
            for v in 0..SIDE_BY_SIDE {
                sums[v] = L::load(&run[v * L::count()..]).times_plus(weight, sums[v]);
            }
        }
        for v in 0..SIDE_BY_SIDE {
            sums[v].store(&mut out[v * L::count()..]);
        }
        start += block;
    }
    for out in blocks.into_remainder().chunks_mut(L::count()) {
        let mut sum = L::splat(first);
        for (offset, weight) in offsets.iter().zip(weights) {
            sum = L::load(&numbers[offset + start..]).times_plus(L::splat(*weight), sum);
        }
        let mut whole = [0.0; MOST_LANES];
        sum.store(&mut whole);
        out.copy_from_slice(&whole[..out.len()]);
        start += L::count();
    }
}
