//! The command line of `train`. Flags of the run itself ([`RunArgs`]) are named like the settings of
//! [`super::TrainConfig`].

use std::path::PathBuf;

use clap::{Args, Command, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum as _};
use serde::Serialize;
use ssd::loss::{BoxLoss, ClassLoss};
use ssd_data::Format;
use ssd_learn::{Difficult, OptimizerName, Schedule};
use strum::VariantNames as _;

use super::recipe;
use super::settings::{Recipe, names};
use crate::arguments::{finite, one_of};
use crate::device::choice::DeviceChoices;

/// Trains an SSD detector and exports it as one weights file for the page.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "train",
    after_help = "Examples:\n  \
        train --data shapes --epochs 20 --lr 0.03 --out runs/shapes\n  \
        train --data my-folder --recipe scratch --out runs/mine\n  \
        train --data my-folder --recipe finetune --init web/models/voc.safetensors --out runs/fine\n  \
        train --data few-pictures --recipe teach --init web/models/voc.safetensors --out runs/taught\n  \
        train --data VOC2007 --data VOC2012 --split trainval --val-data VOC2007 --val-split test --recipe paper-voc \
        --batch-size 8 --accumulate 4 --out runs/voc\n\n\
        Writes config.json, metrics.jsonl, curves.png, checkpoint/, last.safetensors and best.safetensors into --out.\n\
        Ctrl-C finishes the step, saves a checkpoint and stops; --resume continues from there.\n\n\
        Exit code: 0 done, 1 failed while running, 2 bad usage or bad input."
)]
pub struct TrainArgs {
    /// The run itself.
    #[command(flatten)]
    pub run: RunArgs,
    /// A task's settings, by name: paper-voc, scratch, finetune, lite or teach; see below
    #[arg(long, value_enum)]
    pub recipe: Option<Recipe>,
    /// A JSON file of settings as in config.json, such as {"augment": {"flip": {"probability": 0}}}; flags override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Threads that read and augment pictures [default: one for each core, at most 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
    /// Folder for everything that the run writes
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Continue from the last complete checkpoint in --out; flags that are not given are taken from its config.json
    #[arg(long)]
    pub resume: bool,
    /// Stop after this many epochs as if by Ctrl-C; the learning rate still falls towards --epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub stop_after: Option<u32>,
    /// Draw the first batch as the network sees it into DIR, and stop
    #[arg(long, value_name = "DIR")]
    pub show_batch: Option<PathBuf>,
    /// Also write an event file for TensorBoard into --out: losses, learning rate, measures, example detections
    #[arg(long)]
    pub tensorboard: bool,
    /// Write a trace of the parts of the first steps, for chrome://tracing or ui.perfetto.dev
    #[arg(long, value_name = "FILE.json")]
    pub profile: Option<PathBuf>,
    /// Where to compute: auto, wgpu, vulkan, metal, cuda or cpu, with :INDEX for any but the first, or
    /// remote://HOST:PORT for a device that `serve-device` lends. Several, separated by commas, share each batch; the
    /// first one makes the step
    #[arg(long, default_value_t = DeviceChoices::default())]
    pub device: DeviceChoices,
    /// Print the final measures as one JSON document on stdout, null if nothing was measured
    #[arg(long)]
    pub json: bool,
}

