//! What a training run is: as typed, and as saved in `config.json`.
//!
//! Three layers, each before the one below it: flags (`args`), a `--config` file or the `config.json` of the run that goes on,
//! a recipe (`recipe`). Names are the same in all: `--batch-size` is `batch_size`.

mod args;
mod command;
mod recipe;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ssd::Arch;
use ssd::loss::BoxLoss;
use ssd::preprocess::Normalization;
use ssd::priors::PriorScheme;
use ssd::weights::{Header, Provenance};

pub use self::args::{RunArgs, TrainArgs};
pub use self::command::file_name;
pub use self::recipe::Recipe;
use crate::augment::AugmentConfig;
use crate::cli::Failure;
use crate::data::Format;
use crate::optimizer::OptimizerName;
use crate::schedule::{LearningRate, PAPER_MILESTONES, Schedule};

/// The greatest number of epochs, of pictures in a batch, and so on: more is a slip.
const MAX_COUNT: usize = 1_000_000;

/// What becomes of objects marked difficult while the network learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Difficult {
    /// They are not learned, as in most ports: their places count as background.
    Skip,
    /// They are learned like all others, as in the authors' code for VOC.
    Learn,
}

/// A run, complete: this and the data repeat it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Where the values come from that nobody typed.
    pub recipe: Option<Recipe>,
    /// As typed.
    pub data: Vec<String>,
    /// Where to measure; empty for the same data.
    pub val_data: Vec<String>,
    /// Layout of the data.
    pub format: Format,
    /// Split to learn from.
    pub split: Option<String>,
    /// Split to measure on.
    pub val_split: Option<String>,
    /// Objects marked difficult.
    pub difficult: Difficult,
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
    /// Shares of the run at which a multi-step schedule divides by 10.
    pub milestones: Vec<f64>,
    /// Its rise, in steps.
    pub warmup: usize,
    /// The rule of a step.
    pub optimizer: OptimizerName,
    /// SGD's momentum, as PyTorch means it (no dampening).
    pub momentum: f64,
    /// Weight decay; none on biases, norms and scales.
    pub weight_decay: f64,
    /// Factor on the learning rate of biases.
    pub bias_lr: f64,
    /// Greatest norm of all gradients together; 0 for any.
    pub clip_norm: f64,
    /// What is minimised for boxes.
    pub box_loss: BoxLoss,
    /// Decay of the running average of the weights; 0 for none.
    pub ema: f64,
    /// Early stages that do not learn.
    pub freeze: usize,
    /// Seed.
    pub seed: u64,
    /// File the weights start from.
    pub init: Option<PathBuf>,
    /// Priors in place of the architecture's: those of the detector after `init`, whose heads were trained for them.
    pub priors: Option<PriorScheme>,
    /// What is done with pixels in place of the architecture's way: likewise.
    pub normalization: Option<Normalization>,
    /// Pictures learned by heart.
    pub overfit: Option<usize>,
    /// Augmentation; none when overfitting.
    pub augment: Option<AugmentConfig>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            recipe: None,
            data: Vec::new(),
            val_data: Vec::new(),
            format: Format::Auto,
            split: None,
            val_split: None,
            difficult: Difficult::Skip,
            arch: Arch::Ssd300MobileNetV2Lite,
            epochs: 120,
            batch_size: 16,
            accumulate: 1,
            lr: 0.01,
            schedule: Schedule::Cosine,
            milestones: PAPER_MILESTONES.to_vec(),
            warmup: 200,
            optimizer: OptimizerName::Sgd,
            momentum: 0.9,
            weight_decay: 5e-4,
            bias_lr: 1.0,
            clip_norm: 0.0,
            box_loss: BoxLoss::SmoothL1,
            ema: 0.0,
            freeze: 0,
            seed: 1,
            init: None,
            priors: None,
            normalization: None,
            overfit: None,
            augment: Some(AugmentConfig::default()),
        }
    }
}

impl TrainConfig {
    /// A run from the start.
    ///
    /// # Errors
    ///
    /// A sentence, when an argument is missing or out of its range, or the `--config` file is not understood.
    pub fn new(args: &TrainArgs) -> Result<Self, Failure> {
        let file = args.config.as_deref().map(read_settings).transpose()?.unwrap_or_default();
        let typed = typed(&args.run)?;
        let stated = |name: &str| typed.get(name).or_else(|| file.get(name));
        let data = stated("data").cloned().map(serde_json::from_value).transpose();
        let data: Vec<String> = data.ok().flatten().unwrap_or_default();
        let recipe = match (args.recipe, file.get("recipe")) {
            (None, Some(named)) => serde_json::from_value(named.clone()).map_err(|error| {
                let path = args.config.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
                Failure::Input(format!("{path}: recipe is not understood ({error}); correct it."))
            })?,
            (recipe, _) => recipe,
        };
        let base = recipe::base(recipe, &data);
        let rate_is_stated = stated("lr").is_some();
        let mut config = base.with(file, args.config.as_deref())?.with(typed, None)?;
        // The one whose numbers they are, whatever the file says.
        config.recipe = recipe;
        if !rate_is_stated {
            config.lr = base.lr * config.pictures_a_step() as f64 / base.pictures_a_step() as f64;
        }
        config.checked()
    }

    /// A run that goes on: what was typed, and what its `config.json` says.
    ///
    /// # Errors
    ///
    /// A sentence, when there is no such file, or as [`Self::new`].
    pub fn resumed(args: &TrainArgs, out: &Path) -> Result<Self, Failure> {
        if args.recipe.is_some() || args.config.is_some() {
            return Err(Failure::Input(
                "--resume goes on with the settings of the run; leave --recipe and --config out.".into(),
            ));
        }
        if args.run.init.is_some() {
            return Err(Failure::Input("--resume goes on from the run's own weights; leave --init out.".into()));
        }
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
        let config = saved.with(typed(&args.run)?, None)?;
        if config.arch != saved.arch {
            let (was, now) = (saved.arch, config.arch);
            return Err(Failure::Input(format!("The run trains {was}, and --arch is {now}; leave --arch out.")));
        }
        config.checked()
    }

