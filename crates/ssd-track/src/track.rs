//! One object over time.

use std::collections::VecDeque;

use crate::motion::Motion;
use crate::{Detection, Point, Rect, Rules};

/// What is known of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Seen too few times in a row to be believed.
    New,
    /// Seen in the last frame.
    Seen,
    /// Not seen in the last frame; it may come back.
    Lost,
}

/// An object that keeps its number.
#[derive(Debug, Clone)]
pub struct Track {
    pub(crate) number: u64,
    pub(crate) class: usize,
    pub(crate) score: f64,
    pub(crate) state: State,
    pub(crate) began: f64,
    pub(crate) seen_at: f64,
    pub(crate) detection: Option<usize>,
    pub(crate) motion: Motion,
    trail: VecDeque<Point>,
    /// Frames in a row in which a new track was seen.
    seen: usize,
}

impl Track {
    /// A track that begins with the detection of that index.
    pub(crate) fn begin(number: u64, index: usize, found: &Detection, time: f64, rules: &Rules) -> Self {
        let mut track = Self {
            number,
            class: found.class,
            score: found.score,
            state: State::New,
            began: time,
            seen_at: time,
            detection: Some(index),
            motion: Motion::new(&found.bbox, rules),
            trail: VecDeque::new(),
            seen: 1,
        };
        track.mature(rules);
        track
    }

    /// Goes on with the detection of that index, which is its own with that certainty. `motion` is at the time of the
    /// frame already.
    pub(crate) fn go_on(&mut self, (index, certainty): (usize, f64), found: &Detection, time: f64, rules: &Rules) {
        self.motion = self.motion.corrected(&found.bbox, certainty, rules);
        self.score = found.score;
        self.seen_at = time;
        self.detection = Some(index);
        self.seen += 1;
        if self.state == State::Lost {
            self.state = State::Seen;
        }
        self.mature(rules);
    }

    /// Confirms what was seen often enough, and notes where it is.
    fn mature(&mut self, rules: &Rules) {
        if self.state == State::New && self.seen as f64 >= rules.confirm {
            self.state = State::Seen;
        }
        let most = rules.trail as usize;
        while self.trail.len() >= most.max(1) {
            self.trail.pop_front();
        }
        if most > 0 {
            self.trail.push_back(self.motion.rect().centre());
        }
    }

    /// Moves to a frame `dt` seconds later, before anything is known of it.
    pub(crate) fn advance(&mut self, dt: f64, rules: &Rules) {
        let motion = if self.state == State::Lost { self.motion.of_steady_size() } else { self.motion };
        self.motion = motion.advanced(dt, rules);
        self.detection = None;
    }

    /// Counted from 1 in the order in which tracks begin; never given twice.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The class of its detections, 1-based.
    pub fn class(&self) -> usize {
        self.class
    }

    /// The score of the last detection.
    pub fn score(&self) -> f64 {
        self.score
    }

    /// What is known of it.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the object has been seen often enough to be believed.
    pub fn is_confirmed(&self) -> bool {
        self.state != State::New
    }

    /// When the first detection was made, in seconds.
    pub fn began(&self) -> f64 {
        self.began
    }

    /// When the last detection was made, in seconds.
    pub fn seen_at(&self) -> f64 {
        self.seen_at
    }

    /// The index of its detection among those of the last frame; none if it was not seen there.
    pub fn detection(&self) -> Option<usize> {
        self.detection
    }

    /// The smooth box at the time of the last frame; of a lost track, where it should be.
    pub fn bbox(&self) -> Rect {
        self.motion.rect()
    }

    /// Where its centre was whenever it was seen, oldest first, the present included.
    pub fn trail(&self) -> impl ExactSizeIterator<Item = Point> + '_ {
        self.trail.iter().copied()
    }
}
