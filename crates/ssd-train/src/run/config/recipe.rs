//! Settings that fit a task, by name: `--recipe`.
//!
//! A recipe is a starting point, not a mode: each value is one that a flag could have set, and flags override it.

use clap::ValueEnum;
use serde_json::Value;
use ssd::Arch;
use ssd::postprocess::ScoreActivation;
use ssd_data::augment::{AugmentConfig, Crop, Expand, Photometric};
use ssd_data::is_generated;
use ssd_learn::schedule::PAPER_MILESTONES;
use ssd_learn::{Difficult, LearnConfig, OptimizerName, Schedule};
use ssd_teach::TeachConfig;

use super::settings::{Recipe, TrainConfig, settings};

/// The settings of a run without flags and files: the recipe's, or the defaults. `arch` is the network where it was
/// given.
pub fn base(recipe: Option<Recipe>, data: &[String], arch: Option<Arch>) -> TrainConfig {
    let plain =
        TrainConfig { recipe, augment: Some(augmentation(data)), data: data.to_vec(), ..TrainConfig::default() };
    match recipe {
        None => plain,
        Some(Recipe::PaperVoc) => TrainConfig {
            arch: Arch::Ssd300Vgg16,
            // 120,000 steps of 32 on the 16,551 pictures of VOC2007 and VOC2012.
            epochs: 232,
            batch_size: 32,
            learn: LearnConfig {
                lr: 1e-3,
                bias_lr: 2.0,
                schedule: Schedule::Multistep,
                milestones: PAPER_MILESTONES.to_vec(),
                // The authors' code has no warm-up; with it the first steps do not diverge (lufficc's remedy).
                warmup: 500,
                difficult: Difficult::Learn,
                ..plain.learn
            },
            ..plain
        },
        Some(Recipe::Scratch) => TrainConfig {
            arch: Arch::Ssd300Vgg16Bn,
            epochs: 300,
            batch_size: 32,
            learn: LearnConfig { lr: 0.02, warmup: 1000, ema: 0.9998, ..plain.learn },
            ..plain
        },
        // TensorFlow's networks have no norms, and mostly know the classes. Measured on the detector of COCO: higher
        // rates and more steps ended lower.
        Some(Recipe::Finetune) if arch.is_some_and(|arch| arch.scores() == ScoreActivation::Sigmoid) => TrainConfig {
            epochs: 15,
            batch_size: 8,
            learn: LearnConfig {
                optimizer: OptimizerName::Adamw,
                lr: 1e-4,
                weight_decay: 1e-4,
                warmup: 20,
                clip_norm: 10.0,
                ema: 0.99,
                ..plain.learn
            },
            ..plain
        },
        // Measured from the shapes model to other classes.
        Some(Recipe::Finetune) => TrainConfig {
            epochs: 60,
            learn: LearnConfig { lr: 0.01, warmup: 100, freeze: 1, clip_norm: 10.0, ema: 0.998, ..plain.learn },
            ..plain
        },
        Some(Recipe::Teach) => {
            let TeachConfig { steps, batch_size, learn, .. } = TeachConfig::default();
            TrainConfig { epochs: 1, batch_size, steps: Some(steps), learn, augment: None, ..plain }
        }
        Some(Recipe::Lite) => TrainConfig {
            epochs: 600,
            batch_size: 24,
            augment: plain.augment.map(|augment| AugmentConfig {
                photometric: Photometric::none(),
                expand: Expand { probability: 0.0, ..augment.expand },
                ..augment
            }),
            learn: LearnConfig { lr: 0.02, warmup: 1000, weight_decay: 4e-5, ema: 0.9998, ..plain.learn },
            ..plain
        },
    }
}

impl Recipe {
    /// Its name and the settings it changes, for people; on another line those for TensorFlow's networks, if they are
    /// others.
    pub(super) fn described(self) -> String {
        let name = self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let (usual, sigmoid) = (self.changes(None), self.changes(sigmoid()));
        let more = if sigmoid == usual { String::new() } else { format!("\n  {:9}  for -tf networks: {sigmoid}", "") };
        format!("{name:9}  {usual}{more}")
    }

    /// The settings it changes, for people.
    fn changes(self, arch: Option<Arch>) -> String {
        let (own, plain) = (settings(&base(Some(self), &[], arch)), settings(&base(None, &[], arch)));
        let changed = own.iter().filter(|(setting, value)| *setting != "recipe" && plain[*setting] != **value);
        let changed = changed.map(|(setting, value)| match setting.as_str() {
            "augment" if value.is_null() => "a fixed set of crops".to_owned(),
            "augment" => "crop and flip alone".to_owned(),
            setting => format!("{} {}", setting.replace('_', "-"), shown(value)),
        });
        changed.collect::<Vec<_>>().join(", ")
    }
}

/// A network with sigmoid scores.
fn sigmoid() -> Option<Arch> {
    Arch::ALL.into_iter().find(|arch| arch.scores() == ScoreActivation::Sigmoid)
}

/// The value of a setting for people; empty if it has none.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(","),
        Value::Number(number) => match number.as_f64() {
            // Shares such as two thirds.
            Some(value) if value.to_string().len() > 8 => format!("{value:.3}"),
            Some(value) => value.to_string(),
            None => number.to_string(),
        },
        Value::Bool(value) => value.to_string(),
    }
}

/// The paper's augmentation for pictures. Generated scenes already come in all scales and positions, down to 16 pixels,
/// too small to be expanded: they are only recoloured and flipped.
fn augmentation(data: &[String]) -> AugmentConfig {
    let paper = AugmentConfig::default();
    if !data.iter().any(|data| is_generated(data)) {
        return paper;
    }
    AugmentConfig { expand: Expand { probability: 0.0, ..paper.expand }, crop: Crop::none(), ..paper }
}
