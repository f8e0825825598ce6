//! The learning rate as a pure function of the step.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantNames};

/// How the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Schedule {
    /// Divided by 10 at each milestone.
    Multistep,
    /// Half a cosine down to zero.
    Cosine,
}

/// Where Caffe's VOC schedule divides by 10, as shares of the run (80,000 and 100,000 of 120,000 steps).
pub const PAPER_MILESTONES: [f64; 2] = [2.0 / 3.0, 5.0 / 6.0];

/// The first rate of a warm-up, as a share of the peak; from torchvision's references.
const WARMUP_START: f64 = 1e-3;

/// A warm-up, then a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningRate {
    /// The highest rate.
    pub peak: f64,
    /// How the rate falls.
    pub schedule: Schedule,
    /// Shares of the run, `0..=1`, at which [`Schedule::Multistep`] divides by 10.
    pub milestones: Vec<f64>,
    /// Steps in which it rises linearly to the peak.
    pub warmup: usize,
    /// Steps of the whole run.
    pub total: usize,
}

impl LearningRate {
    /// The rate of a step, counted from 0.
    pub fn at(&self, step: usize) -> f64 {
        if step < self.warmup {
            let progress = step as f64 / self.warmup as f64;
            return self.peak * (WARMUP_START + (1.0 - WARMUP_START) * progress);
        }
        let progress = step as f64 / self.total.max(1) as f64;
        match self.schedule {
            Schedule::Multistep => {
                let passed = self.milestones.iter().filter(|&&milestone| progress >= milestone).count();
                self.peak * 0.1f64.powi(passed as i32)
            }
            Schedule::Cosine => self.peak * 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_then_falls_at_the_paper_s_milestones() {
        let rate = LearningRate {
            peak: 1e-3,
            schedule: Schedule::Multistep,
            milestones: PAPER_MILESTONES.to_vec(),
            warmup: 4,
            total: 120,
        };
        let at: Vec<f64> = [0, 3, 4, 79, 80, 99, 100, 119].map(|step| rate.at(step)).to_vec();
        let want = [1e-6, 0.75025e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5];
        for (got, want) in at.into_iter().zip(want) {
            assert!((got - want).abs() < 1e-12, "{got} is not {want}");
        }
    }

    #[test]
    fn the_cosine_ends_near_zero() {
        let rate =
            LearningRate { peak: 1.0, schedule: Schedule::Cosine, milestones: Vec::new(), warmup: 0, total: 100 };
        assert!((rate.at(0) - 1.0).abs() < 1e-12 && (rate.at(50) - 0.5).abs() < 1e-12 && rate.at(99) < 1e-3);
    }
}
