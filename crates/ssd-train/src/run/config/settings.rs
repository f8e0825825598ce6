//! The settings of a run: their names, defaults and ranges. What one optimiser step needs of them is [`LearnConfig`].

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

/// A task that numbers are known for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// Paper §3 and its authors' `ssd_pascal.py`: VGG16 with a pretrained trunk on Pascal VOC.
    PaperVoc,
    /// No pretrained trunk: batch norm in it and a rate of 0.02 (ScratchDet, arXiv 1810.08425: from 67.6 to 77.8 mAP with 0.01 to 0.05).
    Scratch,
    /// A few hundred labelled pictures and a detector of other classes to start from.
    Finetune,
    /// The light network from nothing, as torchvision's and mmdetection's ssdlite: rate 0.15 for 192, 600 epochs.
    Lite,
}

/// The largest number of epochs, of pictures in a batch, and so on: more is a slip.
const MAX_COUNT: usize = 1_000_000;

/// A run, complete: this and the data repeat it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The network.
    pub arch: Arch,
    /// Epochs.
    pub epochs: usize,
    /// Pictures in a batch.
    pub batch_size: usize,
    /// Batches in a step.
    pub accumulate: usize,
    /// How it learns.
    #[serde(flatten)]
    pub learn: LearnConfig,
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
            format: Format::AUTO,
            split: None,
            val_split: None,
            arch: Arch::Ssd300MobileNetV2Lite,
            epochs: 120,
            batch_size: 16,
            accumulate: 1,
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
    /// The same, if a run can be made so.
    ///
    /// # Errors
    ///
    /// A sentence about the first setting that is missing or outside its range.
    pub(super) fn checked(self) -> Result<Self, Failure> {
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
        let learn = self.learn.checked(self.arch).map_err(|error| {
            Failure::Input(format!("--{} is {}; it has to be {}.", flag(error.setting), error.value, error.range))
        })?;
        let augment = self.augment.map(AugmentConfig::checked).transpose().map_err(Failure::input)?;
        Ok(Self { augment, learn, ..self })
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
}

/// The flag of a setting.
pub(super) fn flag(setting: &str) -> String {
    setting.replace('_', "-")
}

/// All settings by their names.
pub(super) fn settings(config: &TrainConfig) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(settings)) => settings,
        _ => Map::new(),
    }
}

/// All settings by their names, with their defaults.
pub(super) fn names() -> Map<String, Value> {
    settings(&TrainConfig::default())
}

/// The first name that no setting has.
pub(super) fn unknown(settings: &Map<String, Value>) -> Option<&str> {
    let names = names();
    settings.keys().map(String::as_str).find(|name| !names.contains_key(*name))
}
