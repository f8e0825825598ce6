//! gather: the best of all classes. The kernel is `shaders/gather.wgsl`.

use super::params::DetectParams;
use super::topk::Candidate;
use crate::boxes::{CornerBox, Detection};

/// A detection, and the prior that made it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gathered {
    /// What was found.
    pub detection: Detection,
    /// Index into the priors.
    pub prior: u32,
}

/// The best `params.max` of the candidates that NMS kept, a row for each class without background: score descending,
/// class ascending, prior ascending. Rows come in that order, cut off at `params.max`, so none of the best is missing.
pub fn gather(kept: &[Vec<Candidate>], boxes: &[CornerBox], params: &DetectParams) -> Vec<Gathered> {
    let mut all: Vec<(usize, Candidate)> = (kept.iter().enumerate())
        .flat_map(|(row, candidates)| candidates.iter().map(move |candidate| (row + 1, *candidate)))
        .collect();
    all.sort_unstable_by_key(|(class, candidate)| {
        let (score, prior) = candidate.key();
        (score, *class, prior)
    });
    all.truncate(params.max);
    (all.into_iter())
        .map(|(class, Candidate { score, prior })| {
            let detection = Detection { bbox: boxes[prior as usize], class, score };
            Gathered { detection, prior }
        })
        .collect()
}
