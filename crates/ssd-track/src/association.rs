//! Which detection continues which track: optimal assignment by IoU, within classes.

use crate::Rect;
use crate::assignment::best_pairs;

/// A box of a class: what can be associated.
pub type Placed = (usize, Rect);

/// Pairs (track, detection) of equal class with an IoU of at least `least`; the sum of what each has beyond that is the
/// largest there is.
pub fn associated(tracks: &[Placed], detections: &[Placed], least: f64) -> Vec<(usize, usize)> {
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
    best_pairs(tracks.len(), detections.len(), &edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_do_not_mix_and_the_least_overlap_counts() {
        let at = |x: f64| Rect::new(x, 0.0, x + 10.0, 10.0);
        let tracks = [(1, at(0.0)), (2, at(0.0)), (1, at(100.0))];
        assert_eq!(associated(&tracks, &[(2, at(1.0)), (1, at(5.0))], 1.0 / 3.0), [(0, 1), (1, 0)]);
        assert_eq!(associated(&tracks, &[(2, at(1.0)), (1, at(5.0))], 0.34), [(1, 0)]);
        assert_eq!(associated(&tracks, &[(3, at(0.0)), (1, at(50.0))], 0.0), []);
    }
}
