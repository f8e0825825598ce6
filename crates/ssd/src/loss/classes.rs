//! The class loss of a batch, of two kinds, each from logits and for one way of turning logits into scores.
//!
//! [`ClassLoss::Softmax`] is the paper's: cross entropy over all classes with background among them, of positives and
//! of the hard negatives that [`super::mining`] chooses. [`ClassLoss::Focal`] is the focal loss (Lin et al., arXiv
//! 1708.02002, section 3) on one sigmoid for each class and none for background: all priors take part, and what is
//! decided already weighs little. It is torchvision's `sigmoid_focal_loss`.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};

use super::mining;
use crate::names::{by_name, named};
use crate::postprocess::ScoreActivation;

named! {
    /// The kind of class loss.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum ClassLoss {
        /// Cross entropy with hard negative mining: the paper's. Column 0 of the logits is background.
        #[default]
        Softmax = "softmax",
        /// Sigmoid focal loss. Column 0 of the logits is class 1.
        Focal = "focal",
    }
}

by_name!(ClassLoss, "class loss", UnknownClassLoss);

/// How the focal loss weighs what it adds up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Focal {
    /// Weight of a logit whose class is there, `0..=1`; 1 less this for all others.
    pub alpha: f32,
    /// Power of the error that weighs each cross entropy, from 0 (no weighing) on.
    pub gamma: f32,
}

impl Default for Focal {
    /// The paper's.
    fn default() -> Self {
        Self { alpha: 0.25, gamma: 2.0 }
    }
}

impl ClassLoss {
    /// The loss for a network whose logits become scores in this way.
    pub fn of(activation: ScoreActivation) -> Self {
        match activation {
            ScoreActivation::Softmax => Self::Softmax,
            ScoreActivation::Sigmoid => Self::Focal,
        }
    }

    /// How the logits of a network that learns by it become scores.
    pub fn activation(self) -> ScoreActivation {
        match self {
            Self::Softmax => ScoreActivation::Softmax,
            Self::Focal => ScoreActivation::Sigmoid,
        }
    }

    /// The sum over all priors, not yet divided by the positives. `logits` are `[B, P, C]`; `classes`, the class of
    /// each prior with 0 for background, `[B, P]`; `focal` is for that kind alone.
    pub(super) fn sum(self, logits: Tensor<3>, classes: Tensor<2, Int>, focal: Focal) -> Tensor<1> {
        match self {
            Self::Softmax => {
                let entropy = cross_entropy(logits, classes.clone());
                let shares = mining::shares(entropy.clone(), classes.greater_elem(0));
                (entropy * shares).sum()
            }
            Self::Focal => focal_loss(logits, classes, focal),
        }
    }
}

/// `-log softmax(logits)[class]` of each prior: `[B, P, C]`, `[B, P]` to `[B, P]`.
fn cross_entropy(logits: Tensor<3>, classes: Tensor<2, Int>) -> Tensor<2> {
    log_softmax(logits, 2).gather(2, classes.unsqueeze_dim::<3>(2)).squeeze_dim::<2>(2).neg()
}

/// The sum of `-alpha (1 - p)^gamma log p` over all logits `[B, P, C]`, where `p` is the probability given to what is
/// there.
fn focal_loss(logits: Tensor<3>, classes: Tensor<2, Int>, Focal { alpha, gamma }: Focal) -> Tensor<1> {
    let dims = logits.dims();
    let columns = Tensor::<1, Int>::arange(1..dims[2] as i64 + 1, &classes.device()).reshape([1, 1, dims[2]]);
    let there = classes.unsqueeze_dim::<3>(2).expand(dims).equal(columns.expand(dims)).float();
    let weight = there.clone() * (2.0 * alpha - 1.0) + (1.0 - alpha);

    // With z the logit of the right answer, log p = -softplus(-z) and log(1 - p) = -softplus(z). Both have the
    // logarithm in common. Halves of |z| ± z, not max(±z, 0): their gradient is right at zero, too.
    let right = logits * (there * 2.0 - 1.0);
    let size = right.clone().abs();
    let shared = size.clone().neg().exp().log1p();
    let entropy = (size.clone() - right.clone()) * 0.5 + shared.clone();
    let certainty = (size + right) * 0.5 + shared;
    (entropy * (certainty * -gamma).exp() * weight).sum()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn names_are_saved_and_others_refused() {
        for loss in ClassLoss::ALL {
            assert_eq!(serde_json::to_string(&loss).expect("a name"), format!("\"{loss}\""));
            assert_eq!(loss.to_string().parse(), Ok(loss));
        }
        let error = "hinge".parse::<ClassLoss>().expect_err("no such loss");
        assert_eq!(error.to_string(), "there is no class loss \"hinge\"; choose one of softmax, focal");
    }

    /// The focal loss of one logit and its gradient, where the class is there or not.
    fn focal_of(logit: f32, there: bool, focal: Focal) -> (f32, f32) {
        let device = Device::flex().autodiff();
        let logits = Tensor::<3>::from_data(TensorData::new(vec![logit], [1, 1, 1]), &device).require_grad();
        let classes = Tensor::from_data(TensorData::new(vec![i32::from(there)], [1, 1]), &Device::flex());
        let loss = ClassLoss::Focal.sum(logits.clone(), classes, focal);
        let gradient = logits.grad(&loss.backward()).expect("the loss depends on the logit");
        (loss.into_scalar(), gradient.into_scalar())
    }

    #[test]
    fn every_way_of_making_scores_has_a_loss() {
        for loss in ClassLoss::ALL {
            assert_eq!(ClassLoss::of(loss.activation()), loss);
        }
    }

    #[test]
    fn every_finite_logit_has_a_finite_loss_and_gradient() {
        for gamma in [0.0, 0.5, 2.0, 5.0] {
            let focal = Focal { gamma, ..Focal::default() };
            for logit in [0.0, 1e-30, 1.0, 20.0, 100.0, 1e4, 1e30].into_iter().flat_map(|logit| [logit, -logit]) {
                for there in [true, false] {
                    let (loss, gradient) = focal_of(logit, there, focal);
                    assert!(loss >= 0.0 && loss.is_finite(), "gamma {gamma}, {logit}: {loss}");
                    assert!(gradient.is_finite(), "gamma {gamma}, {logit}: a gradient of {gradient}");
                    let towards = if there { gradient <= 0.0 } else { gradient >= 0.0 };
                    assert!(towards, "gamma {gamma}, {logit}, there: {there}: a gradient of {gradient}");
                }
            }
        }
    }

    // By hand, at p = 1/2: alpha / 4 * ln 2, and a gradient of alpha (1 - p)^2 (2 p ln p + p - 1).
    #[test]
    fn an_undecided_logit_costs_what_the_formula_says() {
        let ln2 = std::f32::consts::LN_2;
        for (there, weight, side) in [(true, 0.25, 1.0), (false, 0.75, -1.0)] {
            let (loss, gradient) = focal_of(0.0, there, Focal::default());
            assert!((loss - weight * ln2 / 4.0).abs() < 1e-7, "{loss}");
            let expected = side * weight * 0.25 * (-ln2 - 0.5);
            assert!((gradient - expected).abs() < 1e-7, "{gradient} is not {expected}");
        }
    }

    #[test]
    fn what_is_decided_rightly_weighs_little() {
        let (undecided, _) = focal_of(0.0, true, Focal::default());
        let (decided, _) = focal_of(4.0, true, Focal::default());
        assert!(decided < undecided / 5_000.0, "{decided} beside {undecided}");
    }
}
