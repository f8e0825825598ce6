//! The inner loop of every dense convolution: a tile of a product of matrices, held in registers.
//!
//! `M` rows by `V` registers of columns. For detection a row is a position and a column an output channel; for
//! training, where a map lies plane by plane, it is the other way round. A step takes one number of each row and one
//! row of the other matrix.

use crate::Activation;
use crate::activation::Bounds;
use crate::simd::{Lanes, MOST_LANES};

/// Rows of a tile, and its registers side by side: as many sums as leave registers free for the factors. With 4 by 3 of
/// 16 registers the compiler runs out of them.
#[inline(always)]
pub(crate) fn tile_size<L: Lanes>() -> (usize, usize) {
    match L::registers() {
        32.. => (8, 3),
        16.. => (6, 2),
        _ => (4, 2),
    }
}

/// Calls a method with the constants of a tile of [`tile_size`], which may have fewer registers side by side.
macro_rules! with_tile {
    ($lanes:ty, $registers:expr, $this:ident.$method:ident($argument:expr)) => {
        match ($crate::tile::tile_size::<$lanes>().0, $registers) {
            (8, 3) => $this.$method::<$lanes, 8, 3>($argument),
            (8, 2) => $this.$method::<$lanes, 8, 2>($argument),
            (8, _) => $this.$method::<$lanes, 8, 1>($argument),
            (6, 2) => $this.$method::<$lanes, 6, 2>($argument),
            (6, _) => $this.$method::<$lanes, 6, 1>($argument),
            (_, 2) => $this.$method::<$lanes, 4, 2>($argument),
            _ => $this.$method::<$lanes, 4, 1>($argument),
        }
    };
}
pub(crate) use with_tile;

/// The sums of a tile.
pub(crate) type Sums<L, const M: usize, const V: usize> = [[L; V]; M];

/// Adds the products of the rows' numbers and the other matrix, for a convolution the weights.
///
/// - `numbers`: for each row `[depth]`; `weights`: `[depth, V * lanes]`
#[inline(always)]
pub(crate) fn add_products<L: Lanes, const M: usize, const V: usize>(
    numbers: [&[f32]; M],
    weights: &[f32],
    sums: &mut Sums<L, M, V>,
) {
    // With a row's width as a constant, there is no check in the loop: it is half as long.
    match V * L::count() {
        4 => add_rows::<L, M, V, 4>(numbers, weights, sums),
        8 => add_rows::<L, M, V, 8>(numbers, weights, sums),
        12 => add_rows::<L, M, V, 12>(numbers, weights, sums),
        16 => add_rows::<L, M, V, 16>(numbers, weights, sums),
        24 => add_rows::<L, M, V, 24>(numbers, weights, sums),
        32 => add_rows::<L, M, V, 32>(numbers, weights, sums),
        48 => add_rows::<L, M, V, 48>(numbers, weights, sums),
        width => {
            for (k, row) in weights.chunks_exact(width).enumerate() {
                add_row::<L, M, V>(numbers.map(|numbers| numbers[k]), row, sums);
            }
        }
    }
}

#[inline(always)]
fn add_rows<L: Lanes, const M: usize, const V: usize, const WIDTH: usize>(
    mut numbers: [&[f32]; M],
    weights: &[f32],
    sums: &mut Sums<L, M, V>,
) {
    let mut held = *sums;
    let depth = numbers[0].len();
    for numbers in &mut numbers {
        *numbers = &numbers[..depth];
    }
    for (k, row) in (0..depth).zip(weights.as_chunks::<WIDTH>().0) {
        add_row::<L, M, V>(std::array::from_fn(|i| numbers[i][k]), row, &mut held);
    }
    *sums = held;
}

/// A number of each row times a row of weights.
#[inline(always)]
fn add_row<L: Lanes, const M: usize, const V: usize>(numbers: [f32; M], row: &[f32], sums: &mut Sums<L, M, V>) {
    let mut held = [L::splat(0.0); V];
    for v in 0..V {
        held[v] = L::load(&row[v * L::count()..]);
    }
    for i in 0..M {
        let number = L::splat(numbers[i]);
        for v in 0..V {
            sums[i][v] = number.times_plus(held[v], sums[i][v]);
        }
    }
}

/// What happens to sums on their way into the output.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// Whether the sums are added to the output's numbers.
    onto: bool,
    /// Of the activation.
    bounds: Bounds,
}

impl Finish {
    pub(crate) fn new(onto: bool, activation: Activation) -> Self {
        // An activation without bounds follows in a pass of its own.
        Self::within(onto, activation.bounds().unwrap_or(Bounds::NONE))
    }

    pub(crate) fn within(onto: bool, bounds: Bounds) -> Self {
        Self { onto, bounds }
    }
}

/// Sums to `out`, which may be shorter than the register.
#[inline(always)]
pub(crate) fn finish<L: Lanes>(sum: L, finish: Finish, out: &mut [f32]) {
    if out.len() >= L::count() {
        let sum = if finish.onto { sum.plus(L::load(out)) } else { sum };
        hold(sum, finish.bounds).store(out);
        return;
    }
    let mut whole = [0.0; MOST_LANES];
    if finish.onto {
        whole[..out.len()].copy_from_slice(out);
    }
    hold(sum.plus(L::load(&whole)), finish.bounds).store(&mut whole);
    out.copy_from_slice(&whole[..out.len()]);
}

/// Between the bounds; NaN stays.
#[inline(always)]
fn hold<L: Lanes>(x: L, bounds: Bounds) -> L {
    x.at_least(L::splat(bounds.least)).at_most(L::splat(bounds.most))
}
