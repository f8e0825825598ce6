//! The gradients by the weights and by the bias: the products of each tap's run with the output's gradient.

use std::ops::Range;

use super::product::{WIDEST, cuts};
use super::{Runs, bands};
use crate::ConvShape;
use crate::activation::Bounds;
use crate::grid::{Grid, SLACK, is_pointwise};
use crate::planes::{for_each, for_each_piece, threads};
use crate::simd::{Lanes, MOST_LANES, Vectorized, vectorized};
use crate::tile::{Finish, add_products, finish, tile_size, with_tile};
use crate::upstream::Upstream;

/// The most weights of which every picture has sums of its own: so a picture's gradient is rearranged once, and not
/// once for each thread.
const APART: usize = 1 << 16;

/// Places, about, of the longest sum that is held in registers.
const LONGEST: usize = 384;

/// Columns of the sums that lie side by side: as many as the widest register holds.
const WIDTH: usize = MOST_LANES;

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
    // Pictures whose products go into one sum in registers.
    let together = (LONGEST / (work.grid.size_out[0] * work.grid.pitch)).clamp(1, batch.max(1));
    let chunks = batch.div_ceil(together);
    // The row after the last holds the sums of the gradients themselves.
    let rows = depth + 1;
    let groups = if rows * channels_out <= APART { chunks.max(1) } else { 1 };
    let parts = if threads() == 1 { 1 } else { (2 * threads()).div_ceil(groups) };
    let rows_of_part = rows.div_ceil(parts).next_multiple_of(8);
    // Of each group and part, a strip of `WIDTH` channels after the other, `[rows, WIDTH]`: what is added to one after
    // the other lies side by side.
    let part = channels_out.div_ceil(WIDTH) * rows_of_part * WIDTH;
    let mut sums = vec![0.0; groups * parts * part];
    for_each_piece(&mut sums, part, Scratch::default, |scratch, i, sums| {
        let first = i % parts * rows_of_part;
        let rows = first..(first + rows_of_part).min(rows);
        let group = i / parts;
        if !rows.is_empty() {
            for chunk in group * chunks / groups..(group + 1) * chunks / groups {
                let images = chunk * together..((chunk + 1) * together).min(batch);
                work.add_images(images, rows.clone(), scratch, sums);
            }
        }
    });
    let (first, others) = sums.split_at_mut(parts * part);
    for other in others.chunks_exact(parts * part) {
        first.iter_mut().zip(other).for_each(|(sum, more)| *sum += more);
    }
    let of_row = |row: usize| row / rows_of_part * part + row % rows_of_part * WIDTH;
    let strip = |channel: usize| channel / WIDTH * rows_of_part * WIDTH;
    let by_bias = (0..channels_out).map(|channel| first[of_row(depth) + strip(channel) + channel % WIDTH]).collect();
    let mut by_weight = vec![0.0; depth * channels_out];
    for_each(
        &mut by_weight,
        WIDTH * depth,
        || (),
        #[inline(always)]
        |(), i, out| {
            for row in 0..depth {
                let from = &first[of_row(row) + strip(i * WIDTH)..][..WIDTH];
                for (number, out) in from.iter().zip(out.chunks_exact_mut(depth)) {
                    out[row] = *number;
                }
            }
        },
    );
    (by_weight, by_bias)
}

struct Work<'a> {
    shape: &'a ConvShape,
    grid: &'a Grid,
    x: &'a [f32],
    plane: usize,
    upstream: Upstream<'a>,
}

