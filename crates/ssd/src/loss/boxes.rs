//! The box loss, one number for each prior, in four kinds: on offsets, or on the boxes that they mean.
//!
//! L1 and smooth L1 compare the four offsets of a prior with those of its object and add the differences up. GIoU
//! (Rezatofighi et al., arXiv 1902.09630) and CIoU (Zheng et al., arXiv 1911.08287) compare the two boxes, as fractions of the
//! picture; their gradient goes through [`crate::codec::decode`], which is written here on tensors. Formulas and epsilon are
//! torchvision's, so are the gradients, but for this: sizes are taken from the decoding and not from differences of
//! corners, so that a box too small for its corners to differ in f32 still has a width.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::codec::{SIZE_EXPONENT_MAX, Variances};

/// What is minimised for the boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoxLoss {
    /// Smooth L1 on offsets, with beta 1: the paper's.
    #[default]
    SmoothL1,
    /// L1 on offsets.
    L1,
    /// 1 - generalised IoU of the boxes, `0..2`.
    Giou,
    /// 1 - complete IoU of the boxes: overlap, distance of the centres, proportions.
    Ciou,
}

/// A name that no box loss has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no box loss; there are {names}", names = BoxLoss::ALL.map(BoxLoss::name).join(", "))]
pub struct UnknownBoxLoss(pub String);

impl BoxLoss {
    /// All, in the order in which they are listed for people.
    pub const ALL: [Self; 4] = [Self::SmoothL1, Self::L1, Self::Giou, Self::Ciou];

    /// The name by which it is chosen and saved.
    pub fn name(self) -> &'static str {
        match self {
            Self::SmoothL1 => "smooth-l1",
            Self::L1 => "l1",
            Self::Giou => "giou",
            Self::Ciou => "ciou",
        }
    }

    /// The loss of each prior: offsets `[B, P, 4]`, said and wanted, and priors `[P, 4]`, to `[B, P]`.
    pub(super) fn of_priors(
        self,
        said: Tensor<3>,
        wanted: Tensor<3>,
        priors: &Tensor<2>,
        variances: Variances,
    ) -> Tensor<2> {
        match self {
            Self::SmoothL1 => smooth_l1((said - wanted).abs()).sum_dim(2).squeeze_dim(2),
            Self::L1 => (said - wanted).abs().sum_dim(2).squeeze_dim(2),
            Self::Giou => giou(&Boxes::decoded(said, priors, variances), &Boxes::decoded(wanted, priors, variances)),
            Self::Ciou => ciou(&Boxes::decoded(said, priors, variances), &Boxes::decoded(wanted, priors, variances)),
        }
    }
}

impl fmt::Display for BoxLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BoxLoss {
    type Err = UnknownBoxLoss;

    fn from_str(name: &str) -> Result<Self, UnknownBoxLoss> {
        Self::ALL.into_iter().find(|loss| loss.name() == name).ok_or_else(|| UnknownBoxLoss(name.into()))
    }
}

/// `x² / 2` below 1, `x - 1/2` above, for `x >= 0`: Fast R-CNN's, with beta 1.
fn smooth_l1(x: Tensor<3>) -> Tensor<3> {
    // With m = min(x, 1) both branches are m * (x - m / 2), and the gradient is right at the seam, too.
    let m = x.clone().clamp_max(1.0);
    m.clone() * (x - m * 0.5)
}

/// A size offset times its variance is at least this before `exp`: a box of 2e-9 of its prior. No object is that small; a
/// diverging network would divide zero by zero in the proportions of CIoU. [`SIZE_EXPONENT_MAX`] is the limit above, where
/// `exp` would overflow. Beyond either limit there is no gradient for that size.
const SIZE_EXPONENT_MIN: f32 = -20.0;

/// Keeps quotients finite: torchvision's, which measures in pixels. Here an area is a fraction of the picture, so this is
/// 0.1 % of an object of 3 by 3 pixels in 300 by 300.
const EPSILON: f32 = 1e-7;

/// Boxes as fractions of the picture, horizontally and vertically: each `[B, P, 2]`.
struct Boxes {
    center: Tensor<3>,
    size: Tensor<3>,
    low: Tensor<3>,
    high: Tensor<3>,
}

impl Boxes {
    /// The boxes that offsets `[B, P, 4]` mean: the codec's `decode`.
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
fn giou(said: &Boxes, wanted: &Boxes) -> Tensor<2> {
    let (iou, union) = said.overlap(wanted);
    let around = product(said.enclosing(wanted));
    (around.clone() - union) / (around + EPSILON) - iou + 1.0
}

/// `1 - IoU + distance² / diagonal² + alpha v`, where `v` compares proportions, and `alpha`, a constant to the gradient,
/// counts them the more the better the boxes overlap.
fn ciou(said: &Boxes, wanted: &Boxes) -> Tensor<2> {
    let (iou, _) = said.overlap(wanted);
    let distance = total((said.center.clone() - wanted.center.clone()).square());
    let diagonal = total(said.enclosing(wanted).square()) + EPSILON;
    let turned = (wanted.angle() - said.angle()) * std::f32::consts::FRAC_2_PI;
    let v = turned.square();
    let fixed = v.clone().without_autodiff();
    let alpha = fixed.clone() / (fixed - iou.clone().without_autodiff() + (1.0 + EPSILON));
    distance / diagonal - iou + v * alpha + 1.0
}

/// The horizontal and the vertical numbers of `[B, P, 2]`: `[B, P]` each.
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
    fn names_are_what_is_saved() {
        for loss in BoxLoss::ALL {
            assert_eq!(serde_json::to_string(&loss).expect("a name"), format!("\"{loss}\""));
            assert_eq!(loss.to_string().parse(), Ok(loss));
        }
        let error = "iou".parse::<BoxLoss>().expect_err("no such loss");
        assert_eq!(error.to_string(), "iou is no box loss; there are smooth-l1, l1, giou, ciou");
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
    fn gradients(said: [f32; 4], wanted: [f32; 4]) -> Vec<(f32, Vec<f32>)> {
        let device = Device::flex().autodiff();
        let row = |values: [f32; 4]| Tensor::<3>::from_data(TensorData::new(values.to_vec(), [1, 1, 4]), &device);
        let priors = Tensor::from_floats([[0.4, 0.6, 0.3, 0.2]], &Device::flex());
        let of = |loss: BoxLoss| {
            let said = row(said).require_grad();
            let sum = loss.of_priors(said.clone(), row(wanted), &priors, Variances::default()).sum();
            let gradient = said.grad(&sum.backward()).expect("the loss depends on the offsets");
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
    fn what_is_no_number_shows() {
        for place in 0..4 {
            let mut said = [0.1; 4];
            said[place] = f32::NAN;
            for (loss, _) in gradients(said, [0.0; 4]) {
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
