//! gather: launches `shaders/gather.wgsl`, one workgroup.

use burn::backend::wgpu::CubeTensor;
use burn::tensor::DType;
use ssd::postprocess::DetectParams;

use crate::buffer::empty;
use crate::kernel::{GATHER, launch};
use crate::layout::{GatherInfo, Header, Record};

/// The bytes of the buffer for `max` detections, which is what a frame reads back.
pub(crate) fn bytes(max: usize) -> usize {
    size_of::<Header>() + max * size_of::<Record>()
}

/// The best of all classes' `kept [C-1, SLOTS]` as a [`Header`] and `max` [`Record`]s, in 32-bit words. `counts [C-1]` are the
/// candidates before NMS, `boxes` are `[P, 4]` in corner form.
pub(crate) fn gather(
    kept: &CubeTensor,
    counts: &CubeTensor,
    boxes: &CubeTensor,
    classes: usize,
    params: &DetectParams,
) -> CubeTensor {
    let gathered = empty(boxes, bytes(params.max) / size_of::<u32>(), DType::I32);
    let info =
        GatherInfo { rows: (classes - 1) as u32, max: params.max as u32, floor_bits: params.score_bits(), reserved: 0 };
    launch(&GATHER, 1, &[kept, counts, boxes, &gathered], &info);
    gathered
}
