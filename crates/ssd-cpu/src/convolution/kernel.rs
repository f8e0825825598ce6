//! The inner loop of every dense convolution: a tile of the output, held in registers.
//!
//! `M` positions by `V` registers of channels. A step takes one number of each position and one row of weights.

use crate::Activation;
use crate::activation::Bounds;
use crate::simd::Lanes;

/// Numbers of the widest register there is.
pub(super) const MOST_LANES: usize = 16;

/// Positions of a tile, and its registers side by side: as many sums as leave registers free for the factors.
#[inline(always)]
pub(super) fn tile_size<L: Lanes>() -> (usize, usize) {
    match L::registers() {
        32.. => (8, 3),
        16.. => (4, 3),
        _ => (4, 1),
    }
}

/// The sums of a tile.
pub(super) type Sums<L, const M: usize, const V: usize> = [[L; V]; M];

/// Adds the products of the positions' numbers and the weights.
///
/// - `numbers`: for each position `[depth]`; `weights`: `[depth, V * lanes]`
#[inline(always)]
pub(super) fn add_products<L: Lanes, const M: usize, const V: usize>(
    mut numbers: [&[f32]; M],
    weights: &[f32],
    sums: &mut Sums<L, M, V>,
) {
    let mut held = *sums;
    let depth = numbers[0].len();
    // Of one length, as the compiler can see: no check in the loop.
    for numbers in &mut numbers {
        *numbers = &numbers[..depth];
    }
    for (k, weights) in (0..depth).zip(weights.chunks_exact(V * L::count())) {
        let mut row = [L::splat(0.0); V];
        for v in 0..V {
            row[v] = L::load(&weights[v * L::count()..]);
        }
        for i in 0..M {
            let number = L::splat(numbers[i][k]);
            for v in 0..V {
                held[i][v] = number.times_plus(row[v], held[i][v]);
            }
        }
    }
    *sums = held;
}

/// What happens to sums on their way into the output.
#[derive(Clone, Copy)]
pub(super) struct Finish {
    /// Whether the sums are added to the output's numbers.
    onto: bool,
    /// Of the activation.
    bounds: Bounds,
}

impl Finish {
    pub(super) fn new(onto: bool, activation: Activation) -> Self {
        // An activation without bounds follows in a pass of its own.
        Self { onto, bounds: activation.bounds().unwrap_or(Bounds::NONE) }
    }
}

/// Sums to `out`, which may be shorter than the register.
#[inline(always)]
pub(super) fn finish<L: Lanes>(sum: L, finish: Finish, out: &mut [f32]) {
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
