//! Where detections come from: the prior of each, its way to the box, what NMS removed for it, and all that every
//! feature map saw. For people who want to look inside; the stages are those of [`postprocess`](super::postprocess).

use std::collections::HashMap;
use std::ops::Range;

use serde::Serialize;

use super::{Candidate, Decoded, DetectParams, ScoreActivation, decode, select};
use crate::boxes::{CenterBox, CornerBox, Detection};
use crate::codec::{self, Variances};
use crate::priors::PriorScheme;

/// Steps from a prior to its box; [`Explained::path`] has one more.
pub const PATH_STEPS: usize = 12;

/// The best of what was removed for a detection, at most so many.
pub const RIVALS: usize = 12;

/// What the network saw in a picture, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Those of `postprocess`, best first.
    pub detections: Vec<Explained>,
    /// The feature maps, finest first.
    pub maps: Vec<MapView>,
}

/// A detection and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// What was found.
    pub detection: Detection,
    /// Where its prior stands.
    pub place: Place,
    /// The network's four numbers for that prior, in the order of [`codec::decode`].
    pub offsets: [f32; 4],
    /// From the prior to the decoded box, as the offsets grow from nothing to all. Only the last is cut off at the
    /// border of the picture: it is the detection's box.
    pub path: Vec<CornerBox>,
    /// Candidates that NMS removed because of it.
    pub removed: usize,
    /// The best of these.
    pub rivals: Vec<Rival>,
}

/// A candidate that NMS removed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rival {
    /// Its decoded box.
    pub bbox: CornerBox,
    /// Its score before NMS.
    pub score: f32,
    /// Its overlap with the box that removed it.
    pub iou: f32,
    /// Where its prior stands.
    pub place: Place,
}

/// Where a prior stands. All numbers count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Among all priors.
    pub prior: usize,
    /// The feature map.
    pub map: usize,
    /// The cell's row.
    pub row: usize,
    /// The cell's column.
    pub column: usize,
    /// Among the boxes of the cell.
    pub nth: usize,
}

/// A feature map: its priors, and how sure of anything each of its cells is.
#[derive(Debug, Clone, PartialEq)]
pub struct MapView {
    /// It has `grid` x `grid` cells.
    pub grid: usize,
    /// Priors of each cell.
    pub boxes: usize,
    /// Each cell's best score over its priors and the wanted classes, row by row.
    pub scores: Vec<f32>,
    /// The class of that score, 1-based; 0 where no class has a score.
    pub classes: Vec<usize>,
    /// The priors of all cells, row by row, as boxes that may reach over the border.
    pub priors: Vec<CornerBox>,
}

/// Explains the detections from `offsets [P, 4]` and `logits [P, C]`, for the priors of a scheme.
pub fn explain(
    offsets: &[f32],
    logits: &[f32],
    scheme: &PriorScheme,
    activation: ScoreActivation,
    params: &DetectParams,
) -> Explanation {
    let priors = scheme.priors();
    let decoded = decode(offsets, logits, &priors, scheme.variances, activation);
    let mut removals: HashMap<(usize, u32), Vec<Candidate>> = HashMap::new();
    let gathered = select(&decoded, params, |class, candidate, by| {
        removals.entry((class, by.prior)).or_default().push(candidate);
    });
    let (rows, _) = offsets.as_chunks::<4>();
    let detections = (gathered.into_iter())
        .map(|found| {
            let (detection, prior) = (found.detection, found.prior as usize);
            let removed = removals.remove(&(detection.class, found.prior)).unwrap_or_default();
            Explained {
                detection,
                place: place(scheme, prior),
                offsets: rows[prior],
                path: path(rows[prior], &priors[prior], scheme.variances, detection.bbox),
                removed: removed.len(),
                rivals: rivals(&removed, &decoded, &detection, scheme),
            }
        })
        .collect();
    let maps = spans(scheme).zip(&scheme.levels).map(|(span, level)| {
        let (scores, classes) = heat(&decoded, params, span.clone(), level.boxes.len());
        let priors = priors[span].iter().map(CenterBox::to_corner).collect();
        MapView { grid: level.grid, boxes: level.boxes.len(), scores, classes, priors }
    });
    Explanation { detections, maps: maps.collect() }
}

/// The priors of each feature map.
fn spans(scheme: &PriorScheme) -> impl Iterator<Item = Range<usize>> {
    scheme.levels.iter().scan(0, |start, level| {
        let span = *start..*start + level.grid * level.grid * level.boxes.len();
        *start = span.end;
        Some(span)
    })
}