/// The run's flags, by the names of [`super::TrainConfig`]. All are optional: a missing one comes from the config file,
/// the recipe or the defaults, which `command` writes into the help.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct RunArgs {
    /// A data set folder or COCO JSON, repeatable; or the generated set: `shapes[:SEED[:COUNT]]` with COUNT pictures an
    /// epoch, which are never cropped or shrunk [COUNT default: 2000]
    #[arg(long, value_name = "PATH|shapes")]
    pub data: Vec<String>,
    /// The data to measure on, repeatable [default: --data]
    #[arg(long, value_name = "PATH")]
    pub val_data: Vec<String>,
    /// Format of the data
    #[arg(long, value_name = "NAME", value_parser = one_of::<Format>(Format::names()))]
    pub format: Option<Format>,
    /// The split to learn from [default: train]
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// The split to measure on after each epoch [default: val]
    #[arg(long, value_name = "NAME")]
    pub val_split: Option<String>,
    /// Share of the pictures to learn from that is measured on instead of a split, by a hash of their names [default:
    /// 0.1 where there is no split to measure on]
    #[arg(long, value_name = "X", value_parser = finite)]
    pub val_fraction: Option<f64>,
    /// How objects marked difficult are treated in training; measuring never counts them
    #[arg(long, value_name = "NAME", value_parser = one_of::<Difficult>(Difficult::VARIANTS.iter().copied()))]
    pub difficult: Option<Difficult>,
    /// The network; `list` prints all with their parameters [default: that of a detector after --init, else
    /// ssd300-mobilenet-v2-lite]
    #[arg(long)]
    pub arch: Option<String>,
    /// Number of passes over the data set
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Pictures in a batch
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Batches per step: the step of one batch that many times as large, though batch norm sees one batch at a time
    #[arg(long, value_name = "N")]
    pub accumulate: Option<usize>,
    /// Optimiser steps of --recipe teach, which counts no epochs
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// With --recipe teach, add to the classes of --init, which stay exactly as they are, in place of replacing them
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    pub keep_classes: Option<bool>,
    /// Peak learning rate [default: 0.01 for 16 pictures per step, in proportion for others]
    #[arg(long, value_name = "X", value_parser = finite)]
    pub lr: Option<f64>,
    /// How the learning rate falls
    #[arg(long, value_name = "NAME", value_parser = one_of::<Schedule>(Schedule::VARIANTS.iter().copied()))]
    pub schedule: Option<Schedule>,
    /// Shares of the run at which --schedule multistep divides the rate by 10
    #[arg(long, value_name = "X,X", value_delimiter = ',', value_parser = finite)]
    pub milestones: Vec<f64>,
    /// Steps over which the learning rate rises to its peak, at most a quarter of all
    #[arg(long, value_name = "STEPS")]
    pub warmup: Option<usize>,
    /// sgd or adamw; adamw needs a lower --lr, such as 0.0003
    #[arg(long, value_name = "NAME", value_parser = one_of::<OptimizerName>(OptimizerName::VARIANTS.iter().copied()))]
    pub optimizer: Option<OptimizerName>,
    /// Momentum of sgd, without dampening
    #[arg(long, value_name = "X", value_parser = finite)]
    pub momentum: Option<f64>,
    /// Weight decay; none on biases, norms and scales
    #[arg(long, value_name = "X", value_parser = finite)]
    pub weight_decay: Option<f64>,
    /// Factor on the learning rate of biases; --recipe paper-voc has Caffe's 2
    #[arg(long, value_name = "FACTOR", value_parser = finite)]
    pub bias_lr: Option<f64>,
    /// Scale down all gradients together to at most this norm; 0 is off
    #[arg(long, value_name = "X", value_parser = finite)]
    pub clip_norm: Option<f64>,
    /// The loss on boxes
    #[arg(long, value_name = "NAME", value_parser = one_of::<BoxLoss>(BoxLoss::ALL.map(BoxLoss::name)))]
    pub box_loss: Option<BoxLoss>,
    /// The loss on classes: softmax with mined negatives, or focal, one sigmoid for each class [default: the one for
    /// the scores of --init, else of the network]
    #[arg(long, value_name = "NAME", value_parser = one_of::<ClassLoss>(ClassLoss::ALL.map(ClassLoss::name)))]
    pub class_loss: Option<ClassLoss>,
    /// Weight in the focal loss of the classes that are there; 1 less this for all others
    #[arg(long, value_name = "X", value_parser = finite)]
    pub focal_alpha: Option<f64>,
    /// Power of the error in the focal loss: the larger, the less weighs what is known already
    #[arg(long, value_name = "X", value_parser = finite)]
    pub focal_gamma: Option<f64>,
    /// Measure and export a running average of the weights with this decay, such as 0.999; 0 is off
    #[arg(long, value_name = "DECAY", value_parser = finite)]
    pub ema: Option<f64>,
    /// Early stages of the trunk that stay fixed (VGG16: conv1 to conv5; MobileNetV2: each halving of the picture)
    #[arg(long, value_name = "N")]
    pub freeze: Option<usize>,
    /// Seed of weights, order and augmentation
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// A weights file to start from: a detector, which goes on knowing the classes of equal names, or a trunk
    #[arg(long, value_name = "FILE")]
    pub init: Option<PathBuf>,
    /// Overfit on the first N pictures, without augmentation, and measure on them: proves that learning works
    #[arg(long, value_name = "N")]
    pub overfit: Option<usize>,
}

/// The command line, with defaults and the recipes' settings added to its help.
pub fn command() -> Command {
    let defaults = names();
    let command = TrainArgs::command().mut_args(|arg| {
        let default = defaults.get(arg.get_id().as_str()).map(recipe::shown).filter(|value| !value.is_empty());
        let help = arg.get_help().map(ToString::to_string);
        match (default, help) {
            (Some(default), Some(help)) if !help.contains("[default:") => {
                arg.help(format!("{help} [default: {default}]"))
            }
            _ => arg,
        }
    });
    let recipes = Recipe::value_variants().iter().map(|recipe| recipe.described());
    let recipes = recipes.collect::<Vec<_>>().join("\n  ");
    let rest = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command.after_help(format!(
        "Recipes (flags override them; without --lr their rate is scaled in proportion to the pictures of a step):\n  \
         {recipes}\n\n{rest}"
    ))
}

impl TrainArgs {
    /// Parses the program's arguments; ends it if they are invalid.
    pub fn from_command_line() -> Self {
        let matches = command().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}
