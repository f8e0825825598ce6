//! Networks step by step by the host's clock: by Burn's operations on any device, and by our loops on the CPU. Both are
//! engines that do each step several times and hand its output on.

use std::fmt::Arguments;

use burn::tensor::{Device, Tensor};
use ssd::model::{BurnEngine, ConvStep, Engine, L2NORM_EPSILON, L2Norm, Pool};
use ssd_cpu::{Buffers, ConvolutionError, Map, Window};
use ssd_gpu::bench::Layer;

use super::timer::Timer;
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
    fn note<T>(&mut self, name: String, timed: Result<(f64, T), Failure>) -> Option<T> {
        match timed {
            Ok((ms, made)) => {
                self.times.push((name, ms));
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
    /// As [`BurnEngine`] does it: a 1x1 convolution as a matrix product, on the CPU device some loops of ours.
    Engine,
    /// Burn's own convolution and batch norm, whatever the shape.
    Plain,
}

impl BurnWay {
    pub(super) fn run(self, step: &ConvStep<'_>, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Engine => step.run(x),
            Self::Plain => step.activation.of_tensor(plain_sum(step, x)),
        }
    }

    pub(super) fn run_onto(self, step: &ConvStep<'_>, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Engine => step.run_onto(x, residual),
            Self::Plain => step.activation.of_tensor(plain_sum(step, x) + residual),
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

/// Burn's steps, timed.
pub(super) struct BurnSteps<'a> {
    pub(super) device: Device,
    pub(super) way: BurnWay,
    pub(super) timer: &'a Timer,
    pub(super) measured: &'a dyn Fn(&str),
    pub(super) times: StepTimes,
}

/// Waits until a device has done all that it was given.
pub(super) fn wait(device: &Device) -> Result<(), Failure> {
    device.sync().map_err(|error| Failure::Run(format!("the device failed: {error}.")))
}

impl BurnSteps<'_> {
    fn time(&mut self, name: String, work: impl Fn() -> Tensor<4>) -> Tensor<4> {
        (self.measured)(&name);
        let timed = self.timer.time(|| wait(&self.device), || Ok(work()));
        self.times.note(name, timed).unwrap_or_else(work)
    }
}

impl Engine for BurnSteps<'_> {
    type Map = Tensor<4>;

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Tensor<4>) -> Tensor<4> {
        let way = self.way;
        self.time(name.to_string(), || way.run(step, x.clone()))
    }

    fn convolve_onto(
        &mut self,
        name: Arguments<'_>,
        step: &ConvStep<'_>,
        x: Tensor<4>,
        residual: Tensor<4>,
    ) -> Tensor<4> {
        let way = self.way;
        self.time(name.to_string(), || way.run_onto(step, x.clone(), residual.clone()))
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: Tensor<4>) -> Tensor<4> {
        self.time(name.to_string(), || BurnEngine::default().max_pool(format_args!(""), pool, x.clone()))
    }

    fn average(&mut self, name: Arguments<'_>, x: Tensor<4>) -> Tensor<4> {
        self.time(name.to_string(), || BurnEngine::default().average(format_args!(""), x.clone()))
    }

    fn scale(&mut self, name: Arguments<'_>, x: Tensor<4>, factors: Tensor<4>) -> Tensor<4> {
        self.time(name.to_string(), || BurnEngine::default().scale(format_args!(""), x.clone(), factors.clone()))
    }

    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: Tensor<4>) -> Tensor<4> {
        self.time(name.to_string(), || norm.forward(x.clone()))
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Tensor<4>), logits: (&ConvStep<'_>, Tensor<4>)) {
        for (branch, (step, x)) in [("offsets", offsets), ("logits", logits)] {
            self.convolve(format_args!("head{}.{branch}", level + 1), step, x);
        }
    }
}

/// Our loops' steps, timed.
pub(super) struct CpuSteps<'a> {
    pub(super) timer: &'a Timer,
    pub(super) measured: &'a dyn Fn(&str),
    pub(super) times: StepTimes,
}

impl CpuSteps<'_> {
    /// The pictures, `[B, 3, S, S]`, as the loops have them.
    pub(super) fn input(x: Tensor<4>) -> Result<Map, Failure> {
        Map::from_tensor(x, &Buffers::default()).ok_or_else(|| Failure::run(ConvolutionError::Tensor))
    }

    fn time(&mut self, name: String, x: &Map, work: impl Fn() -> Result<Map, Failure>) -> Map {
        (self.measured)(&name);
        let timed = self.timer.time(|| Ok(()), work);
        // Where it failed, what goes on from here is not looked at.
        self.times.note(name, timed).unwrap_or_else(|| x.clone())
    }

    fn convolution(&mut self, name: String, step: &ConvStep<'_>, x: &Map, residual: Option<Map>) -> Map {
        let packed = step.packed();
        self.time(name, x, || match (packed.as_ref(), &residual) {
            (Ok(convolution), Some(residual)) => convolution.run_onto(x, residual.clone()).map_err(Failure::run),
            (Ok(convolution), None) => convolution.run(x).map_err(Failure::run),
            (Err(error), _) => Err(Failure::run(error)),
        })
    }
}

impl Engine for CpuSteps<'_> {
    type Map = Map;

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map) -> Map {
        self.convolution(name.to_string(), step, &x, None)
    }

    fn convolve_onto(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map, residual: Map) -> Map {
        self.convolution(name.to_string(), step, &x, Some(residual))
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: Map) -> Map {
        let window = Window { kernel: pool.kernel, stride: pool.stride, padding: pool.padding };
        let [_, _, height, width] = x.dims();
        let size_out = pool.size_out([height, width]);
        self.time(name.to_string(), &x, || Ok(x.max_pool(window, size_out)))
    }

    fn average(&mut self, name: Arguments<'_>, x: Map) -> Map {
        self.time(name.to_string(), &x, || Ok(x.average()))
    }

    fn scale(&mut self, name: Arguments<'_>, x: Map, factors: Map) -> Map {
        self.time(name.to_string(), &x, || {
            x.clone().scale(&factors).ok_or_else(|| Failure::run(ConvolutionError::Tensor))
        })
    }

    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: Map) -> Map {
        let scale: Vec<f32> = norm.scale.val().into_data().iter::<f32>().collect();
        self.time(name.to_string(), &x, || Ok(x.clone().l2_norm(&scale, L2NORM_EPSILON)))
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Map), logits: (&ConvStep<'_>, Map)) {
        for (branch, (step, x)) in [("offsets", offsets), ("logits", logits)] {
            self.convolution(format!("head{}.{branch}", level + 1), step, &x, None);
        }
    }
}
