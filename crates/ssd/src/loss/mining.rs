//! Hard negative mining: which background priors take part in the class loss. Paper §2.2, "Hard negative mining".
//!
//! In each picture these are the negatives with the largest cross entropy, three for each positive. Nothing is sorted
//! and nothing is read back: the loss of the last negative to keep is found by bisection, which a GPU does in small
//! kernels without waiting.
//!
//! The bisection is over the values of f32, not over an interval of reals: first the exponent, then each bit of the
//! mantissa. Multiplying by powers of two and adding single bits is exact, so after [`HALVINGS`] comparisons the
//! bracket holds one value, the loss of the last one kept, and the result is that of sorting.
//!
//! Negatives of equal loss at the end of the ranking share the places left: for two places among five, each counts two
//! fifths. The sum is that of keeping any two, and the order in memory does not matter. Losses below the smallest
//! normal number (1.2e-38) count as equal.

use burn::tensor::{Bool, Tensor};

/// Negatives kept for each positive.
pub const NEGATIVES_PER_POSITIVE: usize = 3;

/// f32 has 254 normal exponents, from -126 to 127. After one comparison with the lowest, these steps reach every other
/// and none beyond.
const EXPONENT_STEPS: [i32; 8] = [127, 63, 32, 16, 8, 4, 2, 1];

/// Stored bits of a mantissa.
const MANTISSA_BITS: i32 = f32::MANTISSA_DIGITS as i32 - 1;

/// Comparisons of all losses of a picture with a candidate.
pub const HALVINGS: usize = 1 + EXPONENT_STEPS.len() + MANTISSA_BITS as usize;

/// The weight of each prior's cross entropy: 1 for positives and for the negatives kept, 0 for the others, in between
/// where equal negatives share the last places. `entropy`, not negative, and `positive` are `[B, P]`, as is the result,
/// which has no autodiff.
///
/// It is a factor, not a mask: a NaN, which no comparison keeps, then makes the sum NaN.
pub fn shares(entropy: Tensor<2>, positive: Tensor<2, Bool>) -> Tensor<2> {
    let [_, priors] = entropy.dims();
    // Positives lie below all thresholds, so they are not counted. An approximate logarithm may give -1e-8 for a
    // probability of 1.
    let ranked = entropy.without_autodiff().clamp_min(0.0).mask_fill(positive.clone(), -1.0);
    let positive = positive.float();
    let positives = positive.clone().sum_dim(1);
    let negatives = positives.clone().neg() + priors as f32;
    let wanted = (positives * NEGATIVES_PER_POSITIVE as f32).min_pair(negatives);

    let Bracket { low, high } = last_kept(&ranked, &wanted);
    let above = ranked.clone().greater_equal(high);
    let level = ranked.greater_equal(low).bool_xor(above.clone()).float();
    let above = above.float();
    let places = wanted - above.clone().sum_dim(1);
    let share = places / level.clone().sum_dim(1).clamp_min(1.0);
    positive + above + level * share
}

/// For each picture, `[B, 1]`: at least as many losses as wanted are `low` or more, and fewer are `high` or more.
struct Bracket {
    low: Tensor<2>,
    high: Tensor<2>,
}

impl Bracket {
    /// Narrowed to one side of `candidate`.
    fn narrowed(self, candidate: Tensor<2>, ranked: &Tensor<2>, wanted: &Tensor<2>) -> Self {
        let reaching = ranked.clone().greater_equal(candidate.clone()).float().sum_dim(1);
        let enough = reaching.greater_equal(wanted.clone());
        Self {
            low: self.low.mask_where(enough.clone(), candidate.clone()),
            high: candidate.mask_where(enough, self.high),
        }
    }
}

/// The bracket around the loss of the last negative kept: `low` is that loss, `high` the next f32.
fn last_kept(ranked: &Tensor<2>, wanted: &Tensor<2>) -> Bracket {
    let (dims, device) = (wanted.dims(), wanted.device());
    let all = Bracket { low: Tensor::zeros(dims, &device), high: Tensor::full(dims, f32::INFINITY, &device) };
    let mut bracket = all.narrowed(Tensor::full(dims, f32::MIN_POSITIVE, &device), ranked, wanted);
    // Where even the smallest candidate was too large, `low` stays zero, and so do all candidates.
    for step in EXPONENT_STEPS {
        let candidate = bracket.low.clone() * 2f32.powi(step);
        bracket = bracket.narrowed(candidate, ranked, wanted);
    }
    let unit = bracket.low.clone();
    for bit in 1..=MANTISSA_BITS {
        let candidate = bracket.low.clone() + unit.clone() * 0.5f32.powi(bit);
        bracket = bracket.narrowed(candidate, ranked, wanted);
    }
    bracket
}
