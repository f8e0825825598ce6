//! The steps of a network, and who does them.
//!
//! The modules define the order of the steps, once, in [`Ssd::run`](super::Ssd::run). Each is a method of [`Steps`],
//! which is implemented by Burn's operations, with gradients or without ([`BurnSteps`]), the packer for the CPU
//! ([`crate::cpu_network`]), a counter ([`super::Ssd::layers`]), a recorder of GPU kernels (`ssd-gpu`), and a writer of
//! ONNX.

use std::fmt::Arguments;

use burn::tensor::Tensor;

pub use ssd_cpu::Pool;

use super::Predictions;
use super::conv::ConvStep;
use super::l2norm::L2Norm;

/// Does the steps of a network, in their order. A map stands for `[B, channels, H, W]` numbers.
pub trait Steps {
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
pub struct BurnSteps {
    offsets: Vec<Tensor<3>>,
    logits: Vec<Tensor<3>>,
}

impl BurnSteps {
    /// The predictions of all levels, one after the other.
    pub fn predictions(self) -> Predictions {
        Predictions { offsets: Tensor::cat(self.offsets, 1), logits: Tensor::cat(self.logits, 1) }
    }
}

impl Steps for BurnSteps {
    type Map = Tensor<4>;

    fn convolve(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: Tensor<4>) -> Tensor<4> {
        step.run(x)
    }

    fn convolve_onto(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        step.run_onto(x, residual)
    }

    fn max_pool(&mut self, _: Arguments<'_>, pool: &Pool, x: Tensor<4>) -> Tensor<4> {
        ssd_cpu::max_pool(x, pool)
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

/// Does every step of another implementation inside `watch`: `watch(name, work)` returns the map that `work` makes, and
/// may look at it or repeat the step. Predictions are the two convolutions that they come from, and are not kept.
pub struct Watched<S, W> {
    /// The other implementation.
    pub steps: S,
    /// Called once for each step.
    pub watch: W,
}

impl<S: Steps, W: FnMut(&str, &mut dyn FnMut() -> S::Map) -> S::Map> Steps for Watched<S, W> {
    type Map = S::Map;

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: S::Map) -> S::Map {
        (self.watch)(&name.to_string(), &mut || self.steps.convolve(name, step, x.clone()))
    }

    fn convolve_onto(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: S::Map, residual: S::Map) -> S::Map {
        let work = &mut || self.steps.convolve_onto(name, step, x.clone(), residual.clone());
        (self.watch)(&name.to_string(), work)
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: S::Map) -> S::Map {
        (self.watch)(&name.to_string(), &mut || self.steps.max_pool(name, pool, x.clone()))
    }

    fn average(&mut self, name: Arguments<'_>, x: S::Map) -> S::Map {
        (self.watch)(&name.to_string(), &mut || self.steps.average(name, x.clone()))
    }

    fn scale(&mut self, name: Arguments<'_>, x: S::Map, factors: S::Map) -> S::Map {
        (self.watch)(&name.to_string(), &mut || self.steps.scale(name, x.clone(), factors.clone()))
    }

    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: S::Map) -> S::Map {
        (self.watch)(&name.to_string(), &mut || self.steps.l2_norm(name, norm, x.clone()))
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, S::Map), logits: (&ConvStep<'_>, S::Map)) {
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
            let y = BurnSteps::default().max_pool(format_args!("pool"), &pool, x.clone());
            prop_assert_eq!(values(&y.clone().inner()), twins::max_pool(&pool, &map, size));
            let gradients = (y * tensor(&upstream, [rows, columns])).sum().backward();
            let got = values(&x.grad(&gradients).unwrap());
            for (got, want) in got.into_iter().zip(gradient_by_twin(&pool, &map, size, &upstream)) {
                prop_assert!((got - want).abs() < 1e-5, "{got}, {want}");
            }
        }
    }
}
