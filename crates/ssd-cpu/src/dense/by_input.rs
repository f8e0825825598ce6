//! The gradient by the input: every weight goes back to where its tap came from.

use std::ops::Range;

use super::product::{Product, Weights};
use super::{BAND, Map, Runs, bands, parts};
use crate::activation::Bounds;
use crate::grid::{Grid, SLACK, is_pointwise};
use crate::planes::for_each_piece;
use crate::simd::{Lanes, Vectorized, vectorized};
use crate::upstream::{Upstream, gather};
use crate::{ConvShape, pool};

/// `[B, I, H, W]` from the output's gradient `[B, O, H', W']` and the weights `[O, I, k, k]`.
pub(crate) fn by_input(shape: &ConvShape, size: [usize; 2], upstream: Upstream<'_>, weight: &[f32]) -> Vec<f32> {
    let grid = Grid::new(shape, size);
    let (plane, plane_out) = (size[0] * size[1], grid.size_out.iter().product::<usize>());
    let image = shape.channels_out * plane_out;
    let batch = upstream.gradient.len() / image;
    let phases = phases(shape, &grid, weight);
    let parts = parts(shape.channels_in, batch);
    let rows = shape.channels_in / parts;
    let mut out = pool::take(batch * shape.channels_in * plane);
    for_each_piece(&mut out, rows * plane, Scratch::default, |scratch, i, out| {
        let upstream = upstream.part(i / parts * image..(i / parts + 1) * image);
        let rows = i % parts * rows..(i % parts + 1) * rows;
        if let (true, [phase]) = (is_pointwise(shape), &phases[..]) {
            let map = Map::Upstream(upstream, plane);
            vectorized(Product {
                weights: &phase.weights,
                rows,
                shift: None,
                bounds: Bounds::NONE,
                columns: plane,
                map,
                out,
                stride: plane,
            });
            return;
        }
        // What no tap reads has no gradient.
        out.fill(0.0);
        for band in bands(grid.phase_rows(), grid.pitch, BAND) {
            let plane_gathered = grid.gathered(band.len());
            let length = shape.channels_out * plane_gathered;
            scratch.gradients.resize(length + SLACK, 0.0);
            let gathered = &mut scratch.gradients[..length];
            vectorized(Gather { grid: &grid, upstream, band: band.clone(), gathered });
            let columns = band.len() * grid.pitch;
            scratch.sums.resize(rows.len() * columns, 0.0);
            for (index, phase) in phases.iter().enumerate() {
                if phase.starts.is_empty() {
                    continue;
                }
                let map =
                    Map::Runs(Runs { numbers: &scratch.gradients, plane: plane_gathered, offsets: &phase.starts });
                let (sums, rows) = (&mut scratch.sums, rows.clone());
                vectorized(Product {
                    weights: &phase.weights,
                    rows,
                    shift: None,
                    bounds: Bounds::NONE,
                    columns,
                    map,
                    out: sums,
                    stride: columns,
                });
                for (sums, out) in scratch.sums.chunks_exact(columns).zip(out.chunks_exact_mut(plane)) {
                    grid.collect(sums, index, band.start, out);
                }
            }
        }
    });
    out
}

/// What the inputs of a phase are made of.
struct Phase {
    /// `[I, O * taps of the phase]`
    weights: Weights,
    /// Of each tap of the phase, where its run starts in the gathered gradient.
    starts: Vec<usize>,
}

fn phases(shape: &ConvShape, grid: &Grid, weight: &[f32]) -> Vec<Phase> {
    let (channels_in, taps) = (shape.channels_in, shape.taps());
    let phase = |phase: usize| {
        let of_phase: Vec<usize> = (0..taps).filter(|k| grid.taps[*k].phase == phase).collect();
        let depth = shape.channels_out * of_phase.len();
        let mut matrix = vec![0.0; channels_in * depth];
        // Some rows at a time, as many as the first cache has room for a line of.
        for (block, rows) in matrix.chunks_mut((16 * depth).max(1)).enumerate() {
            for (o, weight) in weight.chunks_exact(channels_in * taps).enumerate() {
                let weights = weight[block * 16 * taps..].chunks_exact(taps);
                for (row, weight) in rows.chunks_exact_mut(depth).zip(weights) {
                    for (to, k) in row[o * of_phase.len()..].iter_mut().zip(&of_phase) {
                        *to = weight[*k];
                    }
                }
            }
        }
        let starts = of_phase.iter().map(|k| grid.start_of_run_back(*k)).collect();
        Phase { weights: Weights::new(&matrix, depth.max(1)), starts }
    };
    (0..shape.stride * shape.stride).map(phase).collect()
}

/// Memory that a thread uses again and again.
#[derive(Default)]
struct Scratch {
    gradients: Vec<f32>,
    sums: Vec<f32>,
}

/// Lays out the gradient of every channel of a picture.
struct Gather<'a> {
    grid: &'a Grid,
    upstream: Upstream<'a>,
    band: Range<usize>,
    gathered: &'a mut [f32],
}

impl Vectorized for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let plane = self.grid.size_out.iter().product::<usize>();
        let planes = self.gathered.chunks_exact_mut(self.grid.gathered(self.band.len()));
        for (i, to) in planes.enumerate() {
            gather::<L>(self.grid, self.upstream.part(i * plane..(i + 1) * plane), self.band.clone(), to);
        }
    }
}
