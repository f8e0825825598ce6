//! From what the heads say to detections: **decode → topk → nms → gather**.
//!
//! These four stages are the meaning of the post-processing. The kernels in `shaders/` carry the same names, take the same
//! steps and break ties by the same rule: score descending, then class ascending, then prior ascending. Here it is plain
//! `f32` on one thread: what training evaluates with, and what the page falls back to without WebGPU.
//! Paper §2.1 and §3: a score threshold, the best 400 of each class, NMS at 0.45 for each class, the best 200 of all.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::boxes::{CenterBox, Detection};
use crate::codec::Variances;

mod decode;
mod gather;
mod nms;
mod topk;

pub use decode::{Decoded, MAGNITUDE_MAX, decode};
pub use gather::{Gathered, gather};
pub use nms::{SOFT_NMS_SIGMA, nms, soft_nms};
pub use topk::{Candidate, topk};

/// Upper limit of `top_k` and of `max`: the length of a row of candidates on the GPU.
pub const SLOTS: usize = 512;

/// What becomes of a box that overlaps a better one of its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nms {
    /// It is removed when the overlap is above the threshold.
    #[default]
    Hard,
    /// Its score is lowered, the more the larger the overlap: [`soft_nms`].
    Soft,
}

/// What a user can choose about detections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectParams {
    /// A detection's score is above this; `0..=1`.
    pub score: f32,
    /// Of two boxes of a class that overlap by more than this only the better one stays; `0..=1`. Soft NMS does not use it.
    pub iou: f32,
    /// So many candidates of each class go into NMS; `1..=512`.
    pub top_k: usize,
    /// So many detections at most in a picture; `1..=512`.
    pub max: usize,
    /// Hard or soft suppression.
    pub nms: Nms,
    /// Only these classes, 1-based; `None` is all of them, an empty list is none.
    pub classes: Option<Vec<usize>>,
}

impl Default for DetectParams {
    /// The numbers of the paper, apart from the score: 0.01 there, to measure with; 0.5 here, to look at.
    fn default() -> Self {
        Self { score: 0.5, iou: 0.45, top_k: 400, max: 200, nms: Nms::Hard, classes: None }
    }
}

/// What can be wrong with [`DetectParams`].
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ParamsError {
    /// A threshold that is no fraction.
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
        /// The last class there is.
        last: usize,
    },
}

impl DetectParams {
    /// The same, if every number is in its range for a model of `classes` classes, background included.
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

    /// The bits of the score threshold. Scores are compared as integers, in which `-0.0` would be larger than all of them.
    pub fn score_bits(&self) -> u32 {
        (self.score + 0.0).to_bits()
    }
}

/// All four stages for one picture.
///
/// `offsets` are `[P, 4]`, `logits` `[P, C]` with background as class 0, both row by row; `priors` are `P`. The detections
/// are at most `params.max`, best first. Numbers that are not finite lead to no detection.
pub fn postprocess(
    offsets: &[f32],
    logits: &[f32],
    priors: &[CenterBox],
    variances: Variances,
    params: &DetectParams,
) -> Vec<Detection> {
    let decoded = decode(offsets, logits, priors, variances);
    let kept: Vec<Vec<Candidate>> = (decoded.rows().enumerate())
        .map(|(row, scores)| {
            let candidates = if params.wants(row + 1) { topk(scores, params) } else { Vec::new() };
            match params.nms {
                Nms::Hard => nms(&candidates, &decoded.boxes, params),
                Nms::Soft => soft_nms(&candidates, &decoded.boxes, params),
            }
        })
        .collect();
    gather(&kept, &decoded.boxes, params).into_iter().map(|gathered| gathered.detection).collect()
}

#[cfg(test)]
mod tests;
