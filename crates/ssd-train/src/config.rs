//! What a training run is: as typed, and as saved in `config.json`.

use std::path::PathBuf;

use clap::Parser;
use serde::{Deserialize, Serialize};
use ssd::Arch;

use crate::augment::{AugmentConfig, Crop, Expand};
use crate::cli::{DeviceChoice, Failure};
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
        Ctrl-C finishes the step, saves a checkpoint and stops; --resume goes on from there."
)]
pub struct TrainArgs {
    /// A data set folder, or the generated set: shapes[:SEED[:COUNT]] with COUNT pictures an epoch [COUNT default: 2000]
    #[arg(long, value_name = "PATH|shapes", required_unless_present = "resume")]
    pub data: Option<String>,
    /// Layout of the folder
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    pub format: Format,
    /// The split to learn from [default: train, where the data set has splits]
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// The split to measure on after each epoch [default: val]
    #[arg(long, value_name = "NAME")]
    pub val_split: Option<String>,
    /// The network; `list` prints them with parameters and GFLOP
    #[arg(long, default_value = "ssd300-mobilenet-v2-lite")]
    pub arch: String,
    /// Times that the whole data set is seen
    #[arg(long, default_value_t = 120)]
    pub epochs: usize,
    /// Pictures in a batch
    #[arg(long, default_value_t = 16)]
    pub batch_size: usize,
    /// Batches whose gradients are averaged for one step
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub accumulate: usize,
    /// Peak learning rate
    #[arg(long, default_value_t = 0.01)]
    pub lr: f64,
    /// How the learning rate falls
    #[arg(long, value_enum, default_value_t = Schedule::Cosine)]
    pub schedule: Schedule,
    /// Steps over which the learning rate rises to its peak
    #[arg(long, default_value_t = 200, value_name = "STEPS")]
    pub warmup: usize,
    /// Running average of the weights, such as 0.999 (not built yet)
    #[arg(long, value_name = "DECAY")]
    pub ema: Option<f64>,
    /// Seed of weights, order and augmentation
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads that read and augment pictures
    #[arg(long, default_value_t = 2)]
    pub workers: usize,
    /// A weights file to start from; heads are made anew where the classes differ
    #[arg(long, value_name = "FILE")]
    pub init: Option<PathBuf>,
    /// Early stages whose weights stay as they are (not built yet)
    #[arg(long, value_name = "N")]
    pub freeze: Option<usize>,
    /// Folder for everything that the run writes
    #[arg(long, value_name = "DIR", required_unless_present = "show_batch")]
    pub out: Option<PathBuf>,
    /// Go on from the last complete checkpoint in --out
    #[arg(long)]
    pub resume: bool,
    /// Learn the first N pictures by heart, without augmentation, and measure on them: proves that learning works
    #[arg(long, value_name = "N")]
    pub overfit: Option<usize>,
    /// Draw the first batch as the network sees it into DIR, and stop
    #[arg(long, value_name = "DIR")]
    pub show_batch: Option<PathBuf>,
    /// auto, wgpu, vulkan, cuda or cpu, and :INDEX for another than the first
    #[arg(long, default_value_t = DeviceChoice::default())]
    pub device: DeviceChoice,
    /// Print the final measures as one JSON document on stdout
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
    /// Everything resolved, or a sentence on what is missing.
    ///
    /// # Errors
    ///
    /// When an argument is not built yet or out of its range.
    pub fn new(args: &TrainArgs) -> Result<Self, Failure> {
        let arch: Arch = args.arch.parse().map_err(Failure::input)?;
        let data = args.data.clone().ok_or_else(|| Failure::Input("--data is missing; name a folder or shapes.".into()))?;
        for (given, flag) in [(args.ema.is_some(), "--ema"), (args.freeze.is_some(), "--freeze")] {
            if given {
                return Err(Failure::Input(format!("{flag} is not built yet; leave it out.")));
            }
        }
        for (value, flag) in
            [(args.epochs, "--epochs"), (args.batch_size, "--batch-size"), (args.accumulate, "--accumulate")]
        {
            if value == 0 {
                return Err(Failure::Input(format!("{flag} is 0; it has to be at least 1.")));
            }
        }
        if !(args.lr.is_finite() && args.lr > 0.0) {
            return Err(Failure::Input(format!("--lr is {}; it has to be above 0.", args.lr)));
        }
        Ok(Self {
            augment: args.overfit.is_none().then(|| augmentation(&data)),
            data,
            split: args.split.clone(),
            val_split: args.val_split.clone(),
            arch,
            epochs: args.epochs,
            batch_size: args.batch_size,
            accumulate: args.accumulate,
            lr: args.lr,
            schedule: args.schedule,
            warmup: args.warmup,
            momentum: 0.9,
            weight_decay: 5e-4,
            seed: args.seed,
            init: args.init.clone(),
            overfit: args.overfit,
        })
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
