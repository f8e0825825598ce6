//! The box loss of each prior, of four kinds: on offsets, or on the boxes that they encode.
//!
//! L1 and smooth L1 add up the differences between the four offsets of a prior and those of its object. GIoU
//! (Rezatofighi et al., arXiv 1902.09630) and CIoU (Zheng et al., arXiv 1911.08287) compare the two boxes, as fractions
//! of the picture; their gradient goes through the decoding of [`crate::codec`], repeated here on tensors. Formulas,
//! epsilon and gradients are torchvision's with one exception: sizes come from the decoding, not from differences of
//! corners, so that a box too small for its corners to differ in f32 still has a width.

use burn::tensor::Tensor;

use crate::codec::{SIZE_EXPONENT_MAX, Variances};
use crate::names::{by_name, named};

named! {
    /// The kind of box loss.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum BoxLoss {
        /// Smooth L1 on offsets, with beta 1: the paper's.
        #[default]
        SmoothL1 = "smooth-l1",
        /// L1 on offsets.
        L1 = "l1",
        /// 1 - generalised IoU of the boxes, `0..2`.
        Giou = "giou",
        /// 1 - complete IoU of the boxes: overlap, distance of the centres, proportions.
        Ciou = "ciou",
    }
}

by_name!(BoxLoss, "box loss", UnknownBoxLoss);

impl BoxLoss {
    /// The loss of each prior, `[B, P]`, from predicted and wanted offsets `[B, P, 4]` and priors `[P, 4]`.
    pub(super) fn of_priors(
        self,
        predicted: Tensor<3>,
        wanted: Tensor<3>,
        priors: &Tensor<2>,
        variances: Variances,
    ) -> Tensor<2> {
        let decoded = |offsets| Boxes::decoded(offsets, priors, variances);
        match self {
            Self::SmoothL1 => smooth_l1((predicted - wanted).abs()).sum_dim(2).squeeze_dim(2),
            Self::L1 => (predicted - wanted).abs().sum_dim(2).squeeze_dim(2),
            Self::Giou => giou(&decoded(predicted), &decoded(wanted)),
            Self::Ciou => ciou(&decoded(predicted), &decoded(wanted)),
        }
    }
}

/// `x² / 2` below 1, `x - 1/2` above, for `x >= 0`: Fast R-CNN's, with beta 1.
fn smooth_l1(x: Tensor<3>) -> Tensor<3> {
    // With m = min(x, 1) both branches are m * (x - m / 2), with the right gradient where they meet.
    let m = x.clone().clamp_max(1.0);
    m.clone() * (x - m * 0.5)
}

/// Lower limit of a size offset times its variance, before `exp`: a box of 2e-9 of its prior. No object is that small;
/// a diverging network would divide zero by zero in the proportions of CIoU. [`SIZE_EXPONENT_MAX`] is the upper limit.
/// Beyond either there is no gradient for that size.
const SIZE_EXPONENT_MIN: f32 = -20.0;

/// Keeps quotients finite: torchvision's, which measures in pixels. Here an area is a fraction of the picture, so this
/// is 0.1 % of an object of 3 by 3 pixels in 300 by 300.
const EPSILON: f32 = 1e-7;

/// Boxes as fractions of the picture, each field horizontally and vertically: `[B, P, 2]`.
struct Boxes {
    center: Tensor<3>,
    size: Tensor<3>,
    low: Tensor<3>,
    high: Tensor<3>,
}

impl Boxes {
    /// The boxes of offsets `[B, P, 4]`: the codec's `decode`.
    fn decoded(offsets: Tensor<3>, priors: &Tensor<2>, variances: Variances) -> Self {
        let prior_size = priors.clone().narrow(1, 2, 2).unsqueeze::<3>();
        let moved = offsets.clone().narrow(2, 0, 2) * variances.center * prior_size.clone();
        let exponent = (offsets.narrow(2, 2, 2) * variances.size).clamp(SIZE_EXPONENT_MIN, SIZE_EXPONENT_MAX);
        let center = moved + priors.clone().narrow(1, 0, 2).unsqueeze::<3>();
        let size = exponent.exp() * prior_size;
        let half = size.clone() * 0.5;
        Self { low: center.clone() - half.clone(), high: center.clone() + half, center, size }
    }

    /// IoU and union with another box of the same prior: `[B, P]` each.
    fn overlap(&self, other: &Self) -> (Tensor<2>, Tensor<2>) {
        let high = self.high.clone().min_pair(other.high.clone());
        let low = self.low.clone().max_pair(other.low.clone());
        let common = product((high - low).clamp_min(0.0));
        let union = product(self.size.clone()) + product(other.size.clone()) - common.clone();
        (common / (union.clone() + EPSILON), union)
    }

    /// Width and height of the smallest box around both: `[B, P, 2]`.
    fn enclosing(&self, other: &Self) -> Tensor<3> {
        self.high.clone().max_pair(other.high.clone()) - self.low.clone().min_pair(other.low.clone())
    }

    /// The angle of the diagonal, `atan(w / h)`: `[B, P]`.
    fn angle(&self) -> Tensor<2> {
        let [width, height] = halves(self.size.clone());
        (width / height).atan()
    }
}

/// `1 - IoU + (enclosing - union) / enclosing`.
fn giou(predicted: &Boxes, wanted: &Boxes) -> Tensor<2> {
    let (iou, union) = predicted.overlap(wanted);
    let around = product(predicted.enclosing(wanted));
    (around.clone() - union) / (around + EPSILON) - iou + 1.0
}

