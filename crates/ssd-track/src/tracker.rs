//! Detections of a frame in, tracks out.

use std::collections::BTreeMap;

use crate::association::{Pair, Placed, associated};
use crate::{Detection, Rect, Rules, State, Track, TrackError};

/// How many objects of a class there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassCount {
    /// Confirmed and seen in the last frame.
    pub now: usize,
    /// Confirmed since the beginning, each once.
    pub total: u64,
}

/// Follows objects from frame to frame.
///
/// A frame's detections are associated in three rounds, each among what the last one left: strong ones with confirmed
/// tracks, lost ones too; weak ones with tracks of the frame before, since what is hidden half is found with a low
/// score; strong ones with new tracks. A strong one that is left begins a track, so every strong detection has one.
#[derive(Debug, Clone)]
pub struct Tracker {
    rules: Rules,
    tracks: Vec<Track>,
    time: Option<f64>,
    begun: u64,
    totals: BTreeMap<usize, u64>,
}

impl Tracker {
    /// A tracker that has seen nothing.
    ///
    /// # Errors
    /// If a rule is out of its range.
    pub fn new(rules: Rules) -> Result<Self, TrackError> {
        Ok(Self { rules: rules.checked()?, tracks: Vec::new(), time: None, begun: 0, totals: BTreeMap::new() })
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Follows other rules from the next frame on.
    ///
    /// # Errors
    /// If a rule is out of its range.
    pub fn set_rules(&mut self, rules: Rules) -> Result<(), TrackError> {
        self.rules = rules.checked()?;
        Ok(())
    }

    /// All tracks that have not ended, in the order of their numbers.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The time of the last frame, in seconds.
    pub fn time(&self) -> Option<f64> {
        self.time
    }

    /// Takes the detections of a frame, in any order, and its time in seconds. Returns the number of the track of each;
    /// none for a weak one that continues nothing, and for a box that is not finite or has no area.
    ///
    /// # Errors
    /// If the time is not finite, or before that of the last frame.
    pub fn update(&mut self, detections: &[Detection], time: f64) -> Result<Vec<Option<u64>>, TrackError> {
        let last = self.time.unwrap_or(time);
        if !time.is_finite() || time < last {
            return Err(TrackError::Time { time, last });
        }
        self.time = Some(time);
        for track in &mut self.tracks {
            track.advance(time - last, &self.rules);
        }

        let rules = self.rules;
        let usable = |least: f64, below: f64| {
            let found = detections
                .iter()
                .enumerate()
                .filter(move |(_, found)| found.bbox.is_proper() && found.score >= least && found.score < below);
            found.map(|(index, _)| index).collect::<Vec<_>>()
        };
        let mut strong = usable(rules.strong, f64::INFINITY);
        let mut weak = usable(rules.weak, rules.strong);
        self.round(detections, &mut strong, rules.iou_strong, |track| track.state != State::New);
        self.round(detections, &mut weak, rules.iou_weak, |track| track.state == State::Seen);
        self.round(detections, &mut strong, rules.iou_new, |track| track.state == State::New);

        self.end();
        for index in strong {
            self.begun += 1;
            let track = Track::begin(self.begun, index, &detections[index], time, &rules);
            self.count(track.class, track.is_confirmed());
            self.tracks.push(track);
        }
        let mut numbers = vec![None; detections.len()];
        for track in &self.tracks {
            if let Some(index) = track.detection {
                numbers[index] = Some(track.number);
            }
        }
        Ok(numbers)
    }

    /// Associates those of the tracks that have no detection yet; `left` keeps what found no track.
    fn round(&mut self, detections: &[Detection], left: &mut Vec<usize>, least: f64, of: impl Fn(&Track) -> bool) {
        let open = |track: &Track| track.detection.is_none() && of(track);
        let tracks: Vec<usize> = (0..self.tracks.len()).filter(|&index| open(&self.tracks[index])).collect();
        let placed = |&index: &usize| (self.tracks[index].class, self.tracks[index].bbox());
        let predicted: Vec<Placed> = tracks.iter().map(placed).collect();
        let seen = |&index: &usize| (detections[index].class, detections[index].bbox);
        let seen: Vec<Placed> = left.iter().map(seen).collect();
        let time = self.time.unwrap_or_default();
        let pairs = associated(&predicted, &seen, least);
        let surprise =
            |t: usize, d: usize| self.tracks[tracks[t]].motion.surprise(&detections[left[d]].bbox, &self.rules);
        let certain: Vec<f64> = pairs.iter().map(|pair| certainty(pair, surprise)).collect();
        for (&Pair { track: t, detection: d, .. }, certainty) in pairs.iter().zip(certain) {
            let (track, index) = (&mut self.tracks[tracks[t]], left[d]);
            let was = track.is_confirmed();
            track.go_on((index, certainty), &detections[index], time, &self.rules);
            let (class, now) = (track.class, track.is_confirmed());
            self.count(class, now && !was);
            left[d] = usize::MAX;
        }
        left.retain(|&index| index != usize::MAX);
    }

    /// Tracks that were not seen are lost, and end if they were new or are lost for too long.
    fn end(&mut self) {
        let (time, lost_seconds) = (self.time.unwrap_or_default(), self.rules.lost_seconds);
        self.tracks.retain_mut(|track| {
            let seen = track.detection.is_some();
            let stays = seen || (track.state != State::New && time - track.seen_at <= lost_seconds);
            if !seen && stays {
                track.state = State::Lost;
            }
            stays
        });
    }

    fn count(&mut self, class: usize, is_one: bool) {
        if is_one {
            *self.totals.entry(class).or_default() += 1;
        }
    }

    /// The confirmed tracks of the last frame with the boxes that they should have at a time after it, in seconds: for
    /// pictures between frames. Beyond the rule `ahead_seconds` boxes stay, and before the last frame they are as they
    /// were.
    pub fn at(&self, time: f64) -> impl Iterator<Item = (&Track, Rect)> {
        // `max` and `min` turn NaN into a number.
        let dt = (time - self.time.unwrap_or_default()).max(0.0).min(self.rules.ahead_seconds);
        let seen = self.tracks.iter().filter(|track| track.state == State::Seen);
        seen.map(move |track| (track, track.motion.advanced(dt, &self.rules).rect()))
    }

    /// How many objects there are of each class of which there was any.
    pub fn counts(&self) -> BTreeMap<usize, ClassCount> {
        let mut counts: BTreeMap<usize, ClassCount> =
            self.totals.iter().map(|(&class, &total)| (class, ClassCount { now: 0, total })).collect();
        for track in self.tracks.iter().filter(|track| track.state == State::Seen) {
            counts.entry(track.class).or_default().now += 1;
        }
        counts
    }
}

/// How much a detection says about its track rather than about a rival's, `0..=1`. Objects that pass through each
/// other side by side differ by less than detections err, and whichever was assigned must not change what is known of
/// their speeds. If the pair is right with probability p, by the filters' likelihoods of it and of each exchange with
/// a rival, it is 2p - 1: the weight of the difference of two objects in joint probabilistic data association
/// (Fortmann, Bar-Shalom and Scheffe, 1983).
fn certainty(pair: &Pair, surprise: impl Fn(usize, usize) -> f64) -> f64 {
    let Pair { track, detection, rivals } = pair;
    let exchanged = rivals.iter().map(|&(rival, other)| {
        let more = surprise(*track, other) + surprise(rival, *detection);
        (-0.5 * (more - surprise(*track, *detection) - surprise(rival, other))).exp()
    });
    (2.0 / (1.0 + exchanged.sum::<f64>()) - 1.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(x: f64, score: f64) -> Detection {
        Detection { bbox: Rect::new(x, 0.0, x + 20.0, 40.0), class: 1, score }
    }

    fn tracker() -> Tracker {
        Tracker::new(Rules::default()).expect("the default rules")
    }

    #[test]
    fn every_strong_detection_has_a_number_and_a_weak_one_only_continues() {
        let mut tracker = tracker();
        let weak = found(100.0, 0.3);
        assert_eq!(tracker.update(&[found(0.0, 0.9), weak], 0.0), Ok(vec![Some(1), None]));
        assert_eq!(tracker.update(&[weak, found(1.0, 0.9)], 0.1), Ok(vec![None, Some(1)]));
        assert_eq!(tracker.update(&[found(2.0, 0.2)], 0.2), Ok(vec![Some(1)]));
        assert_eq!(tracker.tracks()[0].state(), State::Seen);
        assert_eq!(tracker.update(&[found(3.0, 0.05)], 0.3), Ok(vec![None]));
        assert_eq!(tracker.tracks()[0].state(), State::Lost);
    }

    #[test]
    fn a_lost_track_comes_back_in_time_and_ends_after_it() {
        let mut tracker = tracker();
        for time in [0.0, 0.1, 0.2] {
            tracker.update(&[found(0.0, 0.9)], time).expect("in order");
        }
        tracker.update(&[], 0.3).expect("in order");
        assert_eq!(tracker.update(&[found(0.0, 0.9)], 1.1), Ok(vec![Some(1)]));
        tracker.update(&[], 2.2).expect("in order");
        assert!(tracker.tracks().is_empty());
        assert_eq!(tracker.update(&[found(0.0, 0.9)], 2.3), Ok(vec![Some(2)]));
    }

    #[test]
    fn what_is_seen_once_is_not_believed_and_not_counted() {
        let mut tracker = tracker();
        tracker.update(&[found(0.0, 0.9), found(300.0, 0.9)], 0.0).expect("in order");
        tracker.update(&[found(0.0, 0.9)], 0.1).expect("in order");
        assert_eq!(tracker.tracks().len(), 1);
        assert_eq!(tracker.counts(), BTreeMap::from([(1, ClassCount { now: 1, total: 1 })]));
        tracker.update(&[], 0.2).expect("in order");
        assert_eq!(tracker.counts(), BTreeMap::from([(1, ClassCount { now: 0, total: 1 })]));
    }

    #[test]
    fn between_frames_boxes_move_on_and_then_stay() {
        let mut tracker = tracker();
        for step in 0..20 {
            let time = f64::from(step) * 0.1;
            tracker.update(&[found(100.0 * time, 0.9)], time).expect("in order");
        }
        let x = |time: f64| tracker.at(time).next().expect("a track").1.centre().x;
        assert!((x(2.0) - x(1.9) - 10.0).abs() < 1.0, "{} {}", x(1.9), x(2.0));
        assert!((x(9.0) - x(1.9 + Rules::default().ahead_seconds)).abs() < 1e-9);
        assert_eq!(x(9.0), x(99.0));
        assert_eq!([x(0.0), x(f64::NAN)], [x(1.9), x(1.9)]);
    }

    #[test]
    fn frames_may_not_go_back_and_nonsense_is_left_out() {
        let mut tracker = tracker();
        let mut bad = [found(0.0, 0.9), found(0.0, f64::NAN), found(f64::INFINITY, 0.9)];
        bad[0].bbox.y2 = -1.0;
        assert_eq!(tracker.update(&bad, 5.0), Ok(vec![None; 3]));
        assert_eq!(tracker.update(&bad, 4.0), Err(TrackError::Time { time: 4.0, last: 5.0 }));
        assert!(tracker.update(&bad, f64::NAN).is_err());
        assert_eq!(tracker.update(&bad, 5.0), Ok(vec![None; 3]), "the same time is in order");
    }

    #[test]
    fn the_trail_is_as_long_as_the_rules_say() {
        let mut tracker = Tracker::new(Rules { trail: 3.0, ..Rules::default() }).expect("good rules");
        for step in 0..10 {
            tracker.update(&[found(f64::from(step), 0.9)], f64::from(step) * 0.1).expect("in order");
        }
        let trail: Vec<f64> = tracker.tracks()[0].trail().map(|point| point.x).collect();
        assert_eq!(trail.len(), 3);
        assert!(trail.is_sorted() && (trail[2] - 19.0).abs() < 1.0, "{trail:?}");
    }
}
