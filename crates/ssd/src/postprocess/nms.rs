//! nms: non-maximum suppression of one class, hard (`shaders/nms.wgsl`) or soft (`shaders/soft_nms.wgsl`).

use super::{Candidate, DetectParams};
use crate::boxes::CornerBox;

/// How fast [`soft_nms`] lowers a score: the option's value in pytorch-ssd (qfgaohao).
pub const SOFT_NMS_SIGMA: f32 = 0.5;

/// Goes down the candidates of a class, best first, and keeps one unless a kept one overlaps it by more than `params.iou`.
/// Ends after `params.max`. `boxes` are those of all priors.
pub fn nms(candidates: &[Candidate], boxes: &[CornerBox], params: &DetectParams) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    let mut kept_boxes: Vec<CornerBox> = Vec::new();
    for candidate in candidates {
        if kept.len() == params.max {
            break;
        }
        let bbox = boxes[candidate.prior as usize];
        if !kept_boxes.iter().any(|better| suppresses(better, &bbox, params.iou)) {
            kept.push(*candidate);
            kept_boxes.push(bbox);
        }
    }
    kept
}

/// Whether the overlap of two boxes is above `iou`. Without a division, so that the kernel can decide likewise; two boxes
/// without area do not overlap.
fn suppresses(better: &CornerBox, other: &CornerBox, iou: f32) -> bool {
    let inter = better.intersection(other).area();
    inter > iou * (better.area() + other.area() - inter)
}

/// Soft NMS with a Gaussian (Bodla et al., arXiv 1704.04503): in each round the best candidate left is kept with the score it
/// has by now, and every other score falls by `exp(-iou² / sigma)`. A score not above `params.score` drops out.
/// Ends after `params.max`; `params.iou` has no part in it.
pub fn soft_nms(candidates: &[Candidate], boxes: &[CornerBox], params: &DetectParams) -> Vec<Candidate> {
    let mut left = candidates.to_vec();
    let mut kept = Vec::new();
    while kept.len() < params.max {
        let Some(best) = (0..left.len()).min_by_key(|&i| left[i].key()) else { break };
        let best = left.swap_remove(best);
        kept.push(best);
        left.retain_mut(|candidate| {
            let overlap = boxes[best.prior as usize].iou(&boxes[candidate.prior as usize]);
            candidate.score *= (-overlap * overlap / SOFT_NMS_SIGMA).exp();
            candidate.score.to_bits() > params.score_bits()
        });
    }
    kept
}
