//! What learns: the network, its optimiser, its average; one optimiser step at a time.
//!
//! A step is: match → upload → forward → loss → backward, for each batch of it, then clip → optimise → average. On a GPU all of
//! it is queued and nothing is waited for. What it is not: it knows no epochs, no files and no schedule.

use burn::module::Module as _;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use ssd::Ssd;
use ssd::boxes::{CenterBox, GroundTruth};
use ssd::loss::{BatchTargets, MultiBox, MultiBoxLoss};
use ssd::matching::{Targets, targets};
use ssd::weights::Header;

use crate::config::{Difficult, TrainConfig};
use crate::data::Prepared;
use crate::ema::Ema;
use crate::optimizer::clip::clip_by_global_norm;
use crate::optimizer::optimizer;
use crate::profile::Profile;
use crate::reading::Reading;

/// A network that learns.
pub struct Learner {
    /// The network, on a device with autodiff.
    pub model: Ssd,
    /// What changes it.
    pub optimizer: ModuleOptimizer,
    /// The running average of its weights, if one is kept.
    pub ema: Option<Ema>,
    device: Device,
    header: Header,
    priors: Vec<CenterBox>,
    loss: MultiBox,
    learn_difficult: bool,
    clip_norm: f64,
}

impl Learner {
    /// `model`, which lies on `device`, before its first step.
    pub fn new(config: &TrainConfig, header: &Header, model: Ssd, device: Device) -> Self {
        let model = model.freeze_stages(config.freeze);
        let priors = header.priors.priors();
        Self {
            ema: (config.ema > 0.0).then(|| Ema::new(&model, config.ema)),
            optimizer: optimizer(config),
            model,
            loss: MultiBox::new(&priors, header.priors.variances, config.box_loss, &device),
            device,
            priors,
            header: header.clone(),
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
    pub fn step(&mut self, group: &[Vec<Prepared>], lr: f64, step: usize, profile: &mut Profile) -> Reading {
        let matched = profile.part(step, "match", || self.matched(group));
        // All batches of a step are divided by the positives of all of them: the step is that of one large batch.
        let positives = matched.iter().flatten().flat_map(|t| &t.classes).filter(|&&class| class > 0).count();

        let mut gradients = GradientsAccumulator::new();
        let mut sum: Option<Tensor<1>> = None;
        for (batch, matched) in group.iter().zip(matched) {
            let (pixels, targets) = profile.part(step, "upload", || self.tensors(batch, &matched, positives));
            let loss = profile.part(step, "forward", || self.loss.loss(&self.model.forward(pixels), &targets));
            let parts = parts(&loss);
            profile.part(step, "backward", || {
                let of_batch = GradientsParams::from_grads(loss.total().backward(), &self.model);
                gradients.accumulate(&self.model, of_batch);
            });
            sum = Some(sum.map_or_else(|| parts.clone(), |sum| sum + parts.clone()));
        }
        // Behind the last backward pass, before anything else: it is there when the next step is queued.
        let sum = sum.unwrap_or_else(|| Tensor::zeros([2], &self.device.clone().without_autodiff()));
        let reading = profile.part(step, "start reading the loss", || Reading::start(sum));
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
        reading
    }

    /// What each prior of each picture is to learn.
    fn matched(&self, group: &[Vec<Prepared>]) -> Vec<Vec<Targets>> {
        let of_picture = |item: &Prepared| {
            let learned = item.truths.iter().filter(|truth| self.learn_difficult || !truth.difficult);
            let learned: Vec<GroundTruth> = learned.copied().collect();
            targets(&learned, &self.priors, self.header.priors.variances)
        };
        group.iter().map(|batch| batch.par_iter().map(of_picture).collect()).collect()
    }

    /// A batch as tensors: pixels `[B, 3, S, S]`, and what its priors are to learn.
    fn tensors(&self, batch: &[Prepared], matched: &[Targets], positives: usize) -> (Tensor<4>, BatchTargets) {
        let (count, size, priors) = (batch.len(), self.header.input_size, self.priors.len());
        let pixels: Vec<f32> = batch.iter().flat_map(|item| item.pixels.iter().copied()).collect();
        let classes: Vec<i32> = matched.iter().flat_map(|t| t.classes.iter().map(|&class| class as i32)).collect();
        let offsets: Vec<f32> = matched.iter().flat_map(|t| t.offsets.iter().copied()).collect();
        let plain = self.device.clone().without_autodiff();
        let targets = BatchTargets {
            classes: Tensor::from_data(TensorData::new(classes, [count, priors]), &plain),
            offsets: Tensor::from_data(TensorData::new(offsets, [count, priors, 4]), &self.device),
            positives,
        };
        (Tensor::from_data(TensorData::new(pixels, [count, 3, size, size]), &self.device), targets)
    }
}

/// `[boxes, classes]`, without autodiff.
fn parts(loss: &MultiBoxLoss) -> Tensor<1> {
    Tensor::cat(vec![loss.boxes.clone().inner(), loss.classes.clone().inner()], 0)
}