fn place(scheme: &PriorScheme, prior: usize) -> Place {
    let found = spans(scheme).zip(&scheme.levels).enumerate().find(|(_, (span, _))| span.contains(&prior));
    let Some((map, (span, level))) = found else {
        return Place { prior, map: 0, row: 0, column: 0, nth: 0 };
    };
    let (cell, nth) = ((prior - span.start) / level.boxes.len(), (prior - span.start) % level.boxes.len());
    Place { prior, map, row: cell / level.grid, column: cell % level.grid, nth }
}

fn path(offsets: [f32; 4], prior: &CenterBox, variances: Variances, end: CornerBox) -> Vec<CornerBox> {
    let step = |step: usize| {
        let share = step as f32 / PATH_STEPS as f32;
        codec::decode(offsets.map(|offset| offset * share), prior, variances).to_corner()
    };
    (0..PATH_STEPS).map(step).chain([end]).collect()
}

fn rivals(removed: &[Candidate], decoded: &Decoded, winner: &Detection, scheme: &PriorScheme) -> Vec<Rival> {
    // Soft NMS has lowered the scores of its candidates; these are as they were.
    let row = decoded.rows().nth(winner.class - 1).unwrap_or_default();
    let mut before: Vec<Candidate> =
        removed.iter().map(|&Candidate { prior, .. }| Candidate { score: row[prior as usize], prior }).collect();
    before.sort_unstable_by_key(Candidate::key);
    let rival = |Candidate { score, prior }: &Candidate| {
        let bbox = decoded.boxes[*prior as usize];
        Rival { bbox, score: *score, iou: winner.bbox.iou(&bbox), place: place(scheme, *prior as usize) }
    };
    before.iter().take(RIVALS).map(rival).collect()
}

