//! Matching: which prior learns which object. Paper §2.2, "Matching strategy".
//!
//! First every object gets a prior of its own, in the order of the pairs' overlaps (a true bipartite pass, as caffe's
//! `MatchBBox`; in the ports a later object can take an earlier one's prior). Then every other prior goes to the object
//! that it overlaps most, if by at least the threshold.

use crate::boxes::{CenterBox, CornerBox, GroundTruth};
use crate::codec::{Variances, encode};

/// The smallest overlap of a positive prior: paper §2.2.
pub const IOU_THRESHOLD: f32 = 0.5;

/// The bipartite pass takes no pair that overlaps less: caffe's constant.
const IOU_MIN: f32 = 1e-6;

/// The targets of one picture's priors.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// The class of each prior, 0 for background: `[P]`.
    pub classes: Vec<usize>,
    /// The encoded offsets of each positive prior to its object, zeros for the others: `[P * 4]`.
    pub offsets: Vec<f32>,
}

/// For each prior the index of its object, if any.
///
/// Ties go to the lower object, then to the lower prior.
pub fn match_priors(truths: &[GroundTruth], priors: &[CenterBox]) -> Vec<Option<usize>> {
    let corners: Vec<CornerBox> = priors.iter().map(CenterBox::to_corner).collect();
    let overlaps: Vec<Vec<f32>> =
        truths.iter().map(|truth| corners.iter().map(|prior| truth.bbox.iou(prior)).collect()).collect();
    let mut assigned = vec![None; priors.len()];
    bipartite(&overlaps, &mut assigned);
    let own: Vec<bool> = assigned.iter().map(Option::is_some).collect();
    let mut best = vec![IOU_THRESHOLD; priors.len()];
    for (truth, row) in overlaps.iter().enumerate() {
        for (prior, &overlap) in row.iter().enumerate() {
            // The first object may equal the threshold; a later one has to exceed the best so far.
            let better = overlap > best[prior] || (overlap == IOU_THRESHOLD && assigned[prior].is_none());
            if !own[prior] && better {
                best[prior] = overlap;
                assigned[prior] = Some(truth);
            }
        }
    }
    assigned
}

/// Gives each object one prior, best pair first, until no pair overlaps.
fn bipartite(overlaps: &[Vec<f32>], assigned: &mut [Option<usize>]) {
    let mut waiting: Vec<usize> = (0..overlaps.len()).collect();
    while !waiting.is_empty() {
        let mut best: Option<(usize, usize, f32)> = None;
        for &truth in &waiting {
            for (prior, &overlap) in overlaps[truth].iter().enumerate() {
                if assigned[prior].is_none() && overlap > best.map_or(IOU_MIN, |(_, _, overlap)| overlap) {
                    best = Some((truth, prior, overlap));
                }
            }
        }
        let Some((truth, prior, _)) = best else { return };
        assigned[prior] = Some(truth);
        waiting.retain(|&other| other != truth);
    }
}

/// The targets of one picture: matched, then encoded. Without objects all priors are background.
pub fn targets(truths: &[GroundTruth], priors: &[CenterBox], variances: Variances) -> Targets {
    let mut classes = vec![0; priors.len()];
    let mut offsets = vec![0.0; priors.len() * 4];
    for (index, truth) in match_priors(truths, priors).into_iter().enumerate() {
        if let Some(truth) = truth.map(|truth| &truths[truth]) {
            classes[index] = truth.class;
            let encoded = encode(&truth.bbox.to_center(), &priors[index], variances);
            offsets[index * 4..][..4].copy_from_slice(&encoded);
        }
    }
    Targets { classes, offsets }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(x1: f32, y1: f32, x2: f32, y2: f32) -> GroundTruth {
        GroundTruth { bbox: CornerBox::new(x1, y1, x2, y2), class: 1, difficult: false }
    }

    #[test]
    fn two_objects_never_share_their_best_prior() {
        let priors = [CenterBox::new(0.5, 0.5, 0.4, 0.4), CenterBox::new(0.5, 0.5, 0.8, 0.8)];
        let truths = [truth(0.32, 0.32, 0.7, 0.7), truth(0.3, 0.3, 0.7, 0.7)];
        assert_eq!(match_priors(&truths, &priors), [Some(1), Some(0)]);
    }

    #[test]
    fn a_prior_below_the_threshold_stays_background_unless_it_is_the_best() {
        let priors = [CenterBox::new(0.5, 0.5, 0.4, 0.4), CenterBox::new(0.55, 0.5, 0.2, 0.2)];
        let truths = [truth(0.3, 0.3, 0.7, 0.7)];
        assert_eq!(match_priors(&truths, &priors), [Some(0), None]);
        let small = [truth(0.0, 0.0, 0.31, 0.31)];
        assert_eq!(match_priors(&small, &priors), [Some(0), None]);
    }

    #[test]
    fn an_image_without_objects_is_background() {
        let priors = [CenterBox::new(0.5, 0.5, 0.4, 0.4)];
        let targets = targets(&[], &priors, Variances::default());
        assert_eq!(targets, Targets { classes: vec![0], offsets: vec![0.0; 4] });
    }
}
