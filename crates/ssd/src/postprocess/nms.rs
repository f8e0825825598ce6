//! nms: non-maximum suppression of one class, hard (`shaders/nms.wgsl`) or soft (`shaders/soft_nms.wgsl`).

use super::params::DetectParams;
use super::topk::Candidate;
use crate::boxes::CornerBox;

/// How fast [`soft_nms`] lowers a score: the option's value in pytorch-ssd (qfgaohao).
pub const SOFT_NMS_SIGMA: f32 = 0.5;

/// Goes through the candidates of a class, best first, and keeps each that no kept one overlaps by more than
/// `params.iou`, up to `params.max`. `boxes` are those of all priors.
pub fn nms(candidates: &[Candidate], boxes: &[CornerBox], params: &DetectParams) -> Vec<Candidate> {
    nms_watched(candidates, boxes, params, |_, _| {})
}

/// The same, with `removed(candidate, by)` called for each candidate that a kept one removes: the first that does.
pub(super) fn nms_watched(
    candidates: &[Candidate],
    boxes: &[CornerBox],
    params: &DetectParams,
    mut removed: impl FnMut(Candidate, Candidate),
) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    let mut kept_boxes: Vec<CornerBox> = Vec::new();
    for candidate in candidates {
        if kept.len() == params.max {
            break;
        }
        let bbox = boxes[candidate.prior as usize];
        let by = kept.iter().zip(&kept_boxes).find(|(_, better)| suppresses(better, &bbox, params.iou));
        if let Some((by, _)) = by {
            removed(*candidate, *by);
        } else {
            kept.push(*candidate);
            kept_boxes.push(bbox);
        }
    }
    kept
}

/// Whether the overlap of two boxes is above `iou`, without a division, as in the kernel. Boxes without area do not
/// overlap.
fn suppresses(better: &CornerBox, other: &CornerBox, iou: f32) -> bool {
    let inter = better.intersection(other).area();
    inter > iou * (better.area() + other.area() - inter)
}

/// Soft NMS with a Gaussian (Bodla et al., arXiv 1704.04503): each round keeps the best candidate left with its current
/// score and multiplies every other score by `exp(-iou² / sigma)`; scores not above `params.score` are dropped. Ends
/// after `params.max` rounds; `params.iou` is not used.
pub fn soft_nms(candidates: &[Candidate], boxes: &[CornerBox], params: &DetectParams) -> Vec<Candidate> {
    soft_nms_watched(candidates, boxes, params, |_, _| {})
}

/// The same, with `removed(candidate, by)` called for each candidate that is dropped in the round of another.
pub(super) fn soft_nms_watched(
    candidates: &[Candidate],
    boxes: &[CornerBox],
    params: &DetectParams,
    mut removed: impl FnMut(Candidate, Candidate),
) -> Vec<Candidate> {
    let mut left = candidates.to_vec();
    let mut kept = Vec::new();
    while kept.len() < params.max {
        let Some(best) = (0..left.len()).min_by_key(|&i| left[i].key()) else { break };
        let best = left.swap_remove(best);
        kept.push(best);
        left.retain_mut(|candidate| {
            let overlap = boxes[best.prior as usize].iou(&boxes[candidate.prior as usize]);
            candidate.score *= (-overlap * overlap / SOFT_NMS_SIGMA).exp();
            let stays = candidate.score.to_bits() > params.score_bits();
            if !stays {
                removed(*candidate, best);
            }
            stays
        });
    }
    kept
}
