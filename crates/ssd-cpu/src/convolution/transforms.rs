//! Winograd's transforms: of the input's tiles, of the weights, and back to the output.
//!
//! F(4x4, 3x3): Lavin & Gray, arXiv 1509.09308, with the points 0, ±√½, ±√2, whose rounding errors are half of those of
//! the integer points.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::ops::Range;

use super::reads::Reads;
use crate::simd::{Lanes, MOST_LANES, Vectorized};
use crate::tile::{Finish, finish};

/// Output positions of a tile in each direction.
pub(super) const TILE: usize = 4;

/// Numbers of a transformed tile in each direction, and of the input that it is made from.
pub(super) const SIDE: usize = TILE + 2;

/// Numbers of a transformed tile: each belongs to a plane of its own.
pub(super) const PLANES: usize = SIDE * SIDE;

/// Some tiles of the input to planes.
pub(super) struct ToPlanes<'a> {
    pub(super) input: &'a [f32],
    /// For each tile, where its positions are: [`PLANES`] reads.
    pub(super) reads: &'a Reads,
    pub(super) channels: usize,
    /// Read in place of the padding.
    pub(super) zeros: &'a [f32],
    /// For each plane: for each tile `[pitch]`, the channels in whole registers.
    pub(super) planes: &'a mut [f32],
    pub(super) pitch: usize,
    /// Numbers from one plane to the next.
    pub(super) plane: usize,
}

/// Channels of a tile that are transformed together: they stay in the first cache between the two directions.
const SLICE: usize = 64;

impl Vectorized for ToPlanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        // By column, by row.
        let mut slices = [[[0.0; SLICE]; SIDE]; SIDE];
        for (tile, starts) in self.reads.all().as_chunks::<PLANES>().0.iter().enumerate() {
            for first in (0..self.channels).step_by(SLICE) {
                let count = (self.channels - first).min(SLICE);
                for y in 0..SIDE {
                    let row: [&[f32]; SIDE] = std::array::from_fn(|x| {
                        let start = starts[y * SIDE + x] + first;
                        // Reads of the padding lie beyond the end.
                        self.input.get(start..start + count).unwrap_or(&self.zeros[..count])
                    });
                    for c in (0..count).step_by(L::count()) {
                        let load = |x: usize| load::<L>(&row[x][c..]);
                        let numbers = to_plane([load(0), load(1), load(2), load(3), load(4), load(5)]);
                        for (number, column) in numbers.iter().zip(&mut slices) {
                            number.store(&mut column[y][c..]);
                        }
                    }
                }
                for (x, column) in slices.iter().enumerate() {
                    for c in (0..count).step_by(L::count()) {
                        let load = |y: usize| L::load(&column[y][c..]);
                        let numbers = to_plane([load(0), load(1), load(2), load(3), load(4), load(5)]);
                        let out = &mut self.planes[x * self.plane + tile * self.pitch + first + c..];
                        for (y, number) in numbers.iter().enumerate() {
                            number.store(&mut out[y * SIDE * self.plane..]);
                        }
                    }
                }
            }
        }
    }
}

/// A register of numbers, or as many as there are.
#[inline(always)]
fn load<L: Lanes>(numbers: &[f32]) -> L {
    if numbers.len() >= L::count() { L::load(numbers) } else { L::load(&padded(numbers)) }
}

#[cold]
fn padded(numbers: &[f32]) -> [f32; MOST_LANES] {
    let mut whole = [0.0; MOST_LANES];
    whole[..numbers.len()].copy_from_slice(numbers);
    whole
}

#[inline(always)]
fn to_plane<L: Lanes>([d0, d1, d2, d3, d4, d5]: [L; SIDE]) -> [L; SIDE] {
    let times = |x: L, factor: f32, term: L| x.times_plus(L::splat(factor), term);
    let (near_even, near_odd) = (times(d2, -2.0, d4), times(d1, -2.0, d3));
    let (far_even, far_odd) = (times(d2, -0.5, d4), times(d1, -0.5, d3));
    [
        times(d2, -2.5, d0.plus(d4)),
        times(near_odd, FRAC_1_SQRT_2, near_even),
        times(near_odd, -FRAC_1_SQRT_2, near_even),
        times(far_odd, SQRT_2, far_even),
        times(far_odd, -SQRT_2, far_even),
        times(d3, -2.5, d1.plus(d5)),
    ]
}

/// Weights of a panel to planes.
pub(super) struct WeightsToPlanes<'a> {
    /// For each of the nine taps the same number of weights, whole registers.
    pub(super) taps: [&'a [f32]; 9],
    /// From where the first plane's begin.
    pub(super) planes: &'a mut [f32],
    /// Numbers from one plane to the next.
    pub(super) plane: usize,
}

