//! The MultiBox loss and its gradients against `smooth_l1_loss`, `l1_loss` and `cross_entropy` of PyTorch and the
//! losses on boxes and the focal loss of torchvision, with mining spelled out.

use burn::prelude::*;
use ssd::codec::Variances;
use ssd::loss::{BatchTargets, BoxLoss, ClassLoss, Focal, Losses, MultiBox, MultiBoxLoss};
use ssd::{CenterBox, Predictions};

use super::{FEW_ROUNDINGS, Fixture, Tolerance};

/// Some logits are shifted by 120, where f32 has steps of 8e-6; their rows count as one part in seven.
const LOSS: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };

/// A probability moves by as much as its logit's step, 8e-6.
const GRADIENT: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };

/// Predictions that record gradients, and their targets.
struct Case {
    predictions: Predictions,
    targets: BatchTargets,
}

impl Case {
    /// The recorded inputs of one case (`""` or `"CASE."`), with targets of our choice for the classes.
    fn load(fixture: &Fixture, case: &str, classes: TensorData) -> Self {
        let device = Device::flex().autodiff();
        let floats = |key: &str| fixture.tensor::<3>(&format!("{case}{key}"), &device);
        let positives = classes.iter::<i64>().filter(|&class| class > 0).count();
        Self {
            predictions: Predictions {
                offsets: floats("offsets").require_grad(),
                logits: floats("logits").require_grad(),
            },
            targets: BatchTargets {
                classes: Tensor::from_data(classes, &device),
                offsets: floats("target_offsets"),
                positives,
            },
        }
    }

    /// The paper's loss, to which the priors do not matter, and the gradients for offsets and logits.
    fn run(&self) -> (MultiBoxLoss, Tensor<3>, Tensor<3>) {
        let [_, count, _] = self.predictions.offsets.dims();
        self.run_with(&vec![CenterBox::default(); count], Losses::default())
    }

    /// Losses of other kinds.
    fn run_with(&self, priors: &[CenterBox], losses: Losses) -> (MultiBoxLoss, Tensor<3>, Tensor<3>) {
        let multibox = MultiBox::new(priors, Variances::default(), losses, &self.predictions.offsets.device());
        let loss = multibox.loss(&self.predictions, &self.targets);
        let gradients = loss.total().backward();
        let of = |leaf: &Tensor<3>| leaf.grad(&gradients).expect("the loss depends on both predictions");
        (loss, of(&self.predictions.offsets), of(&self.predictions.logits))
    }
}

#[test]
fn loss_and_gradients() {
    let fixture = Fixture::open("multibox_loss");
    // "batch": 5, 2 and 0 positives in three pictures. "few": four negatives for three positives.
    for case in ["batch", "few"] {
        let classes = fixture.data(&format!("{case}.target_classes"));
        let (loss, grad_offsets, grad_logits) = Case::load(&fixture, &format!("{case}."), classes).run();
        fixture.assert_close(&format!("{case}.loss_box"), loss.boxes.clone().inner(), FEW_ROUNDINGS);
        fixture.assert_close(&format!("{case}.loss_class"), loss.classes.clone().inner(), LOSS);
        fixture.assert_close(&format!("{case}.loss"), loss.total().inner(), LOSS);
        fixture.assert_close(&format!("{case}.grad_offsets"), grad_offsets, GRADIENT);
        fixture.assert_close(&format!("{case}.grad_logits"), grad_logits, GRADIENT);
    }
}

/// Gradients are at most 0.3 here. Between the corners of boxes near 1 and their overlap of some hundredths lie some
/// tens of roundings of 6e-8.
const BOX_GRADIENT: Tolerance = Tolerance { absolute: 5e-6, relative: 1e-4 };

#[test]
fn every_box_loss_with_its_gradients() {
    let fixture = Fixture::open("box_losses");
    let priors: Vec<CenterBox> = fixture
        .values("priors")
        .as_chunks::<4>()
        .0
        .iter()
        .map(|[cx, cy, w, h]| CenterBox::new(*cx, *cy, *w, *h))
        .collect();
    let case = Case::load(&fixture, "", fixture.data("target_classes"));
    for kind in BoxLoss::ALL {
        let (loss, grad_offsets, grad_logits) = case.run_with(&priors, Losses { boxes: kind, ..Losses::default() });
        fixture.assert_close(&format!("{kind}.loss_box"), loss.boxes.clone().inner(), FEW_ROUNDINGS);
        fixture.assert_close(&format!("{kind}.loss_class"), loss.classes.clone().inner(), LOSS);
        fixture.assert_close(&format!("{kind}.loss"), loss.total().inner(), LOSS);
        fixture.assert_close(&format!("{kind}.grad_offsets"), grad_offsets, BOX_GRADIENT);
        fixture.assert_close(&format!("{kind}.grad_logits"), grad_logits, GRADIENT);
    }
}

/// Logits reach 120, where f32 has steps of 8e-6: the cross entropy of a wrong one and the loss have them, too. Sums of
/// some hundred such numbers.
const FOCAL: Tolerance = Tolerance { absolute: 1e-5, relative: 2e-6 };

#[test]
fn the_focal_loss_with_its_gradients() {
    let fixture = Fixture::open("focal_loss");
    let case = Case::load(&fixture, "", fixture.data("target_classes"));
    for (name, focal) in [
        ("paper", Focal::default()),
        ("unweighed", Focal { alpha: 0.5, gamma: 0.0 }),
        ("other", Focal { alpha: 0.75, gamma: 1.5 }),
    ] {
        let priors = vec![CenterBox::default(); case.targets.classes.dims()[1]];
        let losses = Losses { classes: ClassLoss::Focal, focal, ..Losses::default() };
        let (loss, _, grad_logits) = case.run_with(&priors, losses);
        fixture.assert_close(&format!("{name}.loss_class"), loss.classes.inner(), FOCAL);
        fixture.assert_close(&format!("{name}.grad_logits"), grad_logits, FEW_ROUNDINGS);
    }
}

#[test]
fn mining_keeps_the_recorded_negatives() {
    // Only rows that take part in the loss have a gradient: it shows which ones they are.
    let fixture = Fixture::open("multibox_loss");
    for case in ["batch", "few"] {
        let classes = fixture.data(&format!("{case}.target_classes"));
        let (_, _, grad_logits) = Case::load(&fixture, &format!("{case}."), classes).run();
        let rows = grad_logits.abs().sum_dim(2).into_data();
        let took_part: Vec<bool> = rows.iter::<f32>().map(|sum| sum > 0.0).collect();
        let positives = fixture.integers(&format!("{case}.target_classes"));
        let negatives = fixture.integers(&format!("{case}.hard_negatives"));
        let recorded: Vec<bool> = positives.iter().zip(&negatives).map(|(&c, &n)| c > 0 || n > 0).collect();
        assert_eq!(took_part, recorded, "{case}");
    }
}

#[test]
fn a_batch_without_objects_costs_nothing() {
    let fixture = Fixture::open("multibox_loss");
    let none = TensorData::zeros::<i64, _>(fixture.data("batch.target_classes").shape().clone());
    let (loss, grad_offsets, grad_logits) = Case::load(&fixture, "batch.", none).run();
    assert_eq!(loss.total().into_scalar::<f32>(), 0.0);
    for gradient in [grad_offsets, grad_logits] {
        assert!(gradient.into_data().iter::<f32>().all(|value| value == 0.0), "a gradient is not zero");
    }
}
