//! The user's choices for detections, and their ranges.

use serde::{Deserialize, Serialize};

/// Upper limit of `top_k` and of `max`: the length of a row of candidates on the GPU.
pub const SLOTS: usize = 512;

/// How a box that overlaps a better one of its class is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nms {
    /// It is removed when the overlap is above the threshold.
    #[default]
    Hard,
    /// Its score is lowered, the more the larger the overlap: [`soft_nms`](super::soft_nms).
    Soft,
}

/// Which detections are wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectParams {
    /// Detections have scores above this; `0..=1`.
    pub score: f32,
    /// Of two boxes of a class that overlap by more than this only the better one stays; `0..=1`. Soft NMS ignores it.
    pub iou: f32,
    /// Candidates of a class that enter NMS, at most; `1..=512`.
    pub top_k: usize,
    /// Detections in a picture, at most; `1..=512`.
    pub max: usize,
    /// Hard or soft suppression.
    pub nms: Nms,
    /// Only these classes, 1-based; `None` means all, an empty list means none at all.
    pub classes: Option<Vec<usize>>,
}

impl Default for DetectParams {
    /// The paper's, except for the score: 0.01 there, to measure; 0.5 here, to look at.
    fn default() -> Self {
        Self { score: 0.5, iou: 0.45, top_k: 400, max: 200, nms: Nms::Hard, classes: None }
    }
}

/// Invalid [`DetectParams`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParamsError {
    /// A threshold outside `0..=1`.
    #[error("The {name} threshold is {value}; give a number from 0 to 1.")]
    Threshold {
        /// `score` or `iou`.
        name: &'static str,
        /// As given.
        value: f32,
    },
    /// A count outside `1..=512`.
    #[error("{name} is {value}; give a number from 1 to {SLOTS}.")]
    Count {
        /// `top_k` or `max`.
        name: &'static str,
        /// As given.
        value: usize,
    },
    /// A class that the model does not have.
    #[error("Class {class} does not exist; this model has the classes 1 to {last}.")]
    Class {
        /// As given.
        class: usize,
        /// The model's last class.
        last: usize,
    },
}

impl DetectParams {
    /// The same, if all values are in range for a model of `classes` classes, background included.
    ///
    /// # Errors
    ///
    /// The first value that is not.
    pub fn checked(self, classes: usize) -> Result<Self, ParamsError> {
        for (name, value) in [("score", self.score), ("iou", self.iou)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(ParamsError::Threshold { name, value });
            }
        }
        for (name, value) in [("top_k", self.top_k), ("max", self.max)] {
            if !(1..=SLOTS).contains(&value) {
                return Err(ParamsError::Count { name, value });
            }
        }
        let last = classes.saturating_sub(1);
        match self.classes.iter().flatten().find(|class| !(1..=last).contains(class)) {
            Some(&class) => Err(ParamsError::Class { class, last }),
            None => Ok(self),
        }
    }

    /// Whether a class, 1-based, is to be detected.
    pub fn wants(&self, class: usize) -> bool {
        self.classes.as_ref().is_none_or(|classes| classes.contains(&class))
    }

    /// The bits of the score threshold. Scores are compared as integers, where `-0.0` would exceed all of them.
    pub fn score_bits(&self) -> u32 {
        (self.score + 0.0).to_bits()
    }
}
