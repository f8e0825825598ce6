//! The gradients by the weights and by the bias: the products of each tap's run with the output's gradient.

use std::ops::Range;

use super::product::{DEEPEST, WIDEST, cuts, put};
use super::{Runs, bands};
use crate::ConvShape;
use crate::activation::Bounds;
use crate::grid::{Grid, SLACK, is_pointwise};
use crate::planes::{for_each, for_each_piece, threads};
use crate::simd::{Lanes, Vectorized, vectorized};
use crate::tile::{Finish, add_products, tile_size, with_tile};
use crate::upstream::Upstream;

/// The most weights of which every picture has sums of its own: so a picture's gradient is rearranged once, and not
/// once for each thread.
const APART: usize = 1 << 16;

/// By weight `[O, I, k, k]` and by bias `[O]`, from `x`: `[B, I, H, W]` and the output's gradient `[B, O, H', W']`.
pub(crate) fn by_weight(
    shape: &ConvShape,
    x: &[f32],
    size: [usize; 2],
    upstream: Upstream<'_>,
) -> (Vec<f32>, Vec<f32>) {
    let work = Work { shape, grid: &Grid::new(shape, size), x, plane: size[0] * size[1], upstream };
    let (depth, channels_out) = (shape.channels_in * shape.taps(), shape.channels_out);
    let batch = x.len() / (shape.channels_in * work.plane);
    // The row after the last holds the sums of the gradients themselves.
    let rows = depth + 1;
    let groups = if rows * channels_out <= APART { batch.max(1) } else { 1 };
    let parts = if threads() == 1 { 1 } else { (2 * threads()).div_ceil(groups) };
    let rows_of_part = rows.div_ceil(parts).next_multiple_of(8);
    let mut sums = vec![0.0; groups * parts * rows_of_part * channels_out];
    for_each_piece(&mut sums, rows_of_part * channels_out, Scratch::default, |scratch, i, sums| {
        let first = i % parts * rows_of_part;
        let rows = first..(first + rows_of_part).min(rows);
        let group = i / parts;
        if !rows.is_empty() {
            for image in group * batch / groups..(group + 1) * batch / groups {
                work.add_image(image, rows.clone(), scratch, sums);
            }
        }
    });
    let group = parts * rows_of_part * channels_out;
    let (first, others) = sums.split_at_mut(group);
    for other in others.chunks_exact(group) {
        first.iter_mut().zip(other).for_each(|(sum, more)| *sum += more);
    }
    let (by_weight, rest) = first.split_at(depth * channels_out);
    (transposed(by_weight, channels_out), rest[..channels_out].to_vec())
}

struct Work<'a> {
    shape: &'a ConvShape,
    grid: &'a Grid,
    x: &'a [f32],
    plane: usize,
    upstream: Upstream<'a>,
}

impl Work<'_> {
    /// Adds the products of a picture to some rows of the sums, `[rows, O]`.
    fn add_image(&self, image: usize, rows: Range<usize>, scratch: &mut Scratch, sums: &mut [f32]) {
        let &Self { shape, grid, plane, .. } = self;
        let (taps, [height_out, width_out]) = (shape.taps(), grid.size_out);
        let planes = &self.x[image * shape.channels_in * plane..][..shape.channels_in * plane];
        let plane_out = height_out * width_out;
        let image_out = shape.channels_out * plane_out;
        let gradient = Gradient {
            upstream: self.upstream.part(image * image_out..(image + 1) * image_out),
            channels: shape.channels_out,
            plane: plane_out,
        };
        let depth = shape.channels_in * taps;
        if is_pointwise(shape) {
            for band in cuts(plane_out, DEEPEST) {
                let runs = Runs { numbers: &planes[band.start..], plane, offsets: &[0] };
                let lines = Lines { first: band.start, count: 1, width: band.len(), pitch: band.len() };
                Band { runs, first_run: 0, depth, gradient, lines }.add(rows.clone(), &mut scratch.room, sums);
            }
            return;
        }
        let channels = rows.start / taps..rows.end.div_ceil(taps).min(shape.channels_in);
        for band in bands(height_out, grid.pitch) {
            let length = grid.plane(band.len());
            scratch.laid_out.resize(channels.len() * length + SLACK, 0.0);
            let planes = planes.chunks_exact(plane).take(channels.end).skip(channels.start);
            for (plane, to) in planes.zip(scratch.laid_out.chunks_exact_mut(length)) {
                grid.spread(plane, band.clone(), to);
            }
            let runs = Runs { numbers: &scratch.laid_out, plane: length, offsets: &grid.offsets(band.len()) };
            let lines = Lines { first: band.start * width_out, count: band.len(), width: width_out, pitch: grid.pitch };
            let first_run = channels.start * taps;
            Band { runs, first_run, depth, gradient, lines }.add(rows.clone(), &mut scratch.room, sums);
        }
    }
}

