//! What a training run is: as typed, and as saved in `config.json`.

use std::path::{Path, PathBuf};

use clap::Parser;
use serde::{Deserialize, Serialize};
use ssd::Arch;

use crate::augment::{AugmentConfig, Crop, Expand};
use crate::cli::{DeviceChoices, Failure};
use crate::data::Format;
use crate::schedule::{LearningRate, Schedule};

/// Trains an SSD detector and exports it as one weights file for the page.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "train",
    after_help = "Examples:\n  \
        train --data shapes --arch ssd300-mobilenet-v2-lite --epochs 20 --batch-size 16 --lr 0.03 --out runs/shapes\n  \
        train --data my-voc-folder --split train --val-split val --arch ssd300-vgg16-bn --epochs 120 --batch-size 32 --lr 0.01 --out runs/mine\n  \
        train --data my-voc-folder --arch ssd300-mobilenet-v2-lite --init runs/shapes/best.safetensors --epochs 30 --lr 0.01 --out runs/fine\n\n\
        Writes config.json, metrics.jsonl, curves.png, checkpoint/, last.safetensors and best.safetensors into --out.\n\
        Ctrl-C finishes the step, saves a checkpoint and stops; --resume goes on from there.\n\n\
        Exit code: 0 done, 1 failed while running, 2 bad usage or bad input."
)]
pub struct TrainArgs {
    /// A data set folder, or the generated set: `shapes[:SEED[:COUNT]]` with COUNT pictures an epoch [COUNT default: 2000]
    #[arg(long, value_name = "PATH|shapes")]
    pub data: Option<String>,
    /// Layout of the folder
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    pub format: Format,
    /// The split to learn from [default: train]
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// The split to measure on after each epoch [default: val]
    #[arg(long, value_name = "NAME")]
    pub val_split: Option<String>,
    /// The network; `list` prints them with their parameters [default: ssd300-mobilenet-v2-lite]
    #[arg(long)]
    pub arch: Option<String>,
    /// Times that the whole data set is seen [default: 120]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Pictures in a batch [default: 16]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Batches whose gradients are averaged for one step [default: 1]
    #[arg(long, value_name = "N")]
    pub accumulate: Option<usize>,
    /// Peak learning rate [default: 0.01]
    #[arg(long, value_name = "X")]
    pub lr: Option<f64>,
    /// How the learning rate falls [default: cosine]
    #[arg(long, value_enum)]
    pub schedule: Option<Schedule>,
    /// Steps over which the learning rate rises to its peak, at most a quarter of all [default: 200]
    #[arg(long, value_name = "STEPS")]
    pub warmup: Option<usize>,
    /// Running average of the weights, such as 0.999 (not built yet)
    #[arg(long, value_name = "DECAY")]
    pub ema: Option<f64>,
    /// Seed of weights, order and augmentation [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Threads that read and augment pictures
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub workers: usize,
    /// A weights file to start from; heads are made anew where the classes differ
    #[arg(long, value_name = "FILE")]
    pub init: Option<PathBuf>,
    /// Early stages whose weights stay as they are (not built yet)
    #[arg(long, value_name = "N")]
    pub freeze: Option<usize>,
    /// Folder for everything that the run writes
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on from the last complete checkpoint in --out; what is not typed is as in its config.json
    #[arg(long)]
    pub resume: bool,
    /// Learn the first N pictures by heart, without augmentation, and measure on them: proves that learning works
    #[arg(long, value_name = "N")]
    pub overfit: Option<usize>,
    /// Draw the first batch as the network sees it into DIR, and stop
    #[arg(long, value_name = "DIR")]
    pub show_batch: Option<PathBuf>,
    /// Where to compute: auto, wgpu, vulkan, metal, cuda or cpu, with :INDEX for another than the first, or remote://HOST:PORT for a
    /// device that `serve-device` lends. Several with commas between them split each batch; the first one makes the step
    #[arg(long, default_value_t = DeviceChoices::default())]
    pub device: DeviceChoices,
    /// Print the final measures as one JSON document on stdout, null where nothing was measured
    #[arg(long)]
    pub json: bool,
}

/// A run, complete: this and the data repeat it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// As typed.
    pub data: String,
    /// Split to learn from.
    pub split: Option<String>,
    /// Split to measure on.
    pub val_split: Option<String>,
    /// The network.
    pub arch: Arch,
    /// Epochs.
    pub epochs: usize,
    /// Pictures in a batch.
    pub batch_size: usize,
    /// Batches in a step.
    pub accumulate: usize,
    /// Peak learning rate.
    pub lr: f64,
    /// Its fall.
    pub schedule: Schedule,
    /// Its rise, in steps.
    pub warmup: usize,
    /// SGD's momentum, as PyTorch means it (no dampening).
    pub momentum: f64,
    /// Weight decay; none on biases, norms and scales.
    pub weight_decay: f64,
    /// Seed.
    pub seed: u64,
    /// File the weights start from.
    pub init: Option<PathBuf>,
    /// Pictures learned by heart.
    pub overfit: Option<usize>,
    /// Augmentation; none when overfitting.
    pub augment: Option<AugmentConfig>,
}

