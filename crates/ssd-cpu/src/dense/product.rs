//! The product of a matrix of weights and a map, column by column as it is packed.
//!
//! Of the map, [`DEEPEST`] rows of a panel of columns are copied together at a time and stay in the first cache while
//! all rows of weights pass over them. [`kernel`](crate::tile) holds the sums in registers.

use std::ops::Range;

use super::Map;
use crate::activation::Bounds;
use crate::simd::{Lanes, MOST_LANES, Vectorized};
use crate::tile::{Finish, add_products, finish, tile_size, with_tile};

/// The longest sum that is held in registers before it goes to the output.
const DEEPEST: usize = 384;

/// Columns of the widest panel.
pub(super) const WIDEST: usize = 3 * MOST_LANES;

/// Panels that a block of weights passes over before the next block: their sums stay in the second cache.
const PANELS: usize = 8;

/// A matrix of weights, cut along its rows into blocks that are read together.
#[derive(Debug)]
pub(super) struct Weights {
    blocks: Vec<Range<usize>>,
    /// Block by block `[rows, block]`.
    numbers: Vec<f32>,
    pub(super) rows: usize,
}

impl Weights {
    /// `matrix`: `[rows, depth]`
    pub(super) fn new(matrix: &[f32], depth: usize) -> Self {
        let blocks = cuts(depth, DEEPEST);
        let mut numbers = Vec::with_capacity(matrix.len());
        for block in &blocks {
            for row in matrix.chunks_exact(depth) {
                numbers.extend_from_slice(&row[block.clone()]);
            }
        }
        Self { blocks, numbers, rows: matrix.len() / depth }
    }

    fn row(&self, block: &Range<usize>, row: usize) -> &[f32] {
        &self.numbers[block.start * self.rows + row * block.len()..][..block.len()]
    }
}

/// `0..length` in the fewest parts of at most `longest`, of nearly the same length.
pub(super) fn cuts(length: usize, longest: usize) -> Vec<Range<usize>> {
    let parts = length.div_ceil(longest);
    (0..parts).map(|i| i * length / parts..(i + 1) * length / parts).collect()
}

/// `out = clamp(weights * map + shift)` for some rows of weights.
pub(super) struct Product<'a> {
    pub(super) weights: &'a Weights,
    pub(super) rows: Range<usize>,
    /// By row of the weights.
    pub(super) shift: Option<&'a [f32]>,
    pub(super) bounds: Bounds,
    /// Of the map.
    pub(super) columns: usize,
    pub(super) map: Map<'a>,
    /// `[rows, stride]`
    pub(super) out: &'a mut [f32],
    pub(super) stride: usize,
}

impl Vectorized for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let widest = tile_size::<L>().1 * L::count();
        let mut panel = vec![0.0; DEEPEST * WIDEST];
        let panels: Vec<Range<usize>> = cuts(self.columns.div_ceil(L::count()), tile_size::<L>().1)
            .into_iter()
            .map(|registers| registers.start * L::count()..(registers.end * L::count()).min(self.columns))
            .collect();
        debug_assert!(panels.iter().all(|columns| columns.len() <= widest), "a panel is wider than the tile");
        for panels in panels.chunks(PANELS) {
            for (i, block) in self.weights.blocks.iter().enumerate() {
                let is_last = i + 1 == self.weights.blocks.len();
                for columns in panels {
                    let registers = columns.len().div_ceil(L::count());
                    let panel = &mut panel[..block.len() * registers * L::count()];
                    self.map.pack::<L>(block.clone(), columns.clone(), registers * L::count(), panel);
                    let bounds = if is_last { self.bounds } else { Bounds::NONE };
                    let work = Work { block, columns, panel, is_first: i == 0, bounds };
                    with_tile!(L, registers, self.tiles(&work));
                }
            }
        }
    }
}

/// A block of the sum for a panel of columns.
struct Work<'a> {
    block: &'a Range<usize>,
    columns: &'a Range<usize>,
    panel: &'a [f32],
    is_first: bool,
    bounds: Bounds,
}

impl Product<'_> {
    /// All rows of weights.
    #[inline(always)]
    fn tiles<L: Lanes, const M: usize, const V: usize>(&mut self, work: &Work<'_>) {
        let how = Finish::within(!work.is_first, work.bounds);
        let mut first = self.rows.start;
        while first < self.rows.end {
            // If the rows are fewer than the tile has, the last one fills the rest.
            let row = |i: usize| (first + i).min(self.rows.end - 1);
            let numbers: [&[f32]; M] = std::array::from_fn(|i| self.weights.row(work.block, row(i)));
            let mut sums = [[L::splat(0.0); V]; M];
            if let (true, Some(shift)) = (work.is_first, self.shift) {
                for (i, sums) in sums.iter_mut().enumerate() {
                    *sums = [L::splat(shift[row(i)]); V];
                }
            }
            add_products::<L, M, V>(numbers, work.panel, &mut sums);
            for (i, sums) in sums.into_iter().enumerate().take(self.rows.end - first) {
                let start = (first + i - self.rows.start) * self.stride;
                let out = &mut self.out[start + work.columns.start..start + work.columns.end];
                put(sums, how, out);
            }
            first += M;
        }
    }
}

/// Registers side by side to `out`, which may be shorter.
#[inline(always)]
fn put<L: Lanes, const V: usize>(sums: [L; V], how: Finish, out: &mut [f32]) {
    if out.len() == V * L::count() {
        for (v, sum) in sums.into_iter().enumerate() {
            finish(sum, how, &mut out[v * L::count()..(v + 1) * L::count()]);
        }
        return;
    }
    for (v, sum) in sums.into_iter().enumerate() {
        let start = (v * L::count()).min(out.len());
        let end = (start + L::count()).min(out.len());
        finish(sum, how, &mut out[start..end]);
    }
}
