//! The training loop: batch → match → forward → loss → backward → step, with a checkpoint and a validation each epoch.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::optim::{GradientsAccumulator, ModuleOptimizer};
use burn::tensor::Device;
use indicatif::ProgressBar;
use rayon::prelude::*;
use ssd::Ssd;
use ssd::boxes::{CenterBox, GroundTruth};
use ssd::matching::targets;
use ssd::weights::{self, Dtype, Header, WeightsError};

use crate::checkpoint::{self, CheckpointError, State};
use crate::cli::{self, WriteError, write_atomic};
use crate::config::TrainConfig;
use crate::curves;
use crate::data::{DataError, Loader, Prepared};
use crate::evaluation::Report;
use crate::metrics::{Metrics, MetricsError, StepLine, ValidationLine};
use crate::optimizer::optimizer;
use crate::replicas::{HostBatch, LostReplica, Replicas};
use crate::schedule::LearningRate;
use crate::validate::validate;

/// Why a run stopped early. What it had saved is still there.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A picture cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The metrics cannot be written.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A weights file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A weights file cannot be encoded.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A device beside the main one failed.
    #[error(transparent)]
    Replica(#[from] LostReplica),
    /// The loss is no number.
    #[error(
        "the loss of step {step} is {loss}, on the pictures {pictures}; lower --lr or lengthen --warmup and go on with --resume"
    )]
    Diverged {
        /// The step.
        step: usize,
        /// NaN or infinite.
        loss: f32,
        /// The batch.
        pictures: String,
    },
}

/// A run under way.
pub struct Trainer {
    config: TrainConfig,
    header: Header,
    out: PathBuf,
    device: Device,
    replicas: Replicas,
    priors: Vec<CenterBox>,
    model: Ssd,
    optimizer: ModuleOptimizer,
    state: State,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The last validation, if there was one.
    pub report: Option<Report>,
    /// Whether somebody interrupted it.
    pub interrupted: bool,
}

impl Trainer {
    /// A run from the start. `model` lies on `device`, which has autodiff and is helped by `replicas`.
    pub fn new(
        config: TrainConfig,
        header: Header,
        model: Ssd,
        device: Device,
        replicas: Replicas,
        out: &Path,
    ) -> Self {
        let priors = header.priors.priors();
        let optimizer = optimizer(&config);
        Self { config, header, out: out.into(), device, replicas, priors, model, optimizer, state: State::default() }
    }

    /// The same run from its last complete checkpoint.
    ///
    /// # Errors
    ///
    /// When there is none, or it does not fit.
    pub fn resumed(self) -> Result<Self, CheckpointError> {
        let (model, optimizer, state) = checkpoint::load(&self.checkpoints(), self.model, self.optimizer)?;
        cli::note(&format!("Going on after step {} (epoch {}).", state.step, state.epoch + 1));
        Ok(Self { model, optimizer, state, out: self.out, ..self })
    }

    fn checkpoints(&self) -> PathBuf {
        self.out.join("checkpoint")
    }

    /// Runs until all epochs are done or `stop` is raised.
    ///
    /// # Errors
    ///
    /// See [`TrainError`]; the last complete checkpoint stays.
    pub fn run(mut self, train: &Loader, val: &Loader, stop: &AtomicBool) -> Result<Outcome, TrainError> {
        let mut metrics = Metrics::open(&self.out.join("metrics.jsonl"), &self.state)?;
        let steps_per_epoch = train.batches().div_ceil(self.config.accumulate);
        let rate = self.config.learning_rate(steps_per_epoch * self.config.epochs);
        let mut report = None;
        while self.state.epoch < self.config.epochs {
            let finished = self.epoch(train, &rate, &mut metrics, stop)?;
            // Before the validation, too: it takes its time, and may find a picture that does not decode.
            self.save_checkpoint()?;
            if !finished {
                return Ok(Outcome { report, interrupted: true });
            }
            report = Some(self.finish_epoch(val, &mut metrics)?);
        }
        Ok(Outcome { report, interrupted: false })
    }

    /// One epoch, or the rest of one; false if it was interrupted.
    fn epoch(
        &mut self,
        train: &Loader,
        rate: &LearningRate,
        metrics: &mut Metrics,
        stop: &AtomicBool,
    ) -> Result<bool, TrainError> {
        let bar = cli::progress_bar(train.batches(), &format!("epoch {}/{}", self.state.epoch + 1, self.config.epochs));
        bar.set_position(self.state.batch as u64);
        let mut batches = train.epoch(self.state.epoch, self.state.batch).peekable();
        while batches.peek().is_some() {
            if stop.load(Ordering::Relaxed) {
                bar.abandon();
                return Ok(false);
            }
            let group: Vec<Vec<Prepared>> = batches.by_ref().take(self.config.accumulate).collect::<Result<_, _>>()?;
            let line = self.step(&group, rate.at(self.state.step), &bar)?;
            metrics.push(&line)?;
            if self.state.step.is_multiple_of(CHECKPOINT_STEPS) {
                self.save_checkpoint()?;
            }
        }
        bar.finish_and_clear();
        Ok(true)
    }