/// Memory that a thread uses again and again.
#[derive(Default)]
struct Scratch {
    laid_out: Vec<f32>,
    room: Room,
}

/// Likewise, for the products of a band.
#[derive(Default)]
struct Room {
    panel: Vec<f32>,
    line: Vec<f32>,
    ones: Vec<f32>,
}

/// The output's gradient for a picture.
#[derive(Clone, Copy)]
struct Gradient<'a> {
    upstream: Upstream<'a>,
    channels: usize,
    plane: usize,
}

/// Where the gradient's rows of a band lie in each plane, and at which pitch they are read.
struct Lines {
    first: usize,
    count: usize,
    width: usize,
    pitch: usize,
}

/// Some rows of a picture.
struct Band<'a> {
    runs: Runs<'a>,
    /// The index of the first of the runs.
    first_run: usize,
    /// Number of all runs. What follows the last is the run of ones.
    depth: usize,
    gradient: Gradient<'a>,
    lines: Lines,
}

impl Band<'_> {
    /// Adds the products of some runs and the gradient to the sums, `[rows, O]`.
    fn add(&self, rows: Range<usize>, room: &mut Room, sums: &mut [f32]) {
        let places = self.lines.count * self.lines.pitch;
        room.panel.resize(places * WIDEST, 0.0);
        room.line.resize(places, 0.0);
        room.ones.resize(places, 1.0);
        vectorized(Sum { band: self, rows, room, sums });
    }
}

struct Sum<'a> {
    band: &'a Band<'a>,
    rows: Range<usize>,
    room: &'a mut Room,
    sums: &'a mut [f32],
}

impl Vectorized for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let all = self.band.gradient.channels;
        for registers in cuts(all.div_ceil(L::count()), tile_size::<L>().1) {
            let channels = registers.start * L::count()..(registers.end * L::count()).min(all);
            self.pack::<L>(channels.clone(), registers.len() * L::count());
            with_tile!(L, registers.len(), self.tiles(channels));
        }
    }
}

impl Sum<'_> {
    /// The gradient of some channels to the panel, `[places, width]`: zeros where a row has ended, and beyond the last
    /// channel.
    #[inline(always)]
    fn pack<L: Lanes>(&mut self, channels: Range<usize>, width: usize) {
        let Band { gradient, lines, .. } = self.band;
        for lane in 0..width {
            let channel = channels.start + lane;
            if channel < channels.end {
                for (i, line) in self.room.line.chunks_exact_mut(lines.pitch).enumerate() {
                    let start = channel * gradient.plane + lines.first + i * lines.width;
                    gradient.upstream.part(start..start + lines.width).pass::<L>(line);
                    line[lines.width..].fill(0.0);
                }
            } else {
                self.room.line.fill(0.0);
            }
            for (to, from) in self.room.panel.chunks_exact_mut(width).zip(&self.room.line) {
                to[lane] = *from;
            }
        }
    }

    /// All rows, for the channels of the panel.
    #[inline(always)]
    fn tiles<L: Lanes, const M: usize, const V: usize>(&mut self, channels: Range<usize>) {
        let &Band { runs, first_run, depth, gradient, .. } = self.band;
        let places = self.room.line.len();
        let how = Finish::within(true, Bounds::NONE);
        let panel = &self.room.panel[..places * V * L::count()];
        let mut first = self.rows.start;
        while first < self.rows.end {
            let numbers: [&[f32]; M] = std::array::from_fn(|i| {
                // If the rows are fewer than the tile has, the last one fills the rest.
                let row = (first + i).min(self.rows.end - 1);
                let run = if row < depth { runs.run(row - first_run) } else { &self.room.ones[..] };
                &run[..places]
            });
            let mut sums = [[L::splat(0.0); V]; M];
            add_products::<L, M, V>(numbers, panel, &mut sums);
            for (i, sums) in sums.into_iter().enumerate().take(self.rows.end - first) {
                let row = &mut self.sums[(first + i - self.rows.start) * gradient.channels..];
                put(sums, how, &mut row[channels.clone()]);
            }
            first += M;
        }
    }
}

/// `[rows, columns]` to `[columns, rows]`.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    let mut out = vec![0.0; matrix.len()];
    // Sixteen rows of the output at a time: a line of the first cache holds as many numbers of the matrix.
    for_each(
        &mut out,
        16 * rows,
        || (),
        #[inline(always)]
        |(), i, out| {
            let width = out.len() / rows.max(1);
            for (row, from) in matrix.chunks_exact(columns).enumerate() {
                for (lane, number) in from[i * 16..][..width].iter().enumerate() {
                    out[lane * rows + row] = *number;
                }
            }
        },
    );
    out
}
