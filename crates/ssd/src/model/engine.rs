//! Who does the steps of a network.
//!
//! The modules say what follows what, once, in [`Ssd::run`](super::Ssd::run). What a step does is the engine's: Burn's operations with or
//! without gradients ([`BurnEngine`]), packing for the CPU ([`crate::cpu_network`]), counting ([`super::Ssd::multiply_adds`]), a list of
//! GPU kernels (`ssd-gpu`), a graph of ONNX (`ssd-train`).

use std::fmt::Arguments;

use burn::tensor::Tensor;
use burn::tensor::ops::MaxPoolOptions;

use super::Predictions;
use super::conv::ConvStep;
use super::l2norm::L2Norm;

/// Does the steps of a network, in their order. A map is whatever stands for `[B, channels, H, W]` numbers.
pub trait Engine {
    /// A feature map.
    type Map: Clone;

    /// A convolution with what is folded into it. `name` is the layer's, as the paper has it.
    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Self::Map) -> Self::Map;

    /// The same with another map of the output's shape added before the activation.
    fn convolve_onto(
        &mut self,
        name: Arguments<'_>,
        step: &ConvStep<'_>,
        x: Self::Map,
        residual: Self::Map,
    ) -> Self::Map;

    /// The largest number under each window.
    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: Self::Map) -> Self::Map;

    /// The mean of each channel: `[B, channels, 1, 1]`.
    fn average(&mut self, name: Arguments<'_>, x: Self::Map) -> Self::Map;

    /// Each channel times its own factor; `factors` are `[B, channels, 1, 1]`.
    fn scale(&mut self, name: Arguments<'_>, x: Self::Map, factors: Self::Map) -> Self::Map;

    /// [`L2Norm`] over the channels.
    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: Self::Map) -> Self::Map;

    /// The predictions on the feature map of a level, finest first: the last convolution of each branch, and its input.
    /// Their outputs are the network's, prior by prior.
    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Self::Map), logits: (&ConvStep<'_>, Self::Map));
}

/// The window of a max pooling. What lies outside the map does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Side of the window.
    pub kernel: usize,
    /// Step between two windows.
    pub stride: usize,
    /// How far the first window reaches over the edge.
    pub padding: usize,
    /// Whether a last window that is only partly inside counts.
    pub ceil: bool,
}

impl Pool {
    /// Height and width of the output.
    pub fn size_out(&self, size_in: [usize; 2]) -> [usize; 2] {
        let rounding = if self.ceil { self.stride - 1 } else { 0 };
        size_in.map(|size| (size + 2 * self.padding - self.kernel + rounding) / self.stride + 1)
    }
}

/// Burn's operations and those of `ssd-cpu`, on whatever device the tensors are, with gradients where they are recorded.
#[derive(Debug, Default)]
pub struct BurnEngine {
    offsets: Vec<Tensor<3>>,
    logits: Vec<Tensor<3>>,
}

impl BurnEngine {
    /// What the heads said, all levels in one row.
    pub fn predictions(self) -> Predictions {
        Predictions { offsets: Tensor::cat(self.offsets, 1), logits: Tensor::cat(self.logits, 1) }
    }
}

impl Engine for BurnEngine {
    type Map = Tensor<4>;

    fn convolve(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: Tensor<4>) -> Tensor<4> {
        step.run(x)
    }

    fn convolve_onto(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        step.run_onto(x, residual)
    }

    fn max_pool(&mut self, _: Arguments<'_>, pool: &Pool, x: Tensor<4>) -> Tensor<4> {
        let mut options = MaxPoolOptions::new([pool.kernel; 2]);
        options.stride = [pool.stride; 2];
        options.padding = [(pool.padding, pool.padding); 2];
        options.ceil_mode = pool.ceil;
        burn::tensor::module::max_pool2d(x, options)
    }

    fn average(&mut self, _: Arguments<'_>, x: Tensor<4>) -> Tensor<4> {
        x.mean_dims(&[2, 3])
    }

    fn scale(&mut self, _: Arguments<'_>, x: Tensor<4>, factors: Tensor<4>) -> Tensor<4> {
        x * factors
    }

    fn l2_norm(&mut self, _: Arguments<'_>, norm: &L2Norm, x: Tensor<4>) -> Tensor<4> {
        norm.forward(x)
    }

    fn predict(&mut self, _: usize, offsets: (&ConvStep<'_>, Tensor<4>), logits: (&ConvStep<'_>, Tensor<4>)) {
        let rows = |out: Tensor<4>, width: usize| {
            let batch = out.dims()[0] as i32;
            out.permute([0, 2, 3, 1]).reshape([batch, -1, width as i32])
        };
        let (offsets, logits) = (offsets.0.run(offsets.1), logits.0.run(logits.1));
        let priors_of_cell = offsets.dims()[1] / 4;
        let classes = logits.dims()[1] / priors_of_cell;
        self.offsets.push(rows(offsets, 4));
        self.logits.push(rows(logits, classes));
    }
}
