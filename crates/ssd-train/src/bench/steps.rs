//! Times of a network's steps by the host's clock, and Burn's two ways of doing them.

use std::fmt::Arguments;

use burn::tensor::{Device, Tensor};
use ssd::model::{BurnSteps, ConvStep, L2Norm, Pool, Steps};
use ssd_gpu::bench::Layer;

use crate::failure::Failure;

/// Times of the steps of a model, by their names.
#[derive(Default)]
pub(super) struct StepTimes {
    times: Vec<(String, f64)>,
    /// The first; an engine has no way to stop its network.
    failure: Option<Failure>,
}

impl StepTimes {
    /// Notes a time, and hands on what was made in it.
    pub(super) fn note<T>(&mut self, name: &str, timed: Result<(f64, T), Failure>) -> Option<T> {
        match timed {
            Ok((ms, made)) => {
                self.times.push((name.to_owned(), ms));
                Some(made)
            }
            Err(failure) => {
                self.failure.get_or_insert(failure);
                None
            }
        }
    }

    /// Milliseconds of each layer, which is one step or two.
    pub(super) fn of_layers(self, plan: &[Layer]) -> Result<Vec<f64>, Failure> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let step = |name: &String| self.times.iter().find(|(known, _)| known == name).map_or(f64::NAN, |(_, ms)| *ms);
        Ok(plan.iter().map(|layer| layer.steps.iter().map(step).sum()).collect())
    }
}

/// Which of Burn's ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BurnWay {
    /// As [`BurnSteps`] does it: a 1x1 convolution as a matrix product, on the CPU device some loops of ours.
    Steps,
    /// Burn's own convolution and batch norm, whatever the shape.
    Plain,
}

impl BurnWay {
    pub(super) fn run(self, step: &ConvStep<'_>, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Steps => step.run(x),
            Self::Plain => step.shape.activation.of_tensor(plain_sum(step, x)),
        }
    }

    pub(super) fn run_onto(self, step: &ConvStep<'_>, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Steps => step.run_onto(x, residual),
            Self::Plain => step.shape.activation.of_tensor(plain_sum(step, x) + residual),
        }
    }
}

/// All that comes before a residual or an activation.
fn plain_sum(step: &ConvStep<'_>, x: Tensor<4>) -> Tensor<4> {
    let x = step.conv.forward(x);
    match step.norm {
        Some(norm) => norm.forward(x),
        None => x,
    }
}

/// Waits until a device has done all that it was given.
pub(super) fn wait(device: &Device) -> Result<(), Failure> {
    device.sync().map_err(|error| Failure::Run(format!("the device failed: {error}.")))
}

/// Burn's engine with its convolutions done either way.
pub(super) struct BurnNetwork {
    pub(super) way: BurnWay,
    pub(super) steps: BurnSteps,
}

impl Steps for BurnNetwork {
    type Map = Tensor<4>;

    fn convolve(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: Tensor<4>) -> Tensor<4> {
        self.way.run(step, x)
    }

    fn convolve_onto(&mut self, _: Arguments<'_>, step: &ConvStep<'_>, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        self.way.run_onto(step, x, residual)
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: Tensor<4>) -> Tensor<4> {
        self.steps.max_pool(name, pool, x)
    }

    fn average(&mut self, name: Arguments<'_>, x: Tensor<4>) -> Tensor<4> {
        self.steps.average(name, x)
    }

    fn scale(&mut self, name: Arguments<'_>, x: Tensor<4>, factors: Tensor<4>) -> Tensor<4> {
        self.steps.scale(name, x, factors)
    }

    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: Tensor<4>) -> Tensor<4> {
        self.steps.l2_norm(name, norm, x)
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Tensor<4>), logits: (&ConvStep<'_>, Tensor<4>)) {
        self.steps.predict(level, offsets, logits);
    }
}
