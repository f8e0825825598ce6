//! IDF1: which track is which object, chosen once for the whole sequence.

use std::collections::BTreeMap;

use super::{Frame, LEAST_IOU, share};
use crate::assignment::{Edge, best_pairs};

/// Twice the boxes of objects and tracks that belong together, by the choice that has the most, among all boxes.
pub fn idf1(frames: &[Frame]) -> f64 {
    let (mut objects, mut tracks) = (BTreeMap::new(), BTreeMap::new());
    let mut together: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut boxes = 0;
    for frame in frames {
        boxes += frame.objects.len() + frame.tracks.len();
        for (object, there) in &frame.objects {
            let o = index(&mut objects, *object);
            for (track, tracked) in &frame.tracks {
                let t = index(&mut tracks, *track);
                if there.iou(tracked) >= LEAST_IOU {
                    *together.entry((o, t)).or_default() += 1;
                }
            }
        }
    }
    let edges: Vec<Edge> = together.iter().map(|(&(o, t), &count)| (o, t, count as f64)).collect();
    let right: usize = best_pairs(objects.len(), tracks.len(), &edges).iter().map(|pair| together[pair]).sum();
    share(2.0 * right as f64, boxes as f64)
}

/// The index of an identity; a new one has the next.
fn index(known: &mut BTreeMap<u64, usize>, id: u64) -> usize {
    let next = known.len();
    *known.entry(id).or_insert(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rect;

    #[test]
    fn a_track_is_one_object_and_the_longer_part_counts() {
        let bbox = Rect::new(0.0, 0.0, 10.0, 10.0);
        // Object 1 has track 7 for two frames and track 8 for three.
        let frame = |track: u64| Frame { objects: vec![(1, bbox)], tracks: vec![(track, bbox)] };
        let frames: Vec<Frame> = [7, 7, 8, 8, 8].into_iter().map(frame).collect();
        assert_eq!(idf1(&frames), 2.0 * 3.0 / 10.0);
        assert_eq!(idf1(&[]), 0.0);
    }
}