impl Vectorized for WeightsToPlanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let mut columns = [[L::splat(0.0); SIDE]; 3];
        for i in (0..self.taps[0].len()).step_by(L::count()) {
            for (x, column) in columns.iter_mut().enumerate() {
                let load = |y: usize| L::load(&self.taps[y * 3 + x][i..]);
                *column = weights_to_plane([load(0), load(1), load(2)]);
            }
            let out = &mut self.planes[i..];
            for y in 0..SIDE {
                let row = weights_to_plane([columns[0][y], columns[1][y], columns[2][y]]);
                for x in 0..SIDE {
                    row[x].store(&mut out[(y * SIDE + x) * self.plane..]);
                }
            }
        }
    }
}

#[inline(always)]
fn weights_to_plane<L: Lanes>([g0, g1, g2]: [L; 3]) -> [L; SIDE] {
    let times = |x: L, factor: f32, term: L| x.times_plus(L::splat(factor), term);
    let zero = L::splat(0.0);
    let near_even = times(g2, -1.0 / 3.0, times(g0, -2.0 / 3.0, zero));
    let far_even = times(g2, 1.0 / 3.0, times(g0, 1.0 / 6.0, zero));
    [
        g0,
        times(g1, -2.0 / 3.0 * FRAC_1_SQRT_2, near_even),
        times(g1, 2.0 / 3.0 * FRAC_1_SQRT_2, near_even),
        times(g1, SQRT_2 / 6.0, far_even),
        times(g1, -SQRT_2 / 6.0, far_even),
        g2,
    ]
}

/// Products of planes to some channels of the output.
pub(super) struct FromPlanes<'a> {
    /// For each plane: for each tile `[pitch]`, the channels in whole registers.
    pub(super) planes: &'a [f32],
    pub(super) pitch: usize,
    /// Numbers from one plane to the next.
    pub(super) plane: usize,
    /// Of these channels, in whole registers: where the sums start.
    pub(super) shift: &'a [f32],
    /// Some rows of the output, `[rows, columns, channels]`.
    pub(super) out: &'a mut [f32],
    pub(super) columns: usize,
    pub(super) channels: usize,
    /// The first of these channels.
    pub(super) first: usize,
    /// Counted from the top left corner of `out`.
    pub(super) tiles: Range<usize>,
    /// Tiles side by side.
    pub(super) tiles_x: usize,
    pub(super) finish: Finish,
}

impl Vectorized for FromPlanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let end = (self.first + self.pitch).min(self.channels);
        let rows = self.out.len() / (self.columns * self.channels);
        let mut columns = [[L::splat(0.0); TILE]; SIDE];
        for (i, tile) in self.tiles.enumerate() {
            let (top, left) = (tile / self.tiles_x * TILE, tile % self.tiles_x * TILE);
            for c in (0..end - self.first).step_by(L::count()) {
                let products = &self.planes[i * self.pitch + c..];
                for x in 0..SIDE {
                    let load = |y: usize| L::load(&products[(y * SIDE + x) * self.plane..]);
                    columns[x] = from_plane([load(0), load(1), load(2), load(3), load(4), load(5)], L::splat(0.0));
                }
                let shift = L::load(&self.shift[c..]);
                let channels = self.first + c..(self.first + c + L::count()).min(end);
                for y in 0..TILE.min(rows - top) {
                    let [a, b, c, d, e, f] = &columns;
                    let row = from_plane([a[y], b[y], c[y], d[y], e[y], f[y]], shift);
                    for (x, sum) in row.iter().enumerate().take(self.columns - left) {
                        let position = (top + y) * self.columns + left + x;
                        let out = &mut self.out[position * self.channels..][channels.clone()];
                        finish(*sum, self.finish, out);
                    }
                }
            }
        }
    }
}

/// Four sums, each added to `start`.
#[inline(always)]
fn from_plane<L: Lanes>([a, b, c, d, e, f]: [L; SIDE], start: L) -> [L; TILE] {
    let times = |x: L, factor: f32, term: L| x.times_plus(L::splat(factor), term);
    let (near_sum, near) = (b.plus(c), times(c, -1.0, b));
    let (far_sum, far) = (d.plus(e), times(e, -1.0, d));
    [
        a.plus(start).plus(near_sum.plus(far_sum)),
        times(near, FRAC_1_SQRT_2, times(far, SQRT_2, start)),
        times(near_sum, 0.5, times(far_sum, 2.0, start)),
        times(near, 0.5 * FRAC_1_SQRT_2, times(far, 2.0 * SQRT_2, f.plus(start))),
    ]
}
