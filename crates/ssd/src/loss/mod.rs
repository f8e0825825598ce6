//! The MultiBox loss: a box loss on positives, and a class loss. Paper §2.2, eq. 1 to 3, with alpha 1.
//!
//! Both sums are divided by the number of positives in the whole batch (caffe, torchvision). With the paper's class
//! loss a picture without positives contributes nothing: its negatives would be three times zero.
//!
//! Everything stays on the device of the predictions: nothing is read back, so a step does not wait for its loss. A NaN
//! or infinite logit in any prior makes the total NaN or infinite; nothing masks it.

mod boxes;
mod classes;
pub mod mining;

pub use boxes::{BoxLoss, UnknownBoxLoss};
pub use classes::{ClassLoss, Focal, UnknownClassLoss};

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::boxes::CenterBox;
use crate::codec::Variances;
use crate::model::Predictions;

/// The targets of a batch, from [`crate::matching::targets`].
#[derive(Debug, Clone)]
pub struct BatchTargets {
    /// Class of each prior, 0 for background: `[B, P]`.
    pub classes: Tensor<2, Int>,
    /// Encoded offsets: `[B, P, 4]`. Rows of background are ignored.
    pub offsets: Tensor<3>,
    /// The divisor of both parts: the positives in the whole batch of a step. If that batch is split, between devices
    /// or in time, this is the number in all parts together, so that the parts' losses and gradients add up to the
    /// batch's.
    pub positives: usize,
}

/// The two parts of the loss, each a single number, divided by the positives.
#[derive(Debug, Clone)]
pub struct MultiBoxLoss {
    /// The [`BoxLoss`].
    pub boxes: Tensor<1>,
    /// The [`ClassLoss`].
    pub classes: Tensor<1>,
}

impl MultiBoxLoss {
    /// The sum, to be minimised.
    pub fn total(&self) -> Tensor<1> {
        self.boxes.clone() + self.classes.clone()
    }

    /// `[boxes, classes]`, without autodiff, to be shown.
    pub fn parts(&self) -> Tensor<1> {
        Tensor::cat(vec![self.boxes.clone(), self.classes.clone()], 0).without_autodiff()
    }
}

/// Which losses are added.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Losses {
    /// On boxes.
    pub boxes: BoxLoss,
    /// On classes.
    pub classes: ClassLoss,
    /// The parameters of [`ClassLoss::Focal`].
    pub focal: Focal,
}

/// The loss on one device, for one set of priors.
#[derive(Debug, Clone)]
pub struct MultiBox {
    /// `(cx, cy, w, h)` of each prior, without autodiff: `[P, 4]`.
    priors: Tensor<2>,
    variances: Variances,
    losses: Losses,
}

impl MultiBox {
    /// The loss for predictions on `device`, with autodiff or without.
    pub fn new(priors: &[CenterBox], variances: Variances, losses: Losses, device: &Device) -> Self {
        let rows: Vec<f32> = priors.iter().flat_map(|prior| [prior.cx, prior.cy, prior.w, prior.h]).collect();
        let device = device.clone().without_autodiff();
        let priors = Tensor::from_data(TensorData::new(rows, [priors.len(), 4]), &device);
        Self { priors, variances, losses }
    }

