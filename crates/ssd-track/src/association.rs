//! Which detection continues which track: optimal assignment by IoU, within classes.

use crate::Rect;
use crate::assignment::best_pairs;

/// A box of a class: what can be associated.
pub type Placed = (usize, Rect);

/// A detection that continues a track, by their indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub track: usize,
    pub detection: usize,
    /// Other pairs (track, detection) with which this one could exchange its detection.
    pub rivals: Vec<(usize, usize)>,
}

/// Pairs of equal class with an IoU of at least `least`; the sum of what each has beyond that is the largest there is.
pub fn associated(tracks: &[Placed], detections: &[Placed], least: f64) -> Vec<Pair> {
    let mut edges = Vec::new();
    for (t, (class, predicted)) in tracks.iter().enumerate() {
        for (d, (other, seen)) in detections.iter().enumerate() {
            let iou = if class == other { predicted.iou(seen) } else { 0.0 };
            if iou > 0.0 && iou >= least {
                // Exactly the least is still a pair.
                edges.push((t, d, iou - least + 1e-9));
            }
        }
    }
    let pairs = best_pairs(tracks.len(), detections.len(), &edges);
    let mut track_of = vec![None; detections.len()];
    for &(track, detection) in &pairs {
        track_of[detection] = Some(track);
    }
    // Edges are in the order of tracks, then of detections.
    let edges: Vec<(usize, usize)> = edges.into_iter().map(|(track, detection, _)| (track, detection)).collect();
    let of_track = |track: usize| {
        let start = edges.partition_point(|edge| edge.0 < track);
        edges[start..].iter().take_while(move |edge| edge.0 == track)
    };
    let pair = |(track, detection)| {
        let others = of_track(track).filter_map(|&(_, other)| track_of[other].map(|rival| (rival, other)));
        let rivals =
            others.filter(|&(rival, _)| rival != track && edges.binary_search(&(rival, detection)).is_ok()).collect();
        Pair { track, detection, rivals }
    };
    pairs.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_do_not_mix_and_the_least_overlap_counts() {
        let at = |x: f64| Rect::new(x, 0.0, x + 10.0, 10.0);
        let tracks = [(1, at(0.0)), (2, at(0.0)), (1, at(100.0))];
        assert_eq!(pairs(&tracks, &[(2, at(1.0)), (1, at(5.0))], 1.0 / 3.0), [(0, 1), (1, 0)]);
        assert_eq!(pairs(&tracks, &[(2, at(1.0)), (1, at(5.0))], 0.34), [(1, 0)]);
        assert_eq!(pairs(&tracks, &[(3, at(0.0)), (1, at(50.0))], 0.0), []);
    }

    fn pairs(tracks: &[Placed], detections: &[Placed], least: f64) -> Vec<(usize, usize)> {
        associated(tracks, detections, least).iter().map(|pair| (pair.track, pair.detection)).collect()
    }

    #[test]
    fn rivals_are_those_that_could_have_each_other_s_detection() {
        let at = |x: f64| (1, Rect::new(x, 0.0, x + 10.0, 10.0));
        let found = associated(&[at(0.0), at(3.0), at(11.0)], &[at(0.5), at(3.5), at(11.5)], 0.2);
        let rivals: Vec<&[(usize, usize)]> = found.iter().map(|pair| &pair.rivals[..]).collect();
        // The third overlaps the second too little.
        assert_eq!(rivals, [&[(1, 1)][..], &[(0, 0)], &[]]);
    }
}
