//! decode: launches `shaders/decode.wgsl`, a thread for each prior.

use burn::backend::wgpu::CubeTensor;
use burn::tensor::DType;
use ssd::codec::{SIZE_EXPONENT_MAX, Variances};
use ssd::postprocess::MAGNITUDE_MAX;

use crate::buffer::empty;
use crate::kernel::{DECODE, launch};
use crate::layout::DecodeInfo;

/// Scores and boxes of all priors.
pub(crate) struct Decoded {
    /// `[C-1, P]` f32.
    pub(crate) scores: CubeTensor,
    /// `[P, 4]` f32, corner form.
    pub(crate) boxes: CubeTensor,
}

/// `offsets [P, 4]`, `logits [P, classes]`, `priors [P, 4]` in centre form.
pub(crate) fn decode(
    offsets: &CubeTensor,
    logits: &CubeTensor,
    priors: &CubeTensor,
    classes: usize,
    variances: Variances,
) -> Decoded {
    let count = priors.meta.num_elements() / 4;
    let decoded = Decoded {
        scores: empty(priors, (classes - 1) * count, DType::F32),
        boxes: empty(priors, 4 * count, DType::F32),
    };
    let info = DecodeInfo {
        priors: count as u32,
        classes: classes as u32,
        center_variance: variances.center,
        size_variance: variances.size,
        size_exponent_max: SIZE_EXPONENT_MAX,
        magnitude_max_bits: MAGNITUDE_MAX.to_bits(),
        reserved0: 0,
        reserved1: 0,
    };
    let buffers = [offsets, logits, priors, &decoded.scores, &decoded.boxes];
    launch(&DECODE, count.div_ceil(DECODE.threads as usize), &buffers, &info);
    decoded
}
