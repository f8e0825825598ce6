//! From predictions to detections: **decode → topk → nms → gather**.
//!
//! These four stages define the post-processing. The kernels in `shaders/` have the same names, take the same steps and
//! break ties by the same rule: score descending, then class ascending, then prior ascending. Here it is plain `f32` on
//! one thread, used by training and by the page where there is no WebGPU. Paper §2.1 and §3: a score threshold, the
//! best 400 of each class, NMS at 0.45 for each class, the best 200 of all.

use crate::boxes::{CenterBox, Detection};
use crate::codec::Variances;

mod decode;
pub mod explain;
mod gather;
mod nms;
mod params;
mod topk;

pub use decode::{Decoded, MAGNITUDE_MAX, SIGMOID_LOGIT_MAX, ScoreActivation, decode};
pub use gather::{Gathered, gather};
pub use nms::{SOFT_NMS_SIGMA, nms, soft_nms};
pub use params::{DetectParams, Nms, ParamsError, SLOTS};
pub(crate) use topk::best_first;
pub use topk::{Candidate, topk};

/// All four stages for one picture.
///
/// `offsets` are `[P, 4]`, `logits` `[P, C]` as `activation` reads them, both row by row; `priors` are `P`. The
/// detections are at most `params.max`, best first. Values that are not finite lead to no detection.
pub fn postprocess(
    offsets: &[f32],
    logits: &[f32],
    priors: &[CenterBox],
    variances: Variances,
    activation: ScoreActivation,
    params: &DetectParams,
) -> Vec<Detection> {
    let decoded = decode(offsets, logits, priors, variances, activation);
    select(&decoded, params, |_, _, _| {}).into_iter().map(|gathered| gathered.detection).collect()
}

/// The stages after decode. `removed(class, candidate, by)` is called for each candidate that NMS removes.
fn select(
    decoded: &Decoded,
    params: &DetectParams,
    mut removed: impl FnMut(usize, Candidate, Candidate),
) -> Vec<Gathered> {
    let kept: Vec<Vec<Candidate>> = (decoded.rows().enumerate())
        .map(|(row, scores)| {
            let candidates = if params.wants(row + 1) { topk(scores, params) } else { Vec::new() };
            let removed = |candidate, by| removed(row + 1, candidate, by);
            match params.nms {
                Nms::Hard => nms::nms_watched(&candidates, &decoded.boxes, params, removed),
                Nms::Soft => nms::soft_nms_watched(&candidates, &decoded.boxes, params, removed),
            }
        })
        .collect();
    gather(&kept, &decoded.boxes, params)
}

#[cfg(test)]
mod tests;
