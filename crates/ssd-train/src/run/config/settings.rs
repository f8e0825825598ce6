//! The settings of a run: their names, defaults and ranges. Those of an optimiser step are in [`LearnConfig`].

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ssd::Arch;
use ssd::preprocess::Normalization;
use ssd::priors::PriorScheme;
use ssd::weights::{Header, Provenance};
use ssd_data::Format;
use ssd_data::augment::AugmentConfig;
use ssd_learn::LearnConfig;

use crate::failure::Failure;

/// A task with known good settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// Paper §3 and its authors' `ssd_pascal.py`: VGG16 with a pretrained trunk on Pascal VOC.
    PaperVoc,
    /// No pretrained trunk, but batch norm in it and a rate of 0.02 (ScratchDet, arXiv 1810.08425: 67.6 to 77.8 mAP).
    Scratch,
    /// Starting from a detector, of the same classes or others.
    Finetune,
    /// The light network from scratch, as torchvision's and mmdetection's ssdlite: lr 0.15 at batch 192, 600 epochs.
    Lite,
    /// The heads of a detector alone, from a few pictures, in seconds: what the page does when it is taught.
    Teach,
}

/// The largest number of epochs, of pictures in a batch, and so on: anything larger is a typo.
const MAX_COUNT: usize = 1_000_000;

/// All settings of a run: these and the data repeat it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// The recipe that settings not given come from.
    pub recipe: Option<Recipe>,
    /// Data sets, as given.
    pub data: Vec<String>,
    /// Data sets to measure on; empty for the same data.
    pub val_data: Vec<String>,
    /// Format of the data.
    pub format: Format,
    /// Split to learn from.
    pub split: Option<String>,
    /// Split to measure on.
    pub val_split: Option<String>,
    /// Share of the pictures to learn from that is measured on instead.
    pub val_fraction: Option<f64>,
    /// The network.
    pub arch: Arch,
    /// Number of epochs.
    pub epochs: usize,
    /// Pictures in a batch.
    pub batch_size: usize,
    /// Batches in a step.
    pub accumulate: usize,
    /// Steps of [`Recipe::Teach`], in place of epochs.
    pub steps: Option<usize>,
    /// Whether [`Recipe::Teach`] adds to the classes of `init`, which then stay as they are.
    pub keep_classes: bool,
    /// How the network learns.
    #[serde(flatten)]
    pub learn: LearnConfig,
    /// Seed.
    pub seed: u64,
    /// File with the initial weights.
    pub init: Option<PathBuf>,
    /// Priors replacing the architecture's: those of the detector in `init`, whose heads were trained for them.
    pub priors: Option<PriorScheme>,
    /// Input normalisation replacing the architecture's, likewise.
    pub normalization: Option<Normalization>,
    /// Number of pictures to overfit on.
    pub overfit: Option<usize>,
    /// Augmentation; `None` when overfitting.
    pub augment: Option<AugmentConfig>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            recipe: None,
            data: Vec::new(),
            val_data: Vec::new(),
            format: Format::AUTO,
            split: None,
            val_split: None,
            val_fraction: None,
            arch: Arch::Ssd300MobileNetV2Lite,
            epochs: 120,
            batch_size: 16,
            accumulate: 1,
            steps: None,
            keep_classes: false,
            learn: LearnConfig::default(),
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
    /// These settings, if they are valid.
    ///
    /// # Errors
    /// The first setting that is missing or out of range.
    pub(super) fn checked(self) -> Result<Self, Failure> {
        if self.data.is_empty() {
            return Err(Failure::Input("--data is missing; name a folder or shapes.".into()));
        }
        let counts = [
            (self.epochs, "--epochs"),
            (self.batch_size, "--batch-size"),
            (self.accumulate, "--accumulate"),
            (self.overfit.unwrap_or(1), "--overfit"),
            (self.steps.unwrap_or(1), "--steps"),
        ];
        if let Some((value, flag)) = counts.into_iter().find(|(value, _)| !(1..=MAX_COUNT).contains(value)) {
            return Err(Failure::Input(format!("{flag} is {value}; it has to be from 1 to {MAX_COUNT}.")));
        }
        if self.recipe != Some(Recipe::Teach) && (self.steps.is_some() || self.keep_classes) {
            return Err(Failure::Input("--steps and --keep-classes are for --recipe teach; leave them out.".into()));
        }
        if let Some(fraction) = self.val_fraction {
            if !(fraction > 0.0 && fraction < 1.0) {
                return Err(Failure::Input(format!("--val-fraction is {fraction}; it has to be above 0 and below 1.")));
            }
            if self.data.iter().any(|data| ssd_data::is_generated(data)) {
                return Err(Failure::Input("--val-fraction is for folders; leave it out for a generated set.".into()));
            }
            if !self.val_data.is_empty() || self.val_split.is_some() {
                return Err(Failure::Input(
                    "--val-fraction holds back pictures to measure on; leave --val-data and --val-split out.".into(),
                ));
            }
        }
        let learn = self.learn.checked(self.arch).map_err(|error| {
            Failure::Input(format!("--{} is {}; it has to be {}.", flag(error.setting), error.value, error.range))
        })?;
        let augment = self.augment.map(AugmentConfig::checked).transpose().map_err(Failure::input)?;
        Ok(Self { augment, learn, ..self })
    }

    /// The header of a detector trained with these settings, with `labels`.
    pub fn header(&self, labels: Vec<String>, provenance: Provenance) -> Header {
        let mut header = Header::new(self.arch, labels, provenance);
        if let Some(priors) = &self.priors {
            header.priors = priors.clone();
        }
        if let Some(normalization) = self.normalization {
            header.normalization = normalization;
        }
        if let Some(loss) = self.learn.class_loss {
            header.score_activation = loss.activation();
        }
        header
    }

    /// Pictures whose gradients make one step.
    pub fn pictures_a_step(&self) -> usize {
        self.batch_size * self.accumulate
    }
}

/// The flag of a setting, without dashes.
pub(super) fn flag(setting: &str) -> String {
    setting.replace('_', "-")
}

/// All settings by name.
pub(super) fn settings(config: &TrainConfig) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(settings)) => settings,
        _ => Map::new(),
    }
}

/// All settings by name, with their defaults.
pub(super) fn names() -> Map<String, Value> {
    settings(&TrainConfig::default())
}

/// The first unknown name.
pub(super) fn unknown(settings: &Map<String, Value>) -> Option<&str> {
    let names = names();
    settings.keys().map(String::as_str).find(|name| !names.contains_key(*name))
}
