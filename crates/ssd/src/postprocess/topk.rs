//! topk: the candidates of a class, best first. The kernel is `shaders/topk.wgsl`.

use std::cmp::Reverse;

use super::params::DetectParams;

/// A prior whose score passed the threshold. Its class is that of its row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// `0..=1`.
    pub score: f32,
    /// Index into the priors.
    pub prior: u32,
}

impl Candidate {
    /// Its ascending order is that of candidates: score descending, then prior ascending. For scores from 0 to 1 the
    /// order of the bits is the order of the values.
    pub(super) fn key(&self) -> (Reverse<u32>, u32) {
        (Reverse(self.score.to_bits()), self.prior)
    }
}

/// The best `top_k` of one class's `scores [P]` above the threshold, best first. Negative scores, scores above 1 and
/// NaN are ignored.
pub fn topk(scores: &[f32], params: &DetectParams) -> Vec<Candidate> {
    let candidates = params.score_bits() + 1..=1.0f32.to_bits();
    let mut found: Vec<Candidate> = (0u32..)
        .zip(scores)
        .filter(|(_, score)| candidates.contains(&score.to_bits()))
        .map(|(prior, &score)| Candidate { score, prior })
        .collect();
    if found.len() > params.top_k {
        found.select_nth_unstable_by_key(params.top_k, Candidate::key);
        found.truncate(params.top_k);
    }
    best_first(&mut found);
    found
}

/// Puts candidates of a class into their order.
pub(crate) fn best_first(candidates: &mut [Candidate]) {
    candidates.sort_unstable_by_key(Candidate::key);
}