impl Work<'_> {
    /// Adds the products of some pictures to some rows of the sums.
    fn add_images(&self, images: Range<usize>, rows: Range<usize>, scratch: &mut Scratch, sums: &mut [f32]) {
        let &Self { shape, grid, plane, .. } = self;
        let (taps, [height_out, width_out]) = (shape.taps(), grid.size_out);
        let image = shape.channels_in * plane;
        let planes = &self.x[images.start * image..images.end * image];
        let plane_out = height_out * width_out;
        let image_out = shape.channels_out * plane_out;
        let gradient = Gradient {
            upstream: self.upstream.part(images.start * image_out..images.end * image_out),
            images: images.len(),
            channels: shape.channels_out,
            plane: plane_out,
        };
        let depth = shape.channels_in * taps;
        if is_pointwise(shape) {
            for band in cuts(plane_out, LONGEST) {
                let runs = Runs { numbers: &planes[band.start..], plane, offsets: &[0] };
                let lines = Lines { first: band.start, count: 1, width: band.len(), pitch: band.len() };
                Band { runs, image, first_run: 0, depth, gradient, lines }.add(rows.clone(), &mut scratch.room, sums);
            }
            return;
        }
        let channels = rows.start / taps..rows.end.div_ceil(taps).min(shape.channels_in);
        for band in bands(height_out, grid.pitch, LONGEST) {
            let length = grid.plane(band.len());
            let laid_out = channels.len() * length;
            scratch.laid_out.resize(images.len() * laid_out + SLACK, 0.0);
            for (image, planes) in planes.chunks_exact(image).enumerate() {
                let planes = planes.chunks_exact(plane).take(channels.end).skip(channels.start);
                for (plane, to) in planes.zip(scratch.laid_out[image * laid_out..].chunks_exact_mut(length)) {
                    grid.spread(plane, band.clone(), to);
                }
            }
            let runs = Runs { numbers: &scratch.laid_out, plane: length, offsets: &grid.offsets(band.len()) };
            let lines = Lines { first: band.start * width_out, count: band.len(), width: width_out, pitch: grid.pitch };
            let first_run = channels.start * taps;
            let band = Band { runs, image: laid_out, first_run, depth, gradient, lines };
            band.add(rows.clone(), &mut scratch.room, sums);
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

/// The output's gradient for some pictures.
#[derive(Clone, Copy)]
struct Gradient<'a> {
    upstream: Upstream<'a>,
    images: usize,
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

/// Some rows of some pictures.
struct Band<'a> {
    /// Of the first picture.
    runs: Runs<'a>,
    /// From a picture's runs to those of the next.
    image: usize,
    /// The index of the first of the runs.
    first_run: usize,
    /// Number of all runs. What follows the last is the run of ones.
    depth: usize,
    gradient: Gradient<'a>,
    lines: Lines,
}

impl Band<'_> {
    /// Numbers of a run.
    fn places(&self) -> usize {
        self.lines.count * self.lines.pitch
    }

    /// Adds the products of some runs and the gradient to the sums.
    fn add(&self, rows: Range<usize>, room: &mut Room, sums: &mut [f32]) {
        let places = self.places();
        room.panel.resize(self.gradient.images * places * WIDEST, 0.0);
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
    /// The gradient of some channels to the panel, `[pictures, places, width]`: zeros where a row has ended, and beyond
    /// the last channel.
    #[inline(always)]
    fn pack<L: Lanes>(&mut self, channels: Range<usize>, width: usize) {
        let Band { gradient, lines, .. } = self.band;
        let panels = self.room.panel.chunks_exact_mut(self.band.places() * width);
        for (image, panel) in (0..gradient.images).zip(panels) {
            for lane in 0..width {
                let channel = channels.start + lane;
                if channel < channels.end {
                    for (i, line) in self.room.line.chunks_exact_mut(lines.pitch).enumerate() {
                        let plane = (image * gradient.channels + channel) * gradient.plane;
                        let start = plane + lines.first + i * lines.width;
                        gradient.upstream.part(start..start + lines.width).pass::<L>(line);
                        line[lines.width..].fill(0.0);
                    }
                } else {
                    self.room.line.fill(0.0);
                }
                for (to, from) in panel.chunks_exact_mut(width).zip(&self.room.line) {
                    to[lane] = *from;
                }
            }
        }
    }

    /// All rows, for the channels of the panel.
    #[inline(always)]
    fn tiles<L: Lanes, const M: usize, const V: usize>(&mut self, channels: Range<usize>) {
        let &Band { runs, image, first_run, depth, gradient, .. } = self.band;
        let places = self.band.places();
        let how = Finish::within(true, Bounds::NONE);
        // Of all strips of the sums.
        let strip = self.sums.len() / gradient.channels.div_ceil(WIDTH);
        let mut first = self.rows.start;
        while first < self.rows.end {
            let mut sums = [[L::splat(0.0); V]; M];
            let panels = self.room.panel.chunks_exact(places * V * L::count());
            for (i, panel) in (0..gradient.images).zip(panels) {
                let numbers: [&[f32]; M] = std::array::from_fn(|row| {
                    // If the rows are fewer than the tile has, the last one fills the rest.
                    let row = (first + row).min(self.rows.end - 1);
                    let run = if row < depth { &runs.run(row - first_run)[i * image..] } else { &self.room.ones[..] };
                    &run[..places]
                });
                add_products::<L, M, V>(numbers, panel, &mut sums);
            }
            for (i, sums) in sums.into_iter().enumerate().take(self.rows.end - first) {
                let row = (first + i - self.rows.start) * WIDTH;
                for (v, sum) in sums.into_iter().enumerate() {
                    let channel = channels.start + v * L::count();
                    let start = channel / WIDTH * strip + row + channel % WIDTH;
                    finish(sum, how, &mut self.sums[start..start + L::count()]);
                }
            }
            first += M;
        }
    }
}