    /// The same with other settings in their places, which come from `file` or were typed.
    fn with(&self, settings: Map<String, Value>, file: Option<&Path>) -> Result<Self, Failure> {
        let whole = serde_json::to_value(self).map_err(Failure::run)?;
        let merged = |settings: Value| {
            let mut whole = whole.clone();
            merge(&mut whole, settings);
            serde_json::from_value::<Self>(whole)
        };
        let mut config = merged(Value::Object(settings.clone())).map_err(|error| {
            let place = file.map_or("the command line".into(), |path| path.display().to_string());
            // The first setting that is not understood by itself.
            let alone = |(name, value): (&String, &Value)| {
                let error = merged(Value::Object(Map::from_iter([(name.clone(), value.clone())]))).err()?;
                Some(format!("{place}: {name} is not understood ({error}); correct it."))
            };
            Failure::Input(settings.iter().find_map(alone).unwrap_or(format!("{place}: {error}; correct it.")))
        })?;
        if config.overfit.is_some() {
            config.augment = None;
        }
        Ok(config)
    }

    fn checked(self) -> Result<Self, Failure> {
        if self.data.is_empty() {
            return Err(Failure::Input("--data is missing; name a folder or shapes.".into()));
        }
        let counts = [
            (self.epochs, "--epochs"),
            (self.batch_size, "--batch-size"),
            (self.accumulate, "--accumulate"),
            (self.overfit.unwrap_or(1), "--overfit"),
        ];
        if let Some((value, flag)) = counts.into_iter().find(|(value, _)| !(1..=MAX_COUNT).contains(value)) {
            return Err(Failure::Input(format!("{flag} is {value}; it has to be from 1 to {MAX_COUNT}.")));
        }
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return Err(Failure::Input(format!("--lr is {}; it has to be a number above 0.", self.lr)));
        }
        let shares = [(self.momentum, "--momentum"), (self.ema, "--ema")];
        if let Some((value, flag)) = shares.into_iter().find(|(value, _)| !(0.0..1.0).contains(value)) {
            return Err(Failure::Input(format!("{flag} is {value}; it has to be at least 0 and below 1.")));
        }
        let amounts =
            [(self.weight_decay, "--weight-decay"), (self.bias_lr, "--bias-lr"), (self.clip_norm, "--clip-norm")];
        if let Some((value, flag)) = amounts.into_iter().find(|(value, _)| !(value.is_finite() && *value >= 0.0)) {
            return Err(Failure::Input(format!("{flag} is {value}; it has to be a number from 0 on.")));
        }
        if let Some(milestone) = self.milestones.iter().find(|milestone| !(0.0..=1.0).contains(*milestone)) {
            return Err(Failure::Input(format!(
                "--milestones has {milestone}; they are shares of the run, from 0 to 1."
            )));
        }
        let stages = self.arch.trunk().stages();
        if self.freeze > stages {
            return Err(Failure::Input(format!(
                "--freeze is {}; the trunk of {} has {stages} stages.",
                self.freeze, self.arch
            )));
        }
        let augment = self.augment.map(AugmentConfig::checked).transpose().map_err(Failure::input)?;
        Ok(Self { augment, ..self })
    }

    /// The header of a detector that is trained so, with `labels`.
    pub fn header(&self, labels: Vec<String>, provenance: Provenance) -> Header {
        let mut header = Header::new(self.arch, labels, provenance);
        if let Some(priors) = &self.priors {
            header.priors = priors.clone();
        }
        if let Some(normalization) = self.normalization {
            header.normalization = normalization;
        }
        header
    }

    /// Pictures whose gradients make one step.
    pub fn pictures_a_step(&self) -> usize {
        self.batch_size * self.accumulate
    }

    /// The learning rate of a run with so many steps.
    pub fn learning_rate(&self, total: usize) -> LearningRate {
        let milestones = self.milestones.clone();
        LearningRate { peak: self.lr, schedule: self.schedule, milestones, warmup: self.warmup.min(total / 4), total }
    }
}

/// What was typed, by the names of [`TrainConfig`].
fn typed(args: &RunArgs) -> Result<Map<String, Value>, Failure> {
    if let Some(name) = &args.arch {
        // For its sentence, which knows the names.
        name.parse::<Arch>().map_err(Failure::input)?;
    }
    let Value::Object(mut all) = serde_json::to_value(args).map_err(Failure::run)? else { return Ok(Map::new()) };
    all.retain(|_, value| !value.is_null() && *value != Value::Array(Vec::new()));
    Ok(all)
}

/// The settings of a `--config` file.
fn read_settings(path: &Path) -> Result<Map<String, Value>, Failure> {
    let wrong = |why: &str| Failure::Input(format!("{}: {why}; check the path after --config.", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&format!("cannot be read ({error})")))?;
    let mut settings: Map<String, Value> =
        serde_json::from_str(&text).map_err(|error| wrong(&format!("is no JSON object of settings ({error})")))?;
    // One folder may stand without the list around it.
    for name in ["data", "val_data"] {
        if let Some(one @ Value::String(_)) = settings.get(name).cloned() {
            settings.insert(name.into(), Value::Array(vec![one]));
        }
    }
    Ok(settings)
}

/// Puts `over` into the place of what is there; objects are gone into, everything else is replaced.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}
