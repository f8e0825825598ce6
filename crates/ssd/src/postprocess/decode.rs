//! decode: the predictions for a prior become its scores and its box. The kernel is `shaders/decode.wgsl`.
//!
//! Scores are the softmax over the classes, without the background's, one row of priors for each class. A box is the
//! prior moved and stretched by its offsets, in corner form, clipped to the picture.

use crate::boxes::{CenterBox, CornerBox};
use crate::codec::{self, Variances};

/// Priors with a NaN or anything larger than this are dropped: scores and box become zero. The limit is far above any
/// real prediction and keeps the arithmetic that follows finite.
pub const MAGNITUDE_MAX: f32 = 1e30;

/// Scores and boxes of all priors.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// `[C-1, P]`: a row for each class without background; `0..=1`.
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
pub fn decode(offsets: &[f32], logits: &[f32], priors: &[CenterBox], variances: Variances) -> Decoded {
    let classes = logits.len().checked_div(priors.len()).unwrap_or(0);
    let mut scores = vec![0.0; classes.saturating_sub(1) * priors.len()];
    let mut boxes = vec![CornerBox::default(); priors.len()];
    let mut shares = vec![0.0; classes];

    let (offsets, _) = offsets.as_chunks::<4>();
    let predictions = offsets.iter().zip(logits.chunks_exact(classes.max(1)));
    for (prior, (offset, logits)) in predictions.enumerate().take(priors.len()) {
        let usable = |value: &f32| value.abs() <= MAGNITUDE_MAX;
        if !(offset.iter().all(usable) && logits.iter().all(usable)) {
            continue;
        }
        softmax(logits, &mut shares);
        for (row, share) in shares.iter().skip(1).enumerate() {
            scores[row * priors.len() + prior] = *share;
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
