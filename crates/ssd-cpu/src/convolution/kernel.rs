//! The inner loop of every dense convolution: a tile of the output, held in registers.
//!
//! `M` positions by `V` registers of channels. A step takes one number of each position and one row of weights.

use crate::Activation;
use crate::simd::Lanes;

/// The most numbers that a register holds, of all that there are.
pub(super) const MOST_LANES: usize = 16;

/// Positions of a tile, and its registers side by side: as many sums as leave a register for each number that is read.
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
    /// Whether the output holds numbers that the sums are added to.
    onto: bool,
    /// The activation as what the result is held between.
    bounds: [f32; 2],
}

impl Finish {
    pub(super) fn new(onto: bool, activation: Activation) -> Self {
        let bounds = match activation {
            // What is no bound comes afterwards.
            Activation::None | Activation::HardSwish | Activation::HardSigmoid => [f32::NEG_INFINITY, f32::INFINITY],
            Activation::Relu => [0.0, f32::INFINITY],
            Activation::Relu6 => [0.0, 6.0],
        };
        Self { onto, bounds }
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
fn hold<L: Lanes>(x: L, [least, most]: [f32; 2]) -> L {
    x.at_least(L::splat(least)).at_most(L::splat(most))
}