impl TrainConfig {
    /// A run from the start: what was typed, and defaults.
    ///
    /// # Errors
    ///
    /// A sentence, when an argument is missing, not built yet or out of its range.
    pub fn new(args: &TrainArgs) -> Result<Self, Failure> {
        let data =
            args.data.clone().ok_or_else(|| Failure::Input("--data is missing; name a folder or shapes.".into()))?;
        let defaults = Self {
            augment: Some(augmentation(&data)),
            data,
            split: None,
            val_split: None,
            arch: Arch::Ssd300MobileNetV2Lite,
            epochs: 120,
            batch_size: 16,
            accumulate: 1,
            lr: 0.01,
            schedule: Schedule::Cosine,
            warmup: 200,
            momentum: 0.9,
            weight_decay: 5e-4,
            seed: 1,
            init: None,
            overfit: None,
        };
        defaults.with(args)
    }

    /// A run that goes on: what was typed, and what its `config.json` says.
    ///
    /// # Errors
    ///
    /// A sentence, when there is no such file, or as [`Self::new`].
    pub fn resumed(args: &TrainArgs, out: &Path) -> Result<Self, Failure> {
        let path = out.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::Input(format!(
                "{} cannot be read ({error}), so there is no run to go on with; start without --resume.",
                path.display()
            ))
        })?;
        let saved: Self = serde_json::from_str(&text).map_err(|error| {
            Failure::Input(format!(
                "{} is damaged ({error}); restore it, or start anew in another --out.",
                path.display()
            ))
        })?;
        saved.with(args)
    }

    /// The same with what was typed in its place.
    fn with(self, args: &TrainArgs) -> Result<Self, Failure> {
        let arch = args.arch.as_ref().map(|name| name.parse::<Arch>()).transpose().map_err(Failure::input)?;
        let overfit = args.overfit.or(self.overfit);
        let config = Self {
            data: args.data.clone().unwrap_or(self.data),
            split: args.split.clone().or(self.split),
            val_split: args.val_split.clone().or(self.val_split),
            arch: arch.unwrap_or(self.arch),
            epochs: args.epochs.unwrap_or(self.epochs),
            batch_size: args.batch_size.unwrap_or(self.batch_size),
            accumulate: args.accumulate.unwrap_or(self.accumulate),
            lr: args.lr.unwrap_or(self.lr),
            schedule: args.schedule.unwrap_or(self.schedule),
            warmup: args.warmup.unwrap_or(self.warmup),
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            seed: args.seed.unwrap_or(self.seed),
            init: args.init.clone().or(self.init),
            overfit,
            augment: self.augment.filter(|_| overfit.is_none()),
        };
        for (given, flag) in [(args.ema.is_some(), "--ema"), (args.freeze.is_some(), "--freeze")] {
            if given {
                return Err(Failure::Input(format!("{flag} is not built yet; leave it out.")));
            }
        }
        config.checked()
    }

    fn checked(self) -> Result<Self, Failure> {
        let counts = [
            (self.epochs, "--epochs"),
            (self.batch_size, "--batch-size"),
            (self.accumulate, "--accumulate"),
            (self.overfit.unwrap_or(1), "--overfit"),
        ];
        if let Some((_, flag)) = counts.into_iter().find(|(value, _)| *value == 0) {
            return Err(Failure::Input(format!("{flag} is 0; it has to be at least 1.")));
        }
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return Err(Failure::Input(format!("--lr is {}; it has to be a number above 0.", self.lr)));
        }
        Ok(self)
    }

    /// The learning rate of a run with so many steps.
    pub fn learning_rate(&self, total: usize) -> LearningRate {
        LearningRate { peak: self.lr, schedule: self.schedule, warmup: self.warmup.min(total / 4), total }
    }
}

/// The paper's augmentation for pictures. Generated scenes come in all scales and places already, down to 16 pixels, of
/// which nothing would be left after expanding: they are only recoloured and flipped.
fn augmentation(data: &str) -> AugmentConfig {
    let paper = AugmentConfig::default();
    if data.split(':').next() != Some("shapes") {
        return paper;
    }
    AugmentConfig { expand: Expand { probability: 0.0, ..paper.expand }, crop: Crop::none(), ..paper }
}
