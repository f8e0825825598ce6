//! The three gradients, in one pass over the planes.

use super::sum_runs;
use crate::grid::{Grid, SLACK};
use crate::planes::for_each_two;
use crate::simd::{Lanes, MOST_LANES, Vectorized, vectorized};
use crate::upstream::{Upstream, gather};
use crate::{ConvShape, pool};

/// Taps whose products are summed side by side.
const SIDE_BY_SIDE: usize = 9;

/// By input `[B, C, H, W]`, by weight `[C, 1, k, k]` and by bias `[C]`, from `x` and the gradient by the output.
pub(crate) fn backward(
    shape: &ConvShape,
    x: &[f32],
    size: [usize; 2],
    weight: &[f32],
    upstream: Upstream<'_>,
) -> [Vec<f32>; 3] {
    let (taps, channels) = (shape.taps(), shape.channels_out);
    let work = &Work::new(shape, size);
    let (plane, plane_out) = (size[0] * size[1], work.grid.size_out.iter().product::<usize>());
    let planes = x.len() / plane;
    let mut by_input = pool::take(x.len());
    // Of each plane, by its weights and its bias.
    let mut sums = vec![0.0; planes * (taps + 1)];
    for_each_two(
        (&mut by_input, plane),
        (&mut sums, taps + 1),
        || work.scratch(),
        |scratch, i, (by_input, sums)| {
            let x = &x[i * plane..][..plane];
            let weights = &weight[i % channels * taps..][..taps];
            let upstream = upstream.part(i * plane_out..(i + 1) * plane_out);
            vectorized(Backward { work, x, weights, upstream, scratch, by_input, sums });
        },
    );
    let (mut by_weight, mut by_bias) = (vec![0.0; channels * taps], vec![0.0; channels]);
    for (i, sums) in sums.chunks_exact(taps + 1).enumerate() {
        let channel = i % channels;
        by_weight[channel * taps..].iter_mut().zip(&sums[..taps]).for_each(|(sum, more)| *sum += more);
        by_bias[channel] += sums[taps];
    }
    [by_input, by_weight, by_bias]
}

/// What is the same for all planes.
struct Work {
    grid: Grid,
    /// From an output to each tap.
    offsets: Vec<usize>,
    /// Rows of each phase of the gradient by the input.
    rows: usize,
    /// Of each phase its taps, and where their runs start in the gathered gradient.
    phases: Vec<(Vec<usize>, Vec<usize>)>,
}

/// Memory that a thread uses again and again.
struct Scratch {
    laid_out: Vec<f32>,
    gathered: Vec<f32>,
    sums: Vec<f32>,
    /// Of the taps of a phase.
    weights: Vec<f32>,
}

impl Work {
    fn new(shape: &ConvShape, size: [usize; 2]) -> Self {
        let grid = Grid::new(shape, size);
        let rows = grid.phase_rows().max(grid.size_out[0]);
        let phase = |phase: usize| {
            let taps: Vec<usize> = (0..shape.taps()).filter(|k| grid.taps[*k].phase == phase).collect();
            let starts = taps.iter().map(|k| grid.start_of_run_back(*k)).collect();
            (taps, starts)
        };
        let phases = (0..shape.stride * shape.stride).map(phase).collect();
        Self { offsets: grid.offsets(grid.size_out[0]), rows, phases, grid }
    }

    fn scratch(&self) -> Scratch {
        Scratch {
            laid_out: vec![0.0; self.grid.plane(self.grid.size_out[0]) + SLACK],
            gathered: vec![0.0; self.grid.gathered(self.rows) + SLACK],
            sums: vec![0.0; self.rows * self.grid.pitch],
            weights: Vec::new(),
        }
    }
}

/// One plane.
struct Backward<'a> {
    work: &'a Work,
    x: &'a [f32],
    weights: &'a [f32],
    upstream: Upstream<'a>,
    scratch: &'a mut Scratch,
    by_input: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Vectorized for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Work { grid, offsets, rows, phases } = self.work;
        let Scratch { laid_out, gathered, sums, weights } = self.scratch;
        let height_out = grid.size_out[0];
        let length = grid.plane(height_out);
        grid.spread(self.x, 0..height_out, &mut laid_out[..length]);
        gather::<L>(grid, self.upstream, 0..*rows, &mut gathered[..grid.gathered(*rows)]);

        // From the output's first row on; the places between its rows hold zeros.
        let gradients = &gathered[grid.reach * (grid.pitch + 1)..][..height_out * grid.pitch];
        dots::<L>(laid_out, offsets, gradients, self.sums);

        // What no tap reads has no gradient.
        self.by_input.fill(0.0);
        for (phase, (taps, starts)) in phases.iter().enumerate() {
            weights.clear();
            weights.extend(taps.iter().map(|tap| self.weights[*tap]));
            sum_runs::<L>(gathered, starts, weights, 0.0, sums);
            grid.collect(sums, phase, 0, self.by_input);
        }
    }
}

/// `sums[k] = sum over i of numbers[offsets[k] + i] * values[i]`, and the sum of all values in the end.
#[inline(always)]
fn dots<L: Lanes>(numbers: &[f32], offsets: &[usize], values: &[f32], sums: &mut [f32]) {
    let (taps, all) = sums.split_at_mut(offsets.len());
    let whole = values.len() / L::count() * L::count();
    for (offsets, sums) in offsets.chunks(SIDE_BY_SIDE).zip(taps.chunks_mut(SIDE_BY_SIDE)) {
        // If the taps are fewer, the last one fills the rest.
        let runs: [&[f32]; SIDE_BY_SIDE] =
            std::array::from_fn(|k| &numbers[offsets[k.min(offsets.len() - 1)]..][..values.len()]);
        let mut lanes = [L::splat(0.0); SIDE_BY_SIDE];
        let mut i = 0;
        while i < whole {
            let value = L::load(&values[i..]);
            for k in 0..SIDE_BY_SIDE {
                lanes[k] = L::load(&runs[k][i..]).times_plus(value, lanes[k]);
            }
            i += L::count();
        }
        for ((sum, lanes), run) in sums.iter_mut().zip(lanes).zip(runs) {
            let rest = run[whole..].iter().zip(&values[whole..]);
            *sum = total(lanes) + rest.map(|(number, value)| number * value).sum::<f32>();
        }
    }
    let mut lanes = L::splat(0.0);
    for values in values[..whole].chunks_exact(L::count()) {
        lanes = lanes.plus(L::load(values));
    }
    all[0] = total(lanes) + values[whole..].iter().sum::<f32>();
}

/// The sum of a register.
#[inline(always)]
fn total<L: Lanes>(lanes: L) -> f32 {
    let mut numbers = [0.0; MOST_LANES];
    lanes.store(&mut numbers);
    numbers.iter().sum()
}
