//! topk: launches `shaders/topk.wgsl`, a workgroup for each class.

use burn::backend::wgpu::CubeTensor;
use burn::tensor::DType;
use ssd::postprocess::{DetectParams, SLOTS};

use crate::buffer::empty;
use crate::kernel::{TOPK, launch};
use crate::layout::{ROWS_MAX, TopkInfo};

/// The candidates of all classes.
pub(crate) struct Candidates {
    /// `[C-1, SLOTS]` of [`crate::layout::Candidate`], best first, zero beyond the count.
    pub(crate) rows: CubeTensor,
    /// `[C-1]` u32.
    pub(crate) counts: CubeTensor,
}

/// `scores [C-1, P]` of `classes - 1` rows.
pub(crate) fn topk(scores: &CubeTensor, classes: usize, params: &DetectParams) -> Candidates {
    let rows = classes - 1;
    let candidates =
        Candidates { rows: empty(scores, rows * SLOTS * 2, DType::I32), counts: empty(scores, rows, DType::I32) };
    let info = TopkInfo {
        priors: (scores.meta.num_elements() / rows) as u32,
        top_k: params.top_k as u32,
        floor_bits: params.score_bits(),
        reserved: 0,
        enabled: enabled(rows, params),
    };
    launch(&TOPK, rows, &[scores, &candidates.rows, &candidates.counts], &info);
    candidates
}

fn enabled(rows: usize, params: &DetectParams) -> [[u32; 4]; ROWS_MAX / 128] {
    let mut bits = [[0u32; 4]; ROWS_MAX / 128];
    for row in (0..rows).filter(|row| params.wants(row + 1)) {
        bits[row / 128][row / 32 % 4] |= 1 << (row % 32);
    }
    bits
}
