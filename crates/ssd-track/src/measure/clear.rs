//! CLEAR MOT: accuracy, precision, switches and fragmentations.
//!
//! Details are those of TrackEval, which measures for the MOT challenge: a pair of the frame before is kept if it still
//! matches; a switch is a change since the last match, however long ago; a frame without any object or without any
//! track interrupts nothing.

use std::collections::BTreeMap;

use super::{Frame, LEAST_IOU, Measures, share};
use crate::assignment::best_pairs;

/// What a pair of the frame before is worth, beside any overlap.
const KEPT: f64 = 1000.0;

/// What became of an object.
#[derive(Default)]
struct Past {
    /// The track of its last match.
    last: Option<u64>,
    /// How often it was matched after it was not.
    begun: usize,
}

/// All but IDF1.
pub fn clear(frames: &[Frame]) -> Measures {
    let mut measures = Measures::default();
    let mut pasts: BTreeMap<u64, Past> = BTreeMap::new();
    let mut before: BTreeMap<u64, u64> = BTreeMap::new();
    let mut iou_sum = 0.0;
    for frame in frames {
        let Frame { objects, tracks } = frame;
        let pairs = matched(frame, &before);
        measures.matches += pairs.len();
        measures.misses += objects.len() - pairs.len();
        measures.false_positives += tracks.len() - pairs.len();
        if objects.is_empty() || tracks.is_empty() {
            continue;
        }
        iou_sum += pairs.iter().map(|&(o, t)| objects[o].1.iou(&tracks[t].1)).sum::<f64>();
        let now: BTreeMap<u64, u64> = pairs.iter().map(|&(o, t)| (objects[o].0, tracks[t].0)).collect();
        for (&object, &track) in &now {
            let past = pasts.entry(object).or_default();
            measures.switches += usize::from(past.last.is_some_and(|last| last != track));
            past.begun += usize::from(!before.contains_key(&object));
            past.last = Some(track);
        }
        before = now;
    }
    let count = measures.matches + measures.misses;
    let wrong = measures.misses + measures.false_positives + measures.switches;
    measures.mota = if count > 0 { 1.0 - wrong as f64 / count as f64 } else { 0.0 };
    measures.motp = share(iou_sum, measures.matches as f64);
    measures.fragmentations = pasts.values().map(|past| past.begun.saturating_sub(1)).sum();
    measures
}

/// Pairs (object, track) of a frame, as indices: those of `before`, then those of most overlap.
fn matched(Frame { objects, tracks }: &Frame, before: &BTreeMap<u64, u64>) -> Vec<(usize, usize)> {
    let mut edges = Vec::new();
    for (o, (object, there)) in objects.iter().enumerate() {
        for (t, (track, tracked)) in tracks.iter().enumerate() {
            let iou = there.iou(tracked);
            if iou + f64::EPSILON >= LEAST_IOU {
                let kept = before.get(object) == Some(track);
                edges.push((o, t, if kept { iou + KEPT } else { iou }));
            }
        }
    }
    best_pairs(objects.len(), tracks.len(), &edges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rect;

    fn at(x: f64) -> Rect {
        Rect::new(x, 0.0, x + 10.0, 10.0)
    }

    fn frame(objects: &[(u64, f64)], tracks: &[(u64, f64)]) -> Frame {
        let placed = |all: &[(u64, f64)]| all.iter().map(|&(id, x)| (id, at(x))).collect();
        Frame { objects: placed(objects), tracks: placed(tracks) }
    }

    #[test]
    fn a_pair_is_kept_though_another_overlaps_more() {
        let frames = [frame(&[(1, 0.0)], &[(7, 1.0)]), frame(&[(1, 0.0)], &[(7, 3.0), (8, 0.0)])];
        let found = clear(&frames);
        assert_eq!([found.matches, found.misses, found.false_positives, found.switches], [2, 0, 1, 0]);
        assert_eq!(found.mota, 0.5);
        assert!((found.motp - (9.0 / 11.0 + 7.0 / 13.0) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_switch_counts_after_a_gap_too_and_a_gap_is_a_fragmentation() {
        let other = (2, 500.0);
        let frames = [
            frame(&[(1, 0.0), other], &[(7, 0.0)]),
            frame(&[(1, 0.0), other], &[(9, 900.0)]),
            frame(&[(1, 0.0), other], &[(8, 0.0)]),
        ];
        let found = clear(&frames);
        assert_eq!([found.switches, found.fragmentations, found.misses, found.false_positives], [1, 1, 4, 1]);
        assert_eq!(found.mota, 0.0);
    }

    #[test]
    fn nothing_is_measured_as_zero() {
        assert_eq!(clear(&[]), Measures::default());
        assert_eq!(clear(&[frame(&[], &[(1, 0.0)])]).mota, 0.0);
    }
}
