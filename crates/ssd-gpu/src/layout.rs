//! The structs that Rust writes and WGSL reads, or the other way round.
//!
//! `tests/shaders` reflects the shaders and compares size and offsets of every struct here with its namesake there. Info
//! structs become uniform buffers, so their size is a multiple of 16.

use bytemuck::{Pod, Zeroable};

/// Most classes, background not counted, that [`TopkInfo::enabled`] has bits for.
pub const ROWS_MAX: usize = 1024;

/// Most priors: an item's index has 20 bits in `common/select.wgsl`.
pub const PRIORS_MAX: usize = 1 << 20;

/// The uniform of the network's kernels, `common/convolution.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
#[allow(missing_docs, reason = "the fields are explained where they are used, in the shader")]
pub struct LayerInfo {
    pub height_in: u32,
    pub width_in: u32,
    pub quads_in: u32,
    pub height_out: u32,
    pub width_out: u32,
    pub rows: u32,
    pub quads_out: u32,
    pub columns: u32,
    pub kernel: u32,
    pub stride: u32,
    pub pad_top: u32,
    pub pad_left: u32,
    pub dilation: u32,
    pub activation: u32,
    pub weights_stride: u32,
    pub slices: u32,
    pub parts: u32,
    pub input_plane: u32,
    pub weights_plane: u32,
    pub first_tile: u32,
    pub tiles: u32,
    pub tiles_y: u32,
    pub tiles_x: u32,
    pub prior_base: u32,
    pub priors: u32,
    pub offset_columns: u32,
    pub logits_start: u32,
    pub classes: u32,
}

/// The uniform of `preprocess.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[allow(missing_docs, reason = "the fields are explained where they are used, in the shader")]
pub struct PreprocessInfo {
    pub width: u32,
    pub height: u32,
    pub size: u32,
    pub image: u32,
    pub mean: [f32; 4],
    pub deviation: [f32; 4],
}

/// The uniform of `peak_fma.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[allow(missing_docs, reason = "the fields are explained where they are used, in the shader")]
pub struct PeakFmaInfo {
    pub factor: f32,
    pub addend: f32,
    pub never: f32,
    pub reserved: f32,
}

/// The uniform of `peak_copy.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[allow(missing_docs, reason = "the fields are explained where they are used, in the shader")]
pub struct PeakCopyInfo {
    pub quads: u32,
    pub threads: u32,
    pub reserved0: u32,
    pub reserved1: u32,
}

/// The uniform of `decode.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[allow(missing_docs, reason = "the fields are explained where they are used, in the shader")]
pub struct DecodeInfo {
    pub priors: u32,
    pub classes: u32,
    pub center_variance: f32,
    pub size_variance: f32,
    pub size_exponent_max: f32,
    pub magnitude_max_bits: u32,
    pub logits_start: u32,
    pub reserved: u32,
}

/// The uniform of `topk.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[allow(missing_docs, reason = "the fields are explained where they are used, in the shader")]
pub struct TopkInfo {
    pub priors: u32,
    pub top_k: u32,
    pub floor_bits: u32,
    pub rows: u32,
    pub enabled: [[u32; 4]; ROWS_MAX / 128],
}

/// The uniform of `nms.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[allow(missing_docs, reason = "the fields are explained where they are used, in the shader")]
pub struct NmsInfo {
    pub iou: f32,
    pub max: u32,
    pub rows: u32,
    pub priors: u32,
}

/// The uniform of `soft_nms.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[allow(missing_docs, reason = "the fields are explained where they are used, in the shader")]
pub struct SoftNmsInfo {
    pub floor_bits: u32,
    pub max: u32,
    pub sigma: f32,
    pub rows: u32,
    pub priors: u32,
    pub reserved0: u32,
    pub reserved1: u32,
    pub reserved2: u32,
}

/// The uniform of `gather.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[allow(missing_docs, reason = "the fields are explained where they are used, in the shader")]
pub struct GatherInfo {
    pub rows: u32,
    pub max: u32,
    pub floor_bits: u32,
    pub priors: u32,
}

/// A slot in a row of candidates, before and after NMS; all zero where a row has ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub struct Candidate {
    /// The bits of an `f32`.
    pub score_bits: u32,
    /// Index into the priors.
    pub prior: u32,
}

/// What `gather.wgsl` says of an image.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub struct Header {
    /// How many records are in use.
    pub count: u32,
    /// How many candidates went into NMS, of all classes.
    pub candidates: u32,
    /// Zero.
    pub reserved0: u32,
    /// Zero.
    pub reserved1: u32,
}

/// One detection from `gather.wgsl`; all zero where an image's list has ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct Record {
    /// Left edge, a fraction of the picture.
    pub x1: f32,
    /// Upper edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Lower edge.
    pub y2: f32,
    /// The bits of an `f32`.
    pub score_bits: u32,
    /// 1-based.
    pub class_id: u32,
    /// Index into the priors.
    pub prior: u32,
}
