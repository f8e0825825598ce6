//! What learns: the network, its optimiser, its average; one optimiser step at a time.
//!
//! A step is: match → upload → forward → loss → backward, for each batch of it, then clip → optimise → average. On one GPU all
//! of it is queued and nothing is waited for. What it is not: it knows no epochs, no files and no schedule.

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, ModuleOptimizer};
use burn::tensor::{Device, ExecutionError, Tensor};
use rayon::prelude::*;
use ssd::Ssd;
use ssd::boxes::{CenterBox, GroundTruth};
use ssd::codec::Variances;
use ssd::loss::MultiBox;
use ssd::matching::{Targets, targets};
use ssd::weights::Header;

use crate::config::{Difficult, TrainConfig};
use crate::data::Prepared;
use crate::ema::Ema;
use crate::optimizer::clip::clip_by_global_norm;
use crate::optimizer::optimizer;
use crate::profile::Profile;
use crate::reading::Reading;
use crate::replicas::{self, BatchGradients, HostBatch, LostReplica, Replicas};

/// A network that learns.
pub struct Learner {
    /// The network, on a device with autodiff.
    pub model: Ssd,
    /// What changes it.
    pub optimizer: ModuleOptimizer,
    /// The running average of its weights, if one is kept.
    pub ema: Option<Ema>,
    device: Device,
    replicas: Replicas,
    variances: Variances,
    input_size: usize,
    priors: Vec<CenterBox>,
    loss: MultiBox,
    learn_difficult: bool,
    clip_norm: f64,
}

impl Learner {
    /// `model`, which lies on `device` and is helped by `replicas`, before its first step.
    pub fn new(config: &TrainConfig, header: &Header, model: Ssd, device: Device, replicas: Replicas) -> Self {
        let model = model.freeze_stages(config.freeze);
        Self {
            ema: (config.ema > 0.0).then(|| Ema::new(&model, config.ema)),
            optimizer: optimizer(config),
            model,
            loss: loss(config, header, &device),
            device,
            replicas,
            priors: header.priors.priors(),
            variances: header.priors.variances,
            input_size: header.input_size,
            learn_difficult: config.difficult == Difficult::Learn,
            clip_norm: config.clip_norm,
        }
    }

    /// The network to measure and to export, without autodiff: the average, where one is kept.
    pub fn measured(&self) -> Ssd {
        match &self.ema {
            Some(ema) => ema.average().clone(),
            None => self.model.valid(),
        }
    }

    /// One step, counted from 1, on the batches of a group together; the loss is the sum of `[boxes, classes]` on its way to the host.
    ///
    /// # Errors
    ///
    /// When a device beside the main one fails.
    pub fn step(
        &mut self,
        group: &[Vec<Prepared>],
        lr: f64,
        step: usize,
        profile: &mut Profile,
    ) -> Result<Reading, LostReplica> {
        let matched = profile.part(step, "match", || self.matched(group));
        // All batches of a step are divided by the positives of all of them: the step is that of one large batch.
        let positives = matched.iter().flatten().flat_map(|t| &t.classes).filter(|&&class| class > 0).count();

        let mut gradients = GradientsAccumulator::new();
        let mut loss = Tensor::zeros([2], &self.device.clone().without_autodiff());
        for (batch, matched) in group.iter().zip(matched) {
            let batch = profile.part(step, "stack", || self.stacked(batch, &matched, positives));
            let of_batch = self.gradients(batch, step, profile)?;
            loss = loss + of_batch.loss;
            profile.part(step, "accumulate", || gradients.accumulate(&self.model, of_batch.gradients));
        }
        // Behind the last backward pass, before anything else: it is there when the next step is queued.
        let reading = profile.part(step, "start reading the loss", || Reading::start(loss));
        profile.part(step, "optimise", || {
            let mut gradients = gradients.grads();
            if self.clip_norm > 0.0 {
                gradients = clip_by_global_norm(&self.model, gradients, self.clip_norm);
            }
            self.model = self.optimizer.step(lr, self.model.clone(), gradients);
        });
        if let Some(ema) = &mut self.ema {
            profile.part(step, "average", || ema.update(&self.model, step));
        }
        Ok(reading)
    }

    /// The gradients of one batch, on the main device and on those that help it.
    fn gradients(
        &mut self,
        batch: HostBatch,
        step: usize,
        profile: &mut Profile,
    ) -> Result<BatchGradients, LostReplica> {
        let Self { replicas, model, device, loss, .. } = self;
        replicas.gradients(model, batch, |own| {
            profile.part(step, "forward, loss, backward", || replicas::gradients(model, device, loss, own))
        })
    }

    /// Whether all weights, and all of their average, are numbers in half precision, in which they are exported. Waits for the
    /// device.
    ///
    /// # Errors
    ///
    /// When the device failed.
    pub fn is_finite(&self) -> Result<bool, ExecutionError> {
        let mut probe = Probe(Tensor::zeros([1], &self.device.clone().without_autodiff()));
        self.model.valid().visit(&mut probe);
        if let Some(ema) = &self.ema {
            ema.average().visit(&mut probe);
        }
        let arrived = Reading::start(probe.0).wait()?;
        Ok(arrived.values.iter().all(|value| *value == 0.0))
    }

    /// What each prior of each picture is to learn.
    fn matched(&self, group: &[Vec<Prepared>]) -> Vec<Vec<Targets>> {
        // Threads share these, and not the learner: it holds the ends of channels.
        let (learn_difficult, priors, variances) = (self.learn_difficult, &self.priors, self.variances);
        let of_picture = |item: &Prepared| {
            let learned = item.truths.iter().filter(|truth| learn_difficult || !truth.difficult);
            let learned: Vec<GroundTruth> = learned.copied().collect();
            targets(&learned, priors, variances)
        };
        group.iter().map(|batch| batch.par_iter().map(of_picture).collect()).collect()
    }

    /// A batch in one piece of memory.
    fn stacked(&self, batch: &[Prepared], matched: &[Targets], positives: usize) -> HostBatch {
        let size = self.input_size;
        let mut pixels = Vec::with_capacity(batch.len() * 3 * size * size);
        batch.iter().for_each(|item| pixels.extend_from_slice(&item.pixels));
        let classes = matched.iter().flat_map(|t| t.classes.iter().map(|&class| class as i32)).collect();
        let offsets = matched.iter().flat_map(|t| t.offsets.iter().copied()).collect();
        HostBatch { images: batch.len(), size, pixels, classes, offsets, positives }
    }
}

/// Zero, as long as everything visited is finite in f16: what exceeds its range is added, infinity and NaN times zero are NaN.
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

/// The loss of a run, for predictions on `device`.
pub fn loss(config: &TrainConfig, header: &Header, device: &Device) -> MultiBox {
    MultiBox::new(&header.priors.priors(), header.priors.variances, config.box_loss, device)
}
