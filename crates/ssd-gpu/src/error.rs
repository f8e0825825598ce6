//! What can go wrong between a tensor and the detections.

use ssd::postprocess::ParamsError;
use thiserror::Error;

/// A failure of the post-processing on the GPU.
#[derive(Debug, Error)]
pub enum GpuError {
    /// The tensor lives somewhere else.
    #[error(
        "The tensor is not on a wgpu device ({reason}); run the model on the device the post-processing was made for."
    )]
    NotWgpu {
        /// In Burn's words.
        reason: String,
    },
    /// The device compiles another language than WGSL.
    #[error(
        "The device compiles shaders for {name}, which refuses WGSL; build with Burn's feature `wgpu` and without `vulkan`."
    )]
    NotWgsl {
        /// The runtime's name.
        name: String,
    },
    /// A tensor of the wrong shape.
    #[error("{name} has the shape {got:?} instead of {want:?}; use the model that these priors belong to.")]
    Shape {
        /// `offsets` or `logits`.
        name: &'static str,
        /// The shape of the tensor.
        got: Vec<usize>,
        /// The shape that fits the priors.
        want: Vec<usize>,
    },
    /// A tensor of another type than `f32`.
    #[error("A tensor holds {got} instead of 32-bit floats; run the model in f32.")]
    Type {
        /// The type of its elements.
        got: String,
    },
    /// More than the kernels' layout can hold, or nothing at all.
    #[error("{name} is {got}; the kernels take {least} to {most}.")]
    Size {
        /// `priors` or `classes`.
        name: &'static str,
        /// As given.
        got: usize,
        /// Lower limit.
        least: usize,
        /// Upper limit.
        most: usize,
    },
    /// A parameter out of its range.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// The bytes that came back make no sense.
    #[error(
        "The buffer that came back from the GPU is not a list of detections ({reason}); the driver may have refused a shader, see the log."
    )]
    Malformed {
        /// What does not fit.
        reason: String,
    },
    /// The GPU could not be read.
    #[error("Reading from the GPU failed: {reason}")]
    Read {
        /// In Burn's words.
        reason: String,
    },
}
