//! The learner: the network, its optimiser, its average; one optimiser step at a time.
//!
//! A step is: upload → forward → loss → backward for each of its batches, then clip → optimise → average. On one GPU
//! all of it is queued without waiting. Knows no epochs, files, schedule or second device.

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use ssd::Ssd;
use ssd::loss::MultiBox;
use ssd::weights::Header;

use crate::batch::{BatchGradients, Example, HostBatch, Local, Matcher};
use crate::config::LearnConfig;
use crate::ema::Ema;
use crate::optimizer::clip::clip_by_global_norm;
use crate::optimizer::optimizer;
use crate::reading::Reading;

/// A network that learns.
pub struct Learner {
    /// The network, on a device with autodiff.
    pub model: Ssd,
    /// Its optimiser.
    pub optimizer: ModuleOptimizer,
    /// The running average of its weights, if kept.
    pub ema: Option<Ema>,
    /// Turns a picture's objects into targets.
    pub matcher: Matcher,
    device: Device,
    loss: MultiBox,
    input_size: usize,
    clip_norm: f64,
}

/// Observes the parts of a step, as a profile does; `()` does nothing.
pub trait Watch {
    /// Runs a part of a step.
    fn part<T>(&mut self, name: &'static str, part: impl FnOnce() -> T) -> T;
}

impl Watch for () {
    fn part<T>(&mut self, _: &'static str, part: impl FnOnce() -> T) -> T {
        part()
    }
}

impl Learner {
    /// `model`, which is on `device`, before its first step.
    pub fn new(config: &LearnConfig, header: &Header, model: Ssd, device: Device) -> Self {
        let model = model.freeze_stages(config.freeze);
        Self {
            ema: (config.ema > 0.0).then(|| Ema::new(&model, config.ema)),
            optimizer: optimizer(config),
            matcher: Matcher::new(header, config.difficult),
            loss: loss(config, header, &device),
            model,
            device,
            input_size: header.input_size,
            clip_norm: config.clip_norm,
        }
    }

    /// The network to measure and export, without autodiff: the average, if one is kept.
    pub fn measured(&self) -> Ssd {
        match &self.ema {
            Some(ema) => ema.average().clone(),
            None => self.model.valid(),
        }
    }

    /// One step, counted from 1, at learning rate `lr`, on all batches of a group. `gradients` computes those of one
    /// batch: [`Local::gradients`], or a function that shares the batch with other devices. Returns the sum of the
    /// losses, `[boxes, classes]`, on its way to the host.
    ///
    /// # Errors
    /// Those of `gradients`.
    pub fn step<E>(
        &mut self,
        group: &[Vec<Example<'_>>],
        lr: f64,
        step: usize,
        mut gradients: impl FnMut(Local<'_>, HostBatch) -> Result<BatchGradients, E>,
        watch: &mut impl Watch,
    ) -> Result<Reading, E> {
        // Each batch is divided by the positives of all of them: the step equals that of one large batch.
        let targets = group.iter().flatten().flat_map(|example| &example.targets.classes);
        let positives = targets.filter(|&&class| class > 0).count();

        let mut sum = GradientsAccumulator::new();
        let mut loss = Tensor::zeros([2], &self.device.clone().without_autodiff());
        for batch in group {
            let batch = watch.part("stack", || HostBatch::stacked(batch, self.input_size, positives));
            let local = Local { model: &self.model, device: &self.device, loss: &self.loss };
            let of_batch = watch.part("forward, loss, backward", || gradients(local, batch))?;
            loss = loss + of_batch.loss;
            watch.part("accumulate", || sum.accumulate(&self.model, of_batch.gradients));
        }
        // After the last backward pass and before anything else: it has arrived when the next step is queued.
        let reading = watch.part("start reading the loss", || Reading::start(loss));
        watch.part("optimise", || {
            let mut gradients = sum.grads();
            if self.clip_norm > 0.0 {
                gradients = clip_by_global_norm(&self.model, gradients, self.clip_norm);
            }
            self.model = self.optimizer.step(lr, self.model.clone(), gradients);
        });
        if let Some(ema) = &mut self.ema {
            watch.part("average", || ema.update(&self.model, step));
        }
        Ok(reading)
    }

    /// 0 if all weights and their averages are finite in half precision, the export's; else another value or NaN.
    pub fn overflow(&self) -> Reading {
        let mut probe = Probe(Tensor::zeros([1], &self.device.clone().without_autodiff()));
        self.model.valid().visit(&mut probe);
        if let Some(ema) = &self.ema {
            ema.average().visit(&mut probe);
        }
        Reading::start(probe.0)
    }
}

/// Zero while everything visited is finite in f16: excess over its range is added; infinity and NaN times 0 are NaN.
struct Probe(Tensor<1>);

/// The largest number of f16.
const F16_MAX: f32 = 65_504.0;

impl ModuleVisitor for Probe {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0 = self.0.clone() + (param.val() * 0.0).sum();
        // Only weights are exported in half precision.
        if D > 1 {
            let beyond = param.val().abs().clamp_min(F16_MAX) - F16_MAX;
            self.0 = self.0.clone() + beyond.sum();
        }
    }
}

/// The loss of a detector with these settings, for predictions on `device`.
pub fn loss(config: &LearnConfig, header: &Header, device: &Device) -> MultiBox {
    MultiBox::new(&header.priors.priors(), header.priors.variances, config.losses(header), device)
}
