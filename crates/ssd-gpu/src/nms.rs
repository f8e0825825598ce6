//! nms: launches `shaders/nms.wgsl` or `shaders/soft_nms.wgsl`, a workgroup for each class.

use burn::backend::wgpu::CubeTensor;
use burn::tensor::DType;
use ssd::postprocess::{DetectParams, Nms, SOFT_NMS_SIGMA};

use crate::buffer::empty;
use crate::kernel::{NMS, SOFT_NMS, launch};
use crate::layout::{NmsInfo, SoftNmsInfo};
use crate::topk::Candidates;

/// What is kept of each class's candidates: `[C-1, SLOTS]` of [`crate::layout::Candidate`], best first, zero beyond the last.
/// `boxes` are `[P, 4]` in corner form.
pub(crate) fn nms(candidates: &Candidates, boxes: &CubeTensor, classes: usize, params: &DetectParams) -> CubeTensor {
    let kept = empty(boxes, candidates.rows.meta.num_elements(), DType::I32);
    let buffers = [&candidates.rows, &candidates.counts, boxes, &kept];
    let max = params.max as u32;
    match params.nms {
        Nms::Hard => {
            let info = NmsInfo { iou: params.iou, max, reserved0: 0, reserved1: 0 };
            launch(&NMS, classes - 1, &buffers, &info);
        }
        Nms::Soft => {
            let info = SoftNmsInfo { floor_bits: params.score_bits(), max, sigma: SOFT_NMS_SIGMA, reserved: 0 };
            launch(&SOFT_NMS, classes - 1, &buffers, &info);
        }
    }
    kept
}