/// Best score and class of each cell whose priors are `span`, `boxes` of them in a cell.
fn heat(decoded: &Decoded, params: &DetectParams, span: Range<usize>, boxes: usize) -> (Vec<f32>, Vec<usize>) {
    let cells = span.len() / boxes.max(1);
    let (mut scores, mut classes) = (vec![0.0; cells], vec![0; cells]);
    for (row, all) in decoded.rows().enumerate().filter(|(row, _)| params.wants(row + 1)) {
        for (cell, of_cell) in all[span.clone()].chunks_exact(boxes.max(1)).enumerate() {
            let best = of_cell.iter().copied().fold(0.0, f32::max);
            if best > scores[cell] {
                (scores[cell], classes[cell]) = (best, row + 1);
            }
        }
    }
    (scores, classes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::postprocess::{Nms, postprocess};
    use crate::priors::{CellBoxes, Clip, PriorLevel};

    /// 3 x 3 cells with two boxes each, then one cell with one.
    fn scheme() -> PriorScheme {
        let level = |grid, sizes: &[f64]| PriorLevel {
            grid,
            step: None,
            boxes: CellBoxes::Sizes { sizes: sizes.iter().map(|&size| [size, size]).collect() },
        };
        let levels = vec![level(3, &[0.3, 0.5]), level(1, &[1.2])];
        PriorScheme { levels, clip: Clip::None, variances: Variances::default(), listed: None }
    }

    const PRIORS: usize = 19;

    fn explained(offsets: &[f32], logits: &[f32], params: &DetectParams) -> Explanation {
        explain(offsets, logits, &scheme(), ScoreActivation::Softmax, params)
    }

    proptest! {
        #[test]
        fn the_explained_detections_are_those_of_postprocess_to_the_bit(
            logits in prop::collection::vec(-4.0f32..4.0, PRIORS * 4),
            offsets in prop::collection::vec(-3.0f32..3.0, PRIORS * 4),
            (score, iou, max) in (0.0f32..0.6, 0.0f32..0.9, 1usize..30),
            (soft, only) in (any::<bool>(), prop::option::of(1usize..=3)),
        ) {
            let nms = if soft { Nms::Soft } else { Nms::Hard };
            let params = DetectParams { score, iou, max, nms, classes: only.map(|class| vec![class]), top_k: 400 };
            let (scheme, activation) = (scheme(), ScoreActivation::Softmax);
            let want = postprocess(&offsets, &logits, &scheme.priors(), scheme.variances, activation, &params);
            let got = explained(&offsets, &logits, &params);
            prop_assert_eq!(got.detections.iter().map(|found| found.detection).collect::<Vec<_>>(), want);
            for found in &got.detections {
                prop_assert_eq!(found.path.len(), PATH_STEPS + 1);
                prop_assert_eq!(found.path[0], scheme.priors()[found.place.prior].to_corner());
                prop_assert_eq!(found.path[PATH_STEPS], found.detection.bbox);
                prop_assert!(found.rivals.len() == found.removed.min(RIVALS));
                prop_assert!(found.rivals.is_sorted_by(|a, b| a.score >= b.score));
                // Soft NMS goes by scores that are lowered as it goes; hard NMS by the overlap alone.
                let lesser = |rival: &Rival| rival.iou > iou - 1e-6 && rival.score <= found.detection.score;
                prop_assert!(soft || found.rivals.iter().all(lesser));
            }
        }
    }

    #[test]
    fn a_place_is_map_row_column_and_box() {
        let scheme = scheme();
        assert_eq!(place(&scheme, 11), Place { prior: 11, map: 0, row: 1, column: 2, nth: 1 });
        assert_eq!(place(&scheme, 18), Place { prior: 18, map: 1, row: 0, column: 0, nth: 0 });
        let all = scheme.priors();
        let centre = all[11].to_corner().to_center();
        assert!((centre.cx - 2.5 / 3.0).abs() < 1e-6 && (centre.cy - 0.5).abs() < 1e-6, "{centre:?}");
    }

    #[test]
    fn what_nms_removed_stands_with_the_box_that_removed_it() {
        // The large box of the middle cell wins; the small one of its cell lies inside it, the one at the left corner
        // apart from it.
        let mut logits = [[0.0, 0.0]; PRIORS];
        for (prior, logit) in [(9, 4.0), (8, 3.0), (0, 2.0)] {
            logits[prior] = [0.0, logit];
        }
        let params = DetectParams { score: 0.6, iou: 0.3, ..DetectParams::default() };
        let found = explained(&[0.0; PRIORS * 4], logits.as_flattened(), &params).detections;
        let places: Vec<_> = found.iter().map(|found| found.place.prior).collect();
        assert_eq!(places, [9, 0]);
        let [rival] = found[0].rivals[..] else { panic!("{:?}", found[0].rivals) };
        assert_eq!((rival.place.prior, found[0].removed, found[1].removed), (8, 1, 0));
        assert!((rival.iou - 0.36).abs() < 1e-5 && rival.score < found[0].detection.score);

        // One box at most: the others are not removed by it but cut off.
        let one = explained(&[0.0; PRIORS * 4], logits.as_flattened(), &DetectParams { max: 1, ..params.clone() });
        assert_eq!(one.detections[0].removed, 0);
        // Soft NMS lowers the score of the one inside until it is too low, and tells what it was.
        let soft = DetectParams { nms: Nms::Soft, score: 0.75, ..params };
        let soft = explained(&[0.0; PRIORS * 4], logits.as_flattened(), &soft);
        assert_eq!(soft.detections[0].rivals[..], [rival]);
    }

    #[test]
    fn the_heat_of_a_cell_is_its_best_score_of_the_wanted_classes() {
        let mut logits = [[9.0, 0.0, 0.0]; PRIORS];
        logits[5] = [0.0, 2.0, 0.0];
        logits[4] = [0.0, 0.0, 1.0];
        let view = |classes| {
            let params = DetectParams { classes, ..DetectParams::default() };
            explained(&[0.0; PRIORS * 4], logits.as_flattened(), &params).maps
        };
        let maps = view(None);
        assert_eq!(
            maps.iter().map(|map| (map.grid, map.boxes, map.priors.len())).collect::<Vec<_>>(),
            [(3, 2, 18), (1, 1, 1)]
        );
        let share = |x: f32| x.exp() / (x.exp() + 2.0);
        assert!((maps[0].scores[2] - share(2.0)).abs() < 1e-6 && maps[0].classes[2] == 1);
        assert!(maps[0].scores[0] < 1e-3 && maps[1].scores.len() == 1);
        let second = view(Some(vec![2]));
        assert!((second[0].scores[2] - share(1.0)).abs() < 1e-6 && second[0].classes[2] == 2);
        assert_eq!(view(Some(vec![]))[0].classes, [0; 9]);
        // A prior may reach over the border.
        assert!(maps[1].priors[0].x1 < 0.0);
    }

    #[test]
    fn nothing_in_nothing_out() {
        let empty = PriorScheme { levels: vec![], clip: Clip::None, variances: Variances::default(), listed: None };
        let out = explain(&[], &[], &empty, ScoreActivation::Softmax, &DetectParams::default());
        assert_eq!(out, Explanation { detections: vec![], maps: vec![] });
    }
}