    /// The loss of a batch, or of a part of one. Targets are constants, even if they have autodiff.
    pub fn loss(&self, predictions: &Predictions, targets: &BatchTargets) -> MultiBoxLoss {
        let divisor = targets.positives.max(1) as f32;
        let classes = targets.classes.clone().without_autodiff();
        let background = classes.clone().lower_equal_elem(0);

        // Masked before the arithmetic, not after: a NaN hidden by a later mask would return as a gradient.
        let rows = background.clone().unsqueeze_dim::<3>(2).expand(predictions.offsets.dims());
        let offsets = predictions.offsets.clone().mask_fill(rows.clone(), 0.0);
        let wanted = targets.offsets.clone().without_autodiff().mask_fill(rows, 0.0);
        let boxes = self.losses.boxes.of_priors(offsets, wanted, &self.priors, self.variances);
        let boxes = boxes.mask_fill(background, 0.0).sum() / divisor;

        let Losses { classes: kind, focal, .. } = self.losses;
        let classes = kind.sum(predictions.logits.clone(), classes, focal) / divisor;

        MultiBoxLoss { boxes, classes }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    const PRIORS: usize = 12;
    const CLASSES: usize = 3;

    /// Numbers between -1 and 1.
    fn numbers(count: usize, seed: f32) -> Vec<f32> {
        (0..count).map(|i| (seed + i as f32 * 1.7).sin()).collect()
    }

    /// The classes of three pictures: two positives, one, none.
    fn classes() -> Vec<i32> {
        let mut classes = vec![0; 3 * PRIORS];
        (classes[2], classes[7], classes[PRIORS + 4]) = (1, 2, 1);
        classes
    }

    struct Problem {
        offsets: Vec<f32>,
        logits: Vec<f32>,
    }

    impl Problem {
        fn new() -> Self {
            Self { offsets: numbers(3 * PRIORS * 4, 0.1), logits: numbers(3 * PRIORS * CLASSES, 0.2) }
        }

        /// The loss on `device` of the pictures `range`, and the predictions.
        fn loss(&self, losses: Losses, range: Range<usize>, device: &Device) -> (Tensor<1>, Predictions) {
            let priors: Vec<CenterBox> =
                numbers(PRIORS, 0.3).iter().map(|x| CenterBox::new(*x, 0.5, 0.3, 0.2)).collect();
            let loss = MultiBox::new(&priors, Variances::default(), losses, device);
            let cut = |values: &[f32], row: usize| -> Tensor<3> {
                let part = &values[range.start * PRIORS * row..range.end * PRIORS * row];
                Tensor::from_data(TensorData::new(part.to_vec(), [range.len(), PRIORS, row]), device)
            };
            let predictions = Predictions {
                offsets: cut(&self.offsets, 4).set_require_grad(device.is_autodiff()),
                logits: cut(&self.logits, CLASSES).set_require_grad(device.is_autodiff()),
            };
            let part = classes()[range.start * PRIORS..range.end * PRIORS].to_vec();
            let targets = BatchTargets {
                classes: Tensor::from_data(TensorData::new(part, [range.len(), PRIORS]), &Device::flex()),
                offsets: cut(&numbers(3 * PRIORS * 4, 0.4), 4),
                positives: 3,
            };
            (loss.loss(&predictions, &targets).total(), predictions)
        }

        /// The loss, the gradient of offsets and the gradient of logits on the pictures `range`.
        fn run(&self, losses: Losses, range: Range<usize>) -> (f32, Vec<f32>, Vec<f32>) {
            let (total, predictions) = self.loss(losses, range, &Device::flex().autodiff());
            let gradients = total.backward();
            let of = |leaf: &Tensor<3>| -> Vec<f32> {
                leaf.grad(&gradients).expect("the loss depends on it").into_data().iter().collect()
            };
            (total.into_scalar(), of(&predictions.offsets), of(&predictions.logits))
        }
    }

    /// Every box loss, and every class loss.
    fn all() -> impl Iterator<Item = Losses> {
        let boxes = BoxLoss::ALL.map(|boxes| Losses { boxes, ..Losses::default() });
        boxes.into_iter().chain(ClassLoss::ALL.map(|classes| Losses { classes, ..Losses::default() }))
    }

    #[test]
    fn the_parts_of_a_batch_add_up_to_the_whole() {
        let problem = Problem::new();
        for kind in all() {
            let (whole, offsets, logits) = problem.run(kind, 0..3);
            let (first, mut first_offsets, mut first_logits) = problem.run(kind, 0..1);
            let (rest, rest_offsets, rest_logits) = problem.run(kind, 1..3);
            assert!((whole - first - rest).abs() < 1e-6 * whole, "{kind:?}: {whole} is not {first} + {rest}");
            first_offsets.extend(rest_offsets);
            first_logits.extend(rest_logits);
            assert_eq!((first_offsets, first_logits), (offsets, logits), "{kind:?}");
        }
    }

    #[test]
    fn the_loss_is_the_same_without_autodiff() {
        for kind in all() {
            let (learned, ..) = Problem::new().run(kind, 0..3);
            let (measured, _) = Problem::new().loss(kind, 0..3, &Device::flex());
            assert_eq!(measured.into_scalar::<f32>(), learned, "{kind:?}");
        }
    }

    #[test]
    fn offsets_of_background_reach_neither_loss_nor_gradient() {
        for kind in all() {
            let (expected, ..) = Problem::new().run(kind, 0..3);
            let mut problem = Problem::new();
            for (row, _) in classes().iter().enumerate().filter(|(_, class)| **class == 0) {
                problem.offsets[row * 4..row * 4 + 4].copy_from_slice(&[f32::NAN, 1e30, f32::INFINITY, -1e30]);
            }
            let (loss, offsets, _) = problem.run(kind, 0..3);
            assert_eq!(loss, expected, "{kind:?}");
            for (row, gradient) in offsets.chunks_exact(4).enumerate() {
                assert_eq!(classes()[row] > 0, gradient.iter().any(|value| *value != 0.0), "{kind:?}, row {row}");
            }
        }
    }

    #[test]
    fn a_nan_logit_in_any_prior_makes_the_loss_nan() {
        for classes in ClassLoss::ALL {
            for row in [0, 2, PRIORS + 11, 2 * PRIORS + 5] {
                let mut problem = Problem::new();
                problem.logits[row * CLASSES] = f32::NAN;
                let (loss, ..) = problem.run(Losses { classes, ..Losses::default() }, 0..3);
                assert!(loss.is_nan(), "{classes}, row {row}: {loss}");
            }
        }
    }

    #[test]
    fn an_infinite_logit_is_seen_in_the_loss() {
        for classes in ClassLoss::ALL {
            for logit in [f32::INFINITY, f32::NEG_INFINITY] {
                let mut problem = Problem::new();
                problem.logits[PRIORS * CLASSES] = logit;
                let (loss, ..) = problem.run(Losses { classes, ..Losses::default() }, 0..3);
                assert!(!loss.is_finite(), "{classes}: {logit} gives {loss}");
            }
        }
    }

    // What remains is what the logits say of the three objects and of the background around them.
    #[test]
    fn every_prior_takes_part_in_the_focal_loss() {
        let focal = Losses { classes: ClassLoss::Focal, ..Losses::default() };
        let (.., logits) = Problem::new().run(focal, 0..3);
        assert!(logits.iter().all(|value| *value != 0.0), "{logits:?}");
        // A class that is there is to rise, and all others fall.
        for (row, gradients) in logits.chunks_exact(CLASSES).enumerate() {
            for (column, gradient) in gradients.iter().enumerate() {
                assert_eq!(*gradient < 0.0, classes()[row] as usize == column + 1, "row {row}, column {column}");
            }
        }
    }

    #[test]
    fn a_picture_without_objects_costs_nothing_where_negatives_are_mined() {
        let losses = Losses { boxes: BoxLoss::Ciou, ..Losses::default() };
        let (loss, offsets, logits) = Problem::new().run(losses, 2..3);
        assert_eq!(loss, 0.0);
        assert!(offsets.iter().chain(&logits).all(|value| *value == 0.0));
    }
}
