//! Generated sequences with known truth: objects on their way, and what a detector would make of them.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::measure::{Boxes, Frame};
use crate::{Detection, Rect, State, Tracker};

/// Seconds from frame to frame.
pub const FRAME_S: f64 = 1.0 / 30.0;

/// An object that moves steadily, in pixels and pixels a frame, from one frame to another.
pub struct Object {
    pub id: u64,
    pub class: usize,
    pub size: (f64, f64),
    pub start: (f64, f64),
    pub step: (f64, f64),
    /// First frame, and the one after the last.
    pub there: std::ops::Range<usize>,
    /// Frames in which something hides it.
    pub hidden: std::ops::Range<usize>,
}

impl Object {
    pub fn at(&self, frame: usize) -> Rect {
        let since = frame.saturating_sub(self.there.start) as f64;
        let (x, y) = (self.start.0 + self.step.0 * since, self.start.1 + self.step.1 * since);
        Rect::new(x, y, x + self.size.0, y + self.size.1)
    }
}

/// What a detector does wrong, by chance.
pub struct Detector {
    /// Share of objects that it misses in a frame.
    pub misses: f64,
    /// False detections in a frame, on average at most one.
    pub false_positives: f64,
    /// Largest error of an edge, as a share of the size.
    pub error: f64,
    random: Pcg64,
}

impl Detector {
    pub fn new(misses: f64, false_positives: f64, error: f64, seed: u64) -> Self {
        Self { misses, false_positives, error, random: Pcg64::seed_from_u64(seed) }
    }

    /// The detections of a frame. What is hidden is not found; every tenth that is found has a low score.
    pub fn detect(&mut self, objects: &[Object], frame: usize) -> Vec<Detection> {
        let mut found = Vec::new();
        for object in objects.iter().filter(|object| object.there.contains(&frame)) {
            if object.hidden.contains(&frame) || self.random.random::<f64>() < self.misses {
                continue;
            }
            let Rect { x1, y1, x2, y2 } = object.at(frame);
            let [a, b, c, d] = std::array::from_fn(|_| (2.0 * self.random.random::<f64>() - 1.0) * self.error);
            let (w, h) = object.size;
            let bbox = Rect::new(x1 + a * w, y1 + b * h, x2 + c * w, y2 + d * h);
            let score = if self.random.random::<f64>() < 0.1 { 0.3 } else { 0.9 };
            found.push(Detection { bbox, class: object.class, score });
        }
        if self.random.random::<f64>() < self.false_positives {
            let (x, y) = (1800.0 * self.random.random::<f64>(), 1000.0 * self.random.random::<f64>());
            found.push(Detection { bbox: Rect::new(x, y, x + 60.0, y + 120.0), class: 1, score: 0.7 });
        }
        found
    }
}

/// Tracks a sequence; the confirmed tracks that are seen, beside the objects that can be seen.
pub fn tracked(objects: &[Object], detector: &mut Detector, frames: usize) -> Vec<Frame> {
    let mut tracker = Tracker::new(crate::Rules::default()).expect("the default rules");
    let frame = |index: usize| {
        tracker.update(&detector.detect(objects, index), index as f64 * FRAME_S).expect("in order");
        let there = |object: &&Object| object.there.contains(&index) && !object.hidden.contains(&index);
        let truth: Boxes = objects.iter().filter(there).map(|object| (object.id, object.at(index))).collect();
        let seen = tracker.tracks().iter().filter(|track| track.state() == State::Seen);
        Frame { objects: truth, tracks: seen.map(|track| (track.number(), track.bbox())).collect() }
    };
    (0..frames).map(frame).collect()
}
