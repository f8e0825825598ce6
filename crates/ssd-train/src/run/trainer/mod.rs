//! The training loop: batches → step → metrics, with a checkpoint and a validation each epoch.

mod epoch_end;
mod error;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use pollster::block_on;
use rayon::prelude::*;
use ssd::weights::Header;
use ssd_data::{Loader, Prepared};
use ssd_gpu::Gpu;
use ssd_learn::{Example, Learner, LearningRate, Local, Matcher, Reading, Watch as _};
use ssd_measure::Report;

pub use self::error::TrainError;
use crate::device::replicas::{LostReplica, Replicas};
use crate::run::checkpoint;
use crate::run::config::TrainConfig;
use crate::run::folder::checkpoints;
use crate::run::metrics::{Metrics, StepLine};
use crate::run::profile::Profile;
use crate::run::progress::Progress;
use crate::run::state::State;
use crate::run::tensorboard::EventWriter;

/// A run under way.
pub struct Trainer {
    config: TrainConfig,
    header: Header,
    out: PathBuf,
    learner: Learner,
    /// The devices that share each batch with the learner's.
    replicas: Replicas,
    /// The learner's device for our kernels, which validation uses.
    gpu: Option<Gpu>,
    state: State,
    /// Steps whose loss is still on its way, oldest first.
    pending: VecDeque<PendingStep>,
    metrics: Metrics,
    /// For TensorBoard, if asked for.
    events: Option<EventWriter>,
    profile: Profile,
    /// When the last step ended.
    last: Instant,
    /// The pictures of the last step queued.
    last_pictures: Vec<String>,
}

/// A step queued on the device.
struct PendingStep {
    step: usize,
    epoch: usize,
    lr: f64,
    /// Names of the pictures, for the error about a NaN loss.
    pictures: Vec<String>,
    loss: Reading,
    /// When the loss was seen to have arrived, if at once.
    arrived: Option<Instant>,
}

/// Steps queued after the one whose loss is awaited.
const STEPS_AHEAD: usize = 1;

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The last validation, if there was one.
    pub report: Option<Report>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Steps taken.
    pub steps: usize,
}

impl Trainer {
    /// A run that continues from `state`: from its start, or from a checkpoint.
    ///
    /// # Errors
    /// If the metrics cannot be written.
    pub fn new(
        state: State,
        config: TrainConfig,
        header: Header,
        learner: Learner,
        replicas: Replicas,
        out: &Path,
        profile: Profile,
    ) -> Result<Self, TrainError> {
        let metrics = Metrics::open(&out.join("metrics.jsonl"), &state)?;
        let (pending, last) = (VecDeque::new(), Instant::now());
        let (out, last_pictures) = (out.into(), Vec::new());
        Ok(Self {
            config,
            header,
            out,
            learner,
            gpu: None,
            replicas,
            state,
            pending,
            metrics,
            events: None,
            profile,
            last,
            last_pictures,
        })
    }

    /// Validates with our kernels on `gpu`, the learner's device.
    pub fn with_gpu(self, gpu: Option<Gpu>) -> Self {
        Self { gpu, ..self }
    }

