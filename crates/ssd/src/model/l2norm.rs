//! L2 normalisation over the channels with a learned scale for each: paper §3.1, after ParseNet. The activations of
//! conv4_3 are much larger than the other maps'; without this its heads would dominate.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};

pub use ssd_cpu::twins::L2NORM_EPSILON;

/// `x / sqrt(sum over channels of x² + eps) * scale`.
#[derive(Module, Debug)]
pub struct L2Norm {
    /// `[channels]`, 20 at the start.
    pub scale: Param<Tensor<1>>,
}

impl L2Norm {
    /// The layer for maps of `channels` channels.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self { scale: Initializer::Constant { value: 20.0 }.init([channels], device) }
    }

    /// # Shapes
    ///
    /// - `x` and output: `[B, channels, H, W]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let norm = (x.clone().square().sum_dim(1) + L2NORM_EPSILON).sqrt();
        x / norm * self.scale.val().reshape([1, -1, 1, 1])
    }
}
