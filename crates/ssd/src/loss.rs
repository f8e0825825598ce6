//! The MultiBox loss: smooth L1 on the offsets of positives, cross entropy on positives and hard negatives.
//! Paper §2.2, eq. 1 to 3, with alpha 1.
//!
//! Both sums are divided by the number of positives in the whole batch (caffe, torchvision). A picture without positives
//! contributes nothing: it has no positives, and three times none are its negatives.

use burn::tensor::{Bool, Int, Tensor, TensorData};

use crate::model::Predictions;

/// Negatives kept for each positive: paper §2.2, "Hard negative mining".
pub const NEGATIVES_PER_POSITIVE: usize = 3;

/// What a batch is to learn, from [`crate::matching::targets`].
#[derive(Debug, Clone)]
pub struct BatchTargets {
    /// Class of each prior, 0 for background: `[B, P]`.
    pub classes: Tensor<2, Int>,
    /// Encoded offsets: `[B, P, 4]`.
    pub offsets: Tensor<3>,
    /// Positives in the batch.
    pub positives: usize,
}

/// The two parts of the loss, each a single number, divided by the positives.
#[derive(Debug, Clone)]
pub struct MultiBoxLoss {
    /// Smooth L1 on offsets.
    pub boxes: Tensor<1>,
    /// Cross entropy on classes.
    pub classes: Tensor<1>,
}

impl MultiBoxLoss {
    /// The sum, which is minimised.
    pub fn total(&self) -> Tensor<1> {
        self.boxes.clone() + self.classes.clone()
    }
}

/// The loss of a batch.
pub fn multibox_loss(predictions: &Predictions, targets: &BatchTargets) -> MultiBoxLoss {
    let divisor = targets.positives.max(1) as f32;
    let positive = targets.classes.clone().greater_elem(0);

    let difference = (predictions.offsets.clone() - targets.offsets.clone()).abs();
    let boxes = smooth_l1(difference).sum_dim(2).squeeze_dim::<2>(2);
    let boxes = boxes.mask_fill(positive.clone().bool_not(), 0.0).sum() / divisor;

    let entropy = cross_entropy(predictions.logits.clone(), targets.classes.clone());
    let kept = hard_negatives(entropy.clone(), &positive).bool_or(positive);
    let classes = entropy.mask_fill(kept.bool_not(), 0.0).sum() / divisor;

    MultiBoxLoss { boxes, classes }
}

/// `x² / 2` below 1, `x - 1/2` above, for `x >= 0`: Fast R-CNN's, with beta 1.
fn smooth_l1(x: Tensor<3>) -> Tensor<3> {
    // With m = min(x, 1) both branches are m * (x - m / 2), and the gradient is right at the seam, too.
    let m = x.clone().clamp_max(1.0);
    m.clone() * (x - m * 0.5)
}

/// `-log softmax(logits)[class]` of each prior: `[B, P, C]`, `[B, P]` to `[B, P]`.
fn cross_entropy(logits: Tensor<3>, classes: Tensor<2, Int>) -> Tensor<2> {
    let log_probabilities = burn::tensor::activation::log_softmax(logits, 2);
    log_probabilities.gather(2, classes.unsqueeze_dim::<3>(2)).squeeze_dim::<2>(2).neg()
}

/// The negatives of each picture with the largest loss, three for each positive: `[B, P]`.
///
/// A negative's cross entropy is `-log p(background)`. Positives take no part in the ranking. The ranking is done on the
/// host: one read of `B * P` numbers a step; at equal loss the lower prior is kept.
fn hard_negatives(entropy: Tensor<2>, positive: &Tensor<2, Bool>) -> Tensor<2, Bool> {
    let [batch, priors] = entropy.dims();
    let device = entropy.device().without_autodiff();
    let entropy: Vec<f32> = entropy.detach().into_data().iter::<f32>().collect();
    let positive: Vec<bool> = positive.clone().into_data().iter::<bool>().collect();
    let mut kept = vec![false; batch * priors];
    for image in 0..batch {
        let span = image * priors..(image + 1) * priors;
        let mut negatives: Vec<usize> = span.clone().filter(|&row| !positive[row]).collect();
        let wanted = NEGATIVES_PER_POSITIVE * (priors - negatives.len());
        let wanted = wanted.min(negatives.len());
        negatives.sort_by(|&a, &b| entropy[b].total_cmp(&entropy[a]));
        for &row in &negatives[..wanted] {
            kept[row] = true;
        }
    }
    Tensor::from_data(TensorData::new(kept, [batch, priors]), &device)
}
