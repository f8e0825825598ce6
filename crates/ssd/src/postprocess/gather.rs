//! gather: the best of all classes. The kernel is `shaders/gather.wgsl`.

use super::{Candidate, DetectParams};
use crate::boxes::{CornerBox, Detection};

/// A detection, and the prior that made it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gathered {
    /// What the detector says.
    pub detection: Detection,
    /// Index into the priors.
    pub prior: u32,
}

/// The best `params.max` of the classes' kept candidates, a row for each class without background: score descending, class
/// ascending, prior ascending. A row is in that order already and holds no more than `params.max`, so none of the best can
/// have been lost when it was cut off.
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
