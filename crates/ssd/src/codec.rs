//! The box codec: a box as offsets from a prior, and back. `decode(encode(b, p), p) == b` for any box up to 62.5 times
//! as large as the prior.
//!
//! Paper §2.2, eq. 2, with the variances of the reference implementation (`bbox_util.cpp`, `CENTER_SIZE`).

use serde::{Deserialize, Serialize};

use crate::boxes::CenterBox;

/// Divisors of the offsets: their spread becomes about 1, so that the loss gives centre and size the same weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Variances {
    /// For the two centre offsets.
    pub center: f32,
    /// For the two size offsets.
    pub size: f32,
}

impl Default for Variances {
    /// 0.1 and 0.2, in every implementation compared.
    fn default() -> Self {
        Self { center: 0.1, size: 0.2 }
    }
}

/// Upper limit of a size offset times its variance, before `exp`: `ln(1000 / 16)`, torchvision's
/// `BoxCoder.bbox_xform_clip`. A trained network stays far below it; an untrained one would overflow.
pub const SIZE_EXPONENT_MAX: f32 = 4.135_166_6;

/// The offsets `(dcx, dcy, dw, dh)` that lead from a prior to a box. Both need positive sizes.
pub fn encode(bbox: &CenterBox, prior: &CenterBox, variances: Variances) -> [f32; 4] {
    [
        (bbox.cx - prior.cx) / prior.w / variances.center,
        (bbox.cy - prior.cy) / prior.h / variances.center,
        (bbox.w / prior.w).ln() / variances.size,
        (bbox.h / prior.h).ln() / variances.size,
    ]
}

/// The box to which the offsets `(dcx, dcy, dw, dh)` lead from a prior.
pub fn decode(offsets: [f32; 4], prior: &CenterBox, variances: Variances) -> CenterBox {
    let [dcx, dcy, dw, dh] = offsets;
    CenterBox {
        cx: prior.cx + dcx * variances.center * prior.w,
        cy: prior.cy + dcy * variances.center * prior.h,
        w: prior.w * (dw * variances.size).min(SIZE_EXPONENT_MAX).exp(),
        h: prior.h * (dh * variances.size).min(SIZE_EXPONENT_MAX).exp(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // No box is more than 50 times the other: the limit of the exponent applies from 62.5 on.
    fn any_box() -> impl Strategy<Value = CenterBox> {
        (0.0f32..1.0, 0.0f32..1.0, 0.02f32..1.0, 0.02f32..1.0).prop_map(|(cx, cy, w, h)| CenterBox { cx, cy, w, h })
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(bbox in any_box(), prior in any_box()) {
            let v = Variances::default();
            let back = decode(encode(&bbox, &prior, v), &prior, v);
            for (got, want) in [(back.cx, bbox.cx), (back.cy, bbox.cy), (back.w, bbox.w), (back.h, bbox.h)] {
                // Rounding is relative to the prior's size and its offset: a few ulp of numbers up to about 10.
                prop_assert!((got - want).abs() < 2e-6, "{got} is not {want}");
            }
        }
    }

    #[test]
    fn a_huge_offset_stays_finite() {
        let prior = CenterBox::new(0.5, 0.5, 1.0, 1.0);
        assert!(decode([0.0, 0.0, 1e30, 1e30], &prior, Variances::default()).w.is_finite());
    }
}
