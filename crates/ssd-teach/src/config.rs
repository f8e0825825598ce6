//! The settings of a lesson, chosen by measurements on TensorFlow's detector of COCO.

use ssd::weights::Header;
use ssd_learn::{LearnConfig, OptimizerName, Schedule};

/// The score from which a taught detector shows what it finds: few pictures leave scores low.
pub const SHOWN_SCORE: f32 = 0.3;

/// How a detector is taught.
#[derive(Debug, Clone, PartialEq)]
pub struct TeachConfig {
    /// Whether the new classes are added to the old ones, which then stay exactly as they are, boxes included.
    pub keep_classes: bool,
    /// Optimiser steps.
    pub steps: usize,
    /// Views in a batch.
    pub batch_size: usize,
    /// Views of each picture besides the whole and its mirror image.
    pub crops: usize,
    /// Seed of the crops and of the order.
    pub seed: u64,
    /// How the heads learn. `freeze` has no effect: trunk and extras never learn.
    pub learn: LearnConfig,
}

impl Default for TeachConfig {
    fn default() -> Self {
        Self { keep_classes: false, steps: 200, batch_size: 8, crops: 4, seed: 1, learn: learn() }
    }
}

/// How heads learn on features that stay.
pub fn learn() -> LearnConfig {
    LearnConfig {
        optimizer: OptimizerName::Adamw,
        lr: 2e-3,
        weight_decay: 1e-4,
        schedule: Schedule::Cosine,
        warmup: 10,
        clip_norm: 10.0,
        ..LearnConfig::default()
    }
}

impl TeachConfig {
    /// The header of the detector that learns: the classes of `labels`, all else as in `start`.
    pub(crate) fn header(&self, start: &Header, labels: &[String]) -> Header {
        let score = SHOWN_SCORE.min(start.score);
        Header { labels: labels.to_vec(), score, ..start.clone() }
    }
}
