//! decode: the predictions for a prior become its scores and its box. The kernel is `shaders/decode.wgsl`.
//!
//! Scores follow from the logits by [`ScoreActivation`], one row of priors for each class. A box is the prior moved and
//! stretched by its offsets, in corner form, clipped to the picture.

use serde::{Deserialize, Serialize};

use crate::boxes::{CenterBox, CornerBox};
use crate::codec::{self, Variances};

/// Priors with a NaN or anything larger than this are dropped: scores and box become zero. The limit is far above any
/// real prediction and keeps the arithmetic that follows finite.
pub const MAGNITUDE_MAX: f32 = 1e30;

/// Beyond these a sigmoid is 0 or 1 in `f32`; the limit keeps its exponential finite.
pub const SIGMOID_LOGIT_MAX: f32 = 80.0;

/// How logits become scores. A file that names another way is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreActivation {
    /// Softmax over the classes and the background, whose logit is the first: the paper's.
    Softmax,
    /// The sigmoid of each logit; there is none for the background.
    Sigmoid,
}

impl ScoreActivation {
    /// Logits of a prior that stand before those of the classes.
    pub fn background(self) -> usize {
        usize::from(self == Self::Softmax)
    }

    /// Logits of a prior, for so many classes without background.
    pub fn columns(self, classes: usize) -> usize {
        self.background() + classes
    }
}

/// Scores and boxes of all priors.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// A row of `P` for each class without background; `0..=1`.
    pub scores: Vec<f32>,
    /// `[P]`, inside the picture.
    pub boxes: Vec<CornerBox>,
}

impl Decoded {
    /// The rows of scores, class 1 first.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.scores.chunks_exact(self.boxes.len().max(1))
    }
}

/// Decodes `offsets [P, 4]` and `logits [P, C]` against `P` priors.
pub fn decode(
    offsets: &[f32],
    logits: &[f32],
    priors: &[CenterBox],
    variances: Variances,
    activation: ScoreActivation,
) -> Decoded {
    let columns = logits.len().checked_div(priors.len()).unwrap_or(0);
    let mut scores = vec![0.0; columns.saturating_sub(activation.background()) * priors.len()];
    let mut boxes = vec![CornerBox::default(); priors.len()];
    let mut activated = vec![0.0; columns];

    let (offsets, _) = offsets.as_chunks::<4>();
    let predictions = offsets.iter().zip(logits.chunks_exact(columns.max(1)));
    for (prior, (offset, logits)) in predictions.enumerate().take(priors.len()) {
        let usable = |value: &f32| value.abs() <= MAGNITUDE_MAX;
        if !(offset.iter().all(usable) && logits.iter().all(usable)) {
            continue;
        }
        match activation {
            ScoreActivation::Softmax => softmax(logits, &mut activated),
            ScoreActivation::Sigmoid => sigmoid(logits, &mut activated),
        }
        for (row, score) in activated[activation.background()..].iter().enumerate() {
            scores[row * priors.len() + prior] = *score;
        }
        boxes[prior] = codec::decode(*offset, &priors[prior], variances).to_corner().clipped();
    }
    Decoded { scores, boxes }
}

fn softmax(logits: &[f32], shares: &mut [f32]) {
    let top = logits.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for (share, logit) in shares.iter_mut().zip(logits) {
        *share = (logit - top).exp();
        sum += *share;
    }
    for share in shares {
        *share = (*share / sum).min(1.0);
    }
}

fn sigmoid(logits: &[f32], scores: &mut [f32]) {
    for (score, logit) in scores.iter_mut().zip(logits) {
        *score = 1.0 / (1.0 + (-logit.clamp(-SIGMOID_LOGIT_MAX, SIGMOID_LOGIT_MAX)).exp());
    }
}