    /// Also writes an event file for TensorBoard into the folder of the run.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn with_events(self) -> Result<Self, TrainError> {
        // A resumed run repeats steps after its checkpoint; a new one has none before it.
        let first = if self.state.step == 0 { 0 } else { self.state.step + 1 };
        let events = Some(EventWriter::create(&self.out, first)?);
        Ok(Self { events, ..self })
    }

    /// Runs until all epochs are done, `stop_after` of them are, or `stop` is raised.
    ///
    /// # Errors
    /// See [`TrainError`]; the last complete checkpoint is kept.
    pub fn run(
        mut self,
        train: &Loader,
        val: &Loader,
        stop_after: usize,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        let steps_per_epoch = train.batches().div_ceil(self.config.accumulate);
        let rate = self.config.learn.learning_rate(steps_per_epoch * self.config.epochs);
        let mut progress = Progress::new(self.config.epochs, steps_per_epoch);
        let (mut report, first) = (None, self.state.step);
        while self.state.epoch < self.config.epochs.min(stop_after) {
            let finished = self.epoch(train, &rate, &mut progress, stop)?;
            // Also before the validation, which takes time and may find a picture that does not decode.
            self.save_checkpoint()?;
            if !finished {
                self.profile.finish();
                return Ok(Outcome { report, interrupted: true, steps: self.state.step - first });
            }
            report = Some(self.finish_epoch(val)?);
        }
        self.profile.finish();
        let interrupted = self.state.epoch < self.config.epochs;
        Ok(Outcome { report, interrupted, steps: self.state.step - first })
    }

    /// Runs one epoch, or the rest of one; false if it was interrupted.
    fn epoch(
        &mut self,
        train: &Loader,
        rate: &LearningRate,
        progress: &mut Progress,
        stop: &AtomicBool,
    ) -> Result<bool, TrainError> {
        progress.epoch(self.state.epoch, self.state.pictures / self.config.pictures_a_step());
        let mut batches = train.epoch(self.state.epoch, self.state.pictures);
        self.last = Instant::now();
        loop {
            if stop.load(Ordering::Relaxed) {
                self.settle(0, progress)?;
                progress.end_epoch();
                return Ok(false);
            }
            let step = self.state.step + 1;
            self.profile.begin(step);
            let group = self
                .profile
                .part("wait for data", || batches.by_ref().take(self.config.accumulate).collect::<Result<Vec<_>, _>>());
            let group = match group {
                Ok(group) if group.is_empty() => break,
                Ok(group) => group,
                Err(error) => {
                    // Keeps what was learned before the unreadable picture.
                    self.settle(0, progress)?;
                    self.save_checkpoint()?;
                    progress.end_epoch();
                    return Err(error.into());
                }
            };
            self.step(&group, rate.at(self.position(rate)))?;
            self.settle(STEPS_AHEAD, progress)?;
            self.profile.after_step();
            if self.state.step.is_multiple_of(CHECKPOINT_STEPS) {
                self.settle(0, progress)?;
                self.save_checkpoint()?;
            }
        }
        self.settle(0, progress)?;
        progress.end_epoch();
        Ok(true)
    }

    /// The step of the schedule: how many steps of the current size, on the current data, lead to this point of the
    /// run. Equals the number of steps unless either was changed.
    fn position(&self, rate: &LearningRate) -> usize {
        let steps_per_epoch = rate.total / self.config.epochs;
        self.state.epoch * steps_per_epoch + self.state.pictures / self.config.pictures_a_step()
    }

    /// Queues one optimiser step on one or several batches.
    fn step(&mut self, group: &[Vec<Prepared>], lr: f64) -> Result<(), LostReplica> {
        let step = self.state.step + 1;
        self.profile.begin(step);
        let Self { learner, replicas, profile, .. } = self;
        let matched = profile.part("match", || matched(&learner.matcher, group));
        let gradients = |local: Local<'_>, batch| replicas.gradients(local, batch);
        let loss = learner.step(&matched, lr, step, gradients, profile)?;
        let arrived = matches!(loss, Reading::Arrived(_)).then(Instant::now);
        let pictures: Vec<String> = group.iter().flatten().map(|item| item.name.clone()).collect();
        let (epoch, images) = (self.state.epoch + 1, pictures.len());
        self.last_pictures.clone_from(&pictures);
        self.pending.push_back(PendingStep { step, epoch, lr, pictures, loss, arrived });
        self.state.step = step;
        self.state.pictures += images;
        Ok(())
    }

    /// Waits for queued steps until only `left` remain, and writes their metrics.
    fn settle(&mut self, left: usize, progress: &mut Progress) -> Result<(), TrainError> {
        while self.pending.len() > left {
            let Some(PendingStep { step, epoch, lr, pictures, loss, arrived }) = self.pending.pop_front() else {
                break;
            };
            self.profile.begin(step);
            let values = self.profile.part("wait for the loss", || block_on(loss.wait()));
            let at = arrived.unwrap_or_else(Instant::now);
            let values = values.map_err(|error| TrainError::device(step, &error))?;
            let (loss_box, loss_class) = (values[0], values[1]);
            let loss = loss_box + loss_class;
            if !loss.is_finite() {
                return Err(TrainError::Diverged { step, loss, pictures: pictures.join(", "), advice: self.advice() });
            }
            // From the end of a step to the end of the next: includes the wait for data, not measuring between epochs.
            let images_per_s = pictures.len() as f64 / at.duration_since(self.last).as_secs_f64();
            self.last = at;
            let line = StepLine { step, epoch, loss, loss_box, loss_class, lr, images_per_s };
            self.metrics.push(&line)?;
            if let Some(events) = &mut self.events {
                events.step(&line)?;
            }
            progress.step(&line);
        }
        Ok(())
    }

    /// Saves a checkpoint, unless the last update ruined the weights: that step's loss was of the weights before it.
    fn save_checkpoint(&self) -> Result<(), TrainError> {
        let step = self.state.step;
        let overflow = block_on(self.learner.overflow().wait()).map_err(|error| TrainError::device(step, &error))?;
        if overflow.iter().any(|value| *value != 0.0) {
            return Err(TrainError::Ruined { step, pictures: self.last_pictures.join(", "), advice: self.advice() });
        }
        Ok(checkpoint::save(&checkpoints(&self.out), &self.learner, &self.state)?)
    }

    /// What to do about a run that diverged.
    fn advice(&self) -> &'static str {
        match checkpoint::latest(&checkpoints(&self.out)) {
            Some(_) => {
                "the last checkpoint is from before: lower --lr, lengthen --warmup or set --clip-norm 10, and continue \
                 with --resume"
            }
            None => "nothing was saved yet: lower --lr, lengthen --warmup or set --clip-norm 10, and start again",
        }
    }
}

/// The pictures of a step, matched with the priors by all threads.
fn matched<'a>(matcher: &Matcher, group: &'a [Vec<Prepared>]) -> Vec<Vec<Example<'a>>> {
    let example = |item: &'a Prepared| Example { pixels: &item.pixels, targets: matcher.targets(&item.truths) };
    group.iter().map(|batch| batch.par_iter().map(example).collect()).collect()
}

/// Steps between checkpoints within an epoch, so that a long epoch is not lost whole.
const CHECKPOINT_STEPS: usize = 250;
