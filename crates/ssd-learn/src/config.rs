//! The settings of learning: names, defaults and ranges. Data, epochs and files are the caller's.

use serde::{Deserialize, Serialize};
use ssd::Arch;
use ssd::loss::{BoxLoss, ClassLoss, Focal, Losses};
use ssd::weights::Header;
use strum::{Display, EnumString, VariantNames};

use crate::schedule::{LearningRate, PAPER_MILESTONES, Schedule};

/// How objects marked difficult are treated in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Difficult {
    /// Not learned, as in most ports: their places count as background.
    Skip,
    /// Learned like all others, as in the authors' code for VOC.
    Learn,
}

/// The update rule of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum OptimizerName {
    /// Stochastic gradient descent with momentum: the paper's.
    Sgd,
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), beta 0.9 and 0.999: needs a far lower rate.
    Adamw,
}

/// How a network learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnConfig {
    /// Treatment of objects marked difficult.
    pub difficult: Difficult,
    /// Peak learning rate.
    pub lr: f64,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Shares of the run at which a multi-step schedule divides by 10.
    pub milestones: Vec<f64>,
    /// Steps of warm-up.
    pub warmup: usize,
    /// The update rule.
    pub optimizer: OptimizerName,
    /// SGD's momentum, as in PyTorch (no dampening).
    pub momentum: f64,
    /// Weight decay; none on biases, norms and scales.
    pub weight_decay: f64,
    /// Factor on the learning rate of biases.
    pub bias_lr: f64,
    /// Largest norm of all gradients together; 0 for no limit.
    pub clip_norm: f64,
    /// The loss on boxes.
    pub box_loss: BoxLoss,
    /// The loss on classes; `None` for the one that the network's scores need.
    pub class_loss: Option<ClassLoss>,
    /// Weight of the classes that are there, in the focal loss.
    pub focal_alpha: f64,
    /// Power of the error in the focal loss.
    pub focal_gamma: f64,
    /// Decay of the running average of the weights; 0 for none.
    pub ema: f64,
    /// Number of early stages that do not learn.
    pub freeze: usize,
}

impl Default for LearnConfig {
    fn default() -> Self {
        Self {
            difficult: Difficult::Skip,
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
            class_loss: None,
            focal_alpha: 0.25,
            focal_gamma: 2.0,
            ema: 0.0,
            freeze: 0,
        }
    }
}

/// A setting outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {value}; it has to be {range}")]
pub struct SettingError {
    /// Its name in [`LearnConfig`].
    pub setting: &'static str,
    /// The value, as text.
    pub value: String,
    /// The valid range.
    pub range: String,
}

/// A range: whether it contains a value, and its description.
type Range = (fn(f64) -> bool, &'static str);

const ABOVE_ZERO: Range = (|value| value.is_finite() && value > 0.0, "a number above 0");
const FROM_ZERO: Range = (|value| value.is_finite() && value >= 0.0, "a number from 0 on");
const BELOW_ONE: Range = (|value| (0.0..1.0).contains(&value), "at least 0 and below 1");
const FROM_ZERO_TO_ONE: Range = (|value| (0.0..=1.0).contains(&value), "a number from 0 to 1");
const SHARE: Range = (|value| (0.0..=1.0).contains(&value), "a share of the run, from 0 to 1");

impl LearnConfig {
    /// These settings, if they are valid for `arch`.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn checked(self, arch: Arch) -> Result<Self, SettingError> {
        let milestones = self.milestones.iter().map(|&share| ("milestones", share, SHARE));
        let numbers = [
            ("lr", self.lr, ABOVE_ZERO),
            ("momentum", self.momentum, BELOW_ONE),
            ("ema", self.ema, BELOW_ONE),
            ("weight_decay", self.weight_decay, FROM_ZERO),
            ("bias_lr", self.bias_lr, FROM_ZERO),
            ("clip_norm", self.clip_norm, FROM_ZERO),
            ("focal_alpha", self.focal_alpha, FROM_ZERO_TO_ONE),
            ("focal_gamma", self.focal_gamma, FROM_ZERO),
        ];
        let outside = numbers.into_iter().chain(milestones).find(|(_, value, (holds, _))| !holds(*value));
        if let Some((setting, value, (_, range))) = outside {
            return Err(SettingError { setting, value: value.to_string(), range: range.into() });
        }
        let stages = arch.trunk().stages();
        if self.freeze > stages {
            let range = format!("at most {stages}, the stages in the trunk of {arch}");
            return Err(SettingError { setting: "freeze", value: self.freeze.to_string(), range });
        }
        Ok(self)
    }

    /// The losses of a detector.
    pub fn losses(&self, header: &Header) -> Losses {
        Losses {
            boxes: self.box_loss,
            classes: self.class_loss.unwrap_or(ClassLoss::of(header.score_activation)),
            focal: Focal { alpha: self.focal_alpha as f32, gamma: self.focal_gamma as f32 },
        }
    }

    /// The learning rate of a run of `total` steps.
    pub fn learning_rate(&self, total: usize) -> LearningRate {
        let milestones = self.milestones.clone();
        LearningRate { peak: self.lr, schedule: self.schedule, milestones, warmup: self.warmup.min(total / 4), total }
    }
}
