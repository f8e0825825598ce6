//! A step of the tracker, in a frame as full as a crowd.

use ssd_gpu::bench::{Budget, median};
use ssd_track::{Detection, Rect, Rules, Tracker};

use crate::detect::detector::milliseconds;

/// Tracks of a step.
pub(super) const TRACKS: usize = 200;

/// Steps before any is measured.
const WARM_UP: usize = 20;

/// Median milliseconds of a step of [`TRACKS`] objects: people in twenty columns, who walk and overlap others.
pub(super) fn step_ms(budget: Budget) -> f64 {
    let Ok(mut tracker) = Tracker::new(Rules::default()) else { return f64::NAN };
    let (mut times, started) = (Vec::new(), milliseconds());
    for step in 0..WARM_UP + budget.samples {
        let found = crowd(step);
        let start = milliseconds();
        // Frames come in order, so none is refused.
        let _ = tracker.update(&found, step as f64 / 30.0);
        if step >= WARM_UP {
            times.push(milliseconds() - start);
        }
        if !times.is_empty() && milliseconds() - started > budget.seconds * 1e3 {
            break;
        }
    }
    median(&times)
}

/// The detections of a frame.
fn crowd(step: usize) -> Vec<Detection> {
    let person = |index: usize| {
        let (column, row) = ((index % 20) as f64, (index / 20) as f64);
        let direction = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
        let (x, y) = (90.0 * column + direction * (step % 40) as f64, 90.0 * row);
        Detection { bbox: Rect::new(x, y, x + 60.0, y + 120.0), class: 1, score: 0.9 }
    };
    (0..TRACKS).map(person).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_keeps_its_two_hundred_tracks() {
        let mut tracker = Tracker::new(Rules::default()).expect("the default rules");
        for step in 0..40 {
            tracker.update(&crowd(step), step as f64 / 30.0).expect("in order");
        }
        let numbers: Vec<u64> = tracker.tracks().iter().map(|track| track.number()).collect();
        assert_eq!(numbers, (1..=TRACKS as u64).collect::<Vec<_>>());
    }
}