    /// One optimiser step on one or several batches.
    fn step(&mut self, group: &[Vec<Prepared>], lr: f64, bar: &ProgressBar) -> Result<StepLine, TrainError> {
        let start = Instant::now();
        let mut accumulated = GradientsAccumulator::new();
        let (mut loss_box, mut loss_class, mut images) = (0.0, 0.0, 0);
        for batch in group {
            let in_memory = self.targets(batch, group.len());
            let part = self.replicas.gradients(&self.model, &self.device, in_memory)?;
            accumulated.accumulate(&self.model, part.gradients);
            loss_box += part.loss_box;
            loss_class += part.loss_class;
            images += batch.len();
        }
        let (step, loss) = (self.state.step + 1, loss_box + loss_class);
        if !loss.is_finite() {
            let pictures = group.iter().flatten().map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(TrainError::Diverged { step, loss, pictures });
        }
        self.model = self.optimizer.step(lr, self.model.clone(), accumulated.grads());
        self.state.step = step;
        self.state.batch += group.len();
        bar.inc(group.len() as u64);
        bar.set_message(format!("epoch {}/{} loss {loss:.3}", self.state.epoch + 1, self.config.epochs));
        let images_per_s = images as f64 / start.elapsed().as_secs_f64();
        Ok(StepLine { step, epoch: self.state.epoch + 1, loss, loss_box, loss_class, lr, images_per_s })
    }

    /// A batch with what each prior is to learn, one of `accumulate` in a step.
    fn targets(&self, batch: &[Prepared], accumulate: usize) -> HostBatch {
        let (priors, variances) = (&self.priors, self.header.priors.variances);
        let matched: Vec<_> = batch
            .par_iter()
            .map(|item| {
                // Objects marked difficult are not learned, as in the ports: their places count as background.
                let truths: Vec<GroundTruth> = item.truths.iter().filter(|truth| !truth.difficult).copied().collect();
                targets(&truths, priors, variances)
            })
            .collect();
        let classes: Vec<i32> = matched.iter().flat_map(|t| t.classes.iter().map(|&class| class as i32)).collect();
        HostBatch {
            images: batch.len(),
            size: self.header.input_size,
            pixels: batch.iter().flat_map(|item| item.pixels.iter().copied()).collect(),
            offsets: matched.iter().flat_map(|t| t.offsets.iter().copied()).collect(),
            positives: classes.iter().filter(|&&class| class > 0).count(),
            classes,
            accumulate,
        }
    }

    /// Measures, exports, draws the curves, saves a checkpoint.
    fn finish_epoch(&mut self, val: &Loader, metrics: &mut Metrics) -> Result<Report, TrainError> {
        self.state.epoch += 1;
        self.state.batch = 0;
        let model = self.model.valid();
        let report = validate(&model, &self.header, val, &self.device.clone().without_autodiff())?;
        let line = ValidationLine {
            epoch: self.state.epoch,
            step: self.state.step,
            map_voc07: report.voc07_11pt,
            map_voc: report.voc_all_point,
            map_coco: report.coco.ap,
        };
        metrics.push(&line)?;
        let percent = |value: Option<f64>| value.map_or("-".into(), |value| format!("{:.1} %", value * 100.0));
        let (voc, coco) = (percent(line.map_voc), percent(line.map_coco));
        cli::note(&format!("epoch {}: mAP {voc} (VOC, IoU 0.5), {coco} (COCO)", self.state.epoch));
        self.export(&model, &line)?;
        if let Err(error) = curves::write_curves(&self.out.join("metrics.jsonl"), &self.out.join("curves.png")) {
            cli::complain(&error.to_string());
        }
        self.save_checkpoint()?;
        Ok(report)
    }

    /// Writes `last.safetensors`, and `best.safetensors` when it is the best by VOC mAP.
    fn export(&mut self, model: &Ssd, measured: &ValidationLine) -> Result<(), TrainError> {
        let mut header = self.header.clone();
        header.provenance.steps = self.state.step;
        let split = if self.config.overfit.is_some() { "the training pictures" } else { "val" };
        let split = self.config.val_split.as_deref().unwrap_or(split);
        header.provenance.metric = match measured.map_voc {
            Some(map) => format!("VOC all-point mAP {map:.4} at IoU 0.5 on {split}"),
            None => format!("none: {split} has no objects"),
        };
        let bytes = weights::save(&header, model, Dtype::F16)?;
        write_atomic(&self.out.join("last.safetensors"), &bytes)?;
        if self.state.best.is_none() || measured.map_voc > self.state.best {
            self.state.best = measured.map_voc;
            write_atomic(&self.out.join("best.safetensors"), &bytes)?;
        }
        Ok(())
    }

    fn save_checkpoint(&self) -> Result<(), CheckpointError> {
        checkpoint::save(&self.checkpoints(), &self.model, &self.optimizer, &self.state)
    }
}

/// Besides the end of each epoch, so often a checkpoint is saved: a long epoch is not lost whole.
const CHECKPOINT_STEPS: usize = 250;
