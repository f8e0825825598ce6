//! The steps of a network, and what does them.
//!
//! The modules define the order of the steps, once, in [`Ssd::run`](super::Ssd::run). An [`Engine`] does them: with
//! Burn's operations, with gradients or without ([`BurnEngine`]); by packing them for the CPU ([`crate::cpu_network`]);
//! by counting ([`super::Ssd::layers`]); as a list of GPU kernels (`ssd-gpu`); as a graph of ONNX.

use std::fmt::Arguments;

use burn::tensor::Tensor;
use burn::tensor::ops::MaxPoolOptions;

pub use ssd_cpu::Pool;

use super::Predictions;
use super::conv::ConvStep;
use super::l2norm::L2Norm;

/// Does the steps of a network, in their order. A map stands for `[B, channels, H, W]` numbers.
pub trait Engine {
    /// A feature map.
    type Map: Clone;

    /// A convolution with all that is folded into it. `name` is the layer's in the paper.
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

/// Burn's operations and those of `ssd-cpu`, on the tensors' device, with gradients where they are recorded.
#[derive(Debug, Default)]
pub struct BurnEngine {
    offsets: Vec<Tensor<3>>,
    logits: Vec<Tensor<3>>,
}

impl BurnEngine {
    /// The predictions of all levels, one after the other.
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
        options.padding = pool.padding.by_axis();
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

/// Another engine, each of whose steps is done inside `watch`: `watch(name, work)` returns the map that `work` makes,
/// and may look at it or repeat the step. Predictions are the two convolutions that they come from, and are not kept.
pub struct Watched<E, W> {
    /// Does the steps.
    pub engine: E,
    /// Is called for each.
    pub watch: W,
}

impl<E: Engine, W: FnMut(&str, &mut dyn FnMut() -> E::Map) -> E::Map> Engine for Watched<E, W> {
    type Map = E::Map;

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: E::Map) -> E::Map {
        (self.watch)(&name.to_string(), &mut || self.engine.convolve(name, step, x.clone()))
    }

    fn convolve_onto(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: E::Map, residual: E::Map) -> E::Map {
        let work = &mut || self.engine.convolve_onto(name, step, x.clone(), residual.clone());
        (self.watch)(&name.to_string(), work)
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: E::Map) -> E::Map {
        (self.watch)(&name.to_string(), &mut || self.engine.max_pool(name, pool, x.clone()))
    }

    fn average(&mut self, name: Arguments<'_>, x: E::Map) -> E::Map {
        (self.watch)(&name.to_string(), &mut || self.engine.average(name, x.clone()))
    }

    fn scale(&mut self, name: Arguments<'_>, x: E::Map, factors: E::Map) -> E::Map {
        (self.watch)(&name.to_string(), &mut || self.engine.scale(name, x.clone(), factors.clone()))
    }

    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: E::Map) -> E::Map {
        (self.watch)(&name.to_string(), &mut || self.engine.l2_norm(name, norm, x.clone()))
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, E::Map), logits: (&ConvStep<'_>, E::Map)) {
        for (branch, (step, x)) in [("offsets", offsets), ("logits", logits)] {
            self.convolve(format_args!("head{}.{branch}", level + 1), step, x);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use burn::tensor::{Device, TensorData};
    use proptest::prelude::*;
    use ssd_cpu::{Padding, twins};

    use super::*;

    fn values(tensor: &Tensor<4>) -> Vec<f32> {
        tensor.clone().into_data().iter::<f32>().collect()
    }

    /// Where each window's largest number stands, found as the twin finds it: the twin of a map of which all but one
    /// number is minus infinity is that number in the windows that see it.
    fn gradient_by_twin(pool: &Pool, map: &[f32], size: [usize; 2], upstream: &[f32]) -> Vec<f32> {
        let largest = twins::max_pool(pool, map, size);
        let of = |place: usize| {
            let mut alone = vec![f32::NEG_INFINITY; map.len()];
            alone[place] = map[place];
            let seen = twins::max_pool(pool, &alone, size);
            let hits = seen.iter().zip(&largest).zip(upstream).filter(|((seen, largest), _)| seen == largest);
            hits.map(|(_, upstream)| upstream).sum()
        };
        (0..map.len()).map(of).collect()
    }

    proptest! {
        #[test]
        fn poolings_with_any_padding_and_their_gradients_are_the_twins(
            (kernel, stride) in (1..4usize, 1..4usize),
            size in [1..7usize, 1..7usize],
            (before, after) in ([0..3usize, 0..3usize], [0..3usize, 0..3usize]),
        ) {
            let padding = Padding { before, after };
            prop_assume!(padding.sides().iter().all(|side| *side < kernel));
            let pool = Pool { kernel, stride, padding };
            let [rows, columns] = pool.size_out(size);
            prop_assume!(rows * columns > 0);
            // All different, in no order.
            let map: Vec<f32> = (0..size[0] * size[1]).map(|i| ((i * 29 + 7) % 47) as f32 - 20.0).collect();
            let upstream: Vec<f32> = (0..rows * columns).map(|i| (i as f32 * 0.7).sin()).collect();
            let device = Device::flex().autodiff();
            let tensor = |values: &[f32], [height, width]: [usize; 2]| {
                Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, 1, height, width]), &device)
            };
            let x = tensor(&map, size).require_grad();
            let y = BurnEngine::default().max_pool(format_args!("pool"), &pool, x.clone());
            prop_assert_eq!(values(&y.clone().inner()), twins::max_pool(&pool, &map, size));
            let gradients = (y * tensor(&upstream, [rows, columns])).sum().backward();
            let got = values(&x.grad(&gradients).unwrap());
            for (got, want) in got.into_iter().zip(gradient_by_twin(&pool, &map, size, &upstream)) {
                prop_assert!((got - want).abs() < 1e-5, "{got}, {want}");
            }
        }
    }
}