/// `1 - IoU + distance² / diagonal² + alpha v`, where `v` compares proportions, and `alpha`, constant for the gradient,
/// grows with the overlap.
fn ciou(predicted: &Boxes, wanted: &Boxes) -> Tensor<2> {
    let (iou, _) = predicted.overlap(wanted);
    let distance = total((predicted.center.clone() - wanted.center.clone()).square());
    let diagonal = total(predicted.enclosing(wanted).square()) + EPSILON;
    let turned = (wanted.angle() - predicted.angle()) * std::f32::consts::FRAC_2_PI;
    let v = turned.square();
    let fixed = v.clone().without_autodiff();
    let alpha = fixed.clone() / (fixed - iou.clone().without_autodiff() + (1.0 + EPSILON));
    distance / diagonal - iou + v * alpha + 1.0
}

/// The horizontal and the vertical part of `[B, P, 2]`: `[B, P]` each.
fn halves(pairs: Tensor<3>) -> [Tensor<2>; 2] {
    [0, 1].map(|side| pairs.clone().narrow(2, side, 1).squeeze_dim(2))
}

/// Width times height: `[B, P, 2]` to `[B, P]`.
fn product(pairs: Tensor<3>) -> Tensor<2> {
    let [width, height] = halves(pairs);
    width * height
}

/// Width plus height: `[B, P, 2]` to `[B, P]`.
fn total(pairs: Tensor<3>) -> Tensor<2> {
    pairs.sum_dim(2).squeeze_dim(2)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use proptest::prelude::*;

    use super::*;
    use crate::boxes::CenterBox;
    use crate::codec::decode;

    #[test]
    fn names_are_saved_and_others_refused() {
        for loss in BoxLoss::ALL {
            assert_eq!(serde_json::to_string(&loss).expect("a name"), format!("\"{loss}\""));
            assert_eq!(loss.to_string().parse(), Ok(loss));
        }
        let error = "iou".parse::<BoxLoss>().expect_err("no such loss");
        assert_eq!(error.to_string(), "there is no box loss \"iou\"; choose one of smooth-l1, l1, giou, ciou");
    }

    proptest! {
        #[test]
        fn boxes_on_tensors_are_the_codecs(offsets in prop::array::uniform4(-40.0f32..40.0)) {
            let prior = CenterBox::new(0.4, 0.6, 0.3, 0.2);
            let device = Device::flex();
            let priors = Tensor::<2>::from_floats([[prior.cx, prior.cy, prior.w, prior.h]], &device);
            let rows = Tensor::from_data(TensorData::new(offsets.to_vec(), [1, 1, 4]), &device);
            let boxes = Boxes::decoded(rows, &priors, Variances::default());
            let bbox = decode(offsets, &prior, Variances::default());
            let corner = bbox.to_corner();
            let expected = [bbox.cx, bbox.cy, bbox.w, bbox.h, corner.x1, corner.y1, corner.x2, corner.y2];
            let got = Tensor::cat(vec![boxes.center, boxes.size, boxes.low, boxes.high], 2).into_data();
            for (got, want) in got.iter::<f32>().zip(expected) {
                prop_assert!((got - want).abs() <= 1e-6 * want.abs().max(1.0), "{got} is not {want}");
            }
        }
    }

    /// The losses of all kinds and their gradients for one prior.
    fn gradients(predicted: [f32; 4], wanted: [f32; 4]) -> Vec<(f32, Vec<f32>)> {
        let device = Device::flex().autodiff();
        let row = |values: [f32; 4]| Tensor::<3>::from_data(TensorData::new(values.to_vec(), [1, 1, 4]), &device);
        let priors = Tensor::from_floats([[0.4, 0.6, 0.3, 0.2]], &Device::flex());
        let of = |loss: BoxLoss| {
            let predicted = row(predicted).require_grad();
            let sum = loss.of_priors(predicted.clone(), row(wanted), &priors, Variances::default()).sum();
            let gradient = predicted.grad(&sum.backward()).expect("the loss depends on the offsets");
            (sum.into_scalar::<f32>(), gradient.into_data().iter::<f32>().collect())
        };
        BoxLoss::ALL.map(of).to_vec()
    }

    #[test]
    fn every_finite_offset_has_a_finite_loss_and_gradient() {
        let extreme = [0.0, 1e-30, -1.0, 25.0, -300.0, 1e4, -1e4];
        for a in extreme {
            for b in extreme {
                for (loss, gradient) in gradients([a, -b, b, -a], [0.3, -0.4, 0.5, 0.1]) {
                    let finite = loss.is_finite() && gradient.iter().all(|value| value.is_finite());
                    assert!(finite, "{a} {b}: {loss} {gradient:?}");
                }
            }
        }
    }

    #[test]
    fn a_nan_offset_makes_the_loss_nan() {
        for place in 0..4 {
            let mut predicted = [0.1; 4];
            predicted[place] = f32::NAN;
            for (loss, _) in gradients(predicted, [0.0; 4]) {
                assert!(loss.is_nan(), "NaN in place {place} gives {loss}");
            }
        }
    }

    #[test]
    fn boxes_that_agree_cost_nothing() {
        for (loss, gradient) in gradients([0.3, -0.4, 0.5, 0.1], [0.3, -0.4, 0.5, 0.1]) {
            // The epsilon against an area of 0.07.
            assert!(loss.abs() < 5e-6, "{loss} {gradient:?}");
        }
    }
}
