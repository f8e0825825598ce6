//! The optimiser: SGD with momentum as in PyTorch, or AdamW; no weight decay on biases, norms and scales.
//!
//! Decides how each parameter is treated; the arithmetic of a step is Burn's. [`clip`] comes before a step,
//! [`crate::ema`] after it; `restored` is for resuming from a checkpoint.

pub mod clip;
mod restored;

use burn::module::ParamGroup;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamWConfig, ModuleOptimizer, Optimizer, SgdConfig};

use self::restored::HostRestored;
use crate::config::{LearnConfig, OptimizerName};

/// Names of parameters without weight decay: biases, batch norm's factor and addend, the scale of L2 normalisation.
const NOT_DECAYED: [&str; 4] = ["bias", "gamma", "beta", "scale"];

/// The optimiser of a run, before its first step.
pub fn optimizer(config: &LearnConfig) -> ModuleOptimizer {
    let decay = config.weight_decay as f32;
    match config.optimizer {
        OptimizerName::Sgd => {
            // Burn's momentum is dampened by default, PyTorch's is not.
            let momentum = MomentumConfig::new().with_momentum(config.momentum).with_dampening(0.0);
            let plain = SgdConfig::new().with_momentum(Some(momentum));
            let decaying = plain.clone().with_weight_decay(Some(WeightDecayConfig::new(decay)));
            grouped(decaying.build(), plain.build(), config.bias_lr)
        }
        OptimizerName::Adamw => {
            let plain = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.0);
            let decaying = plain.clone().with_weight_decay(decay);
            grouped(decaying.build(), plain.build(), config.bias_lr)
        }
    }
}

/// `decaying` for the weights, `plain` for all that is not decayed; biases at `bias_lr` times the learning rate.
fn grouped<O: Optimizer>(decaying: O, plain: O, bias_lr: f64) -> ModuleOptimizer {
    let rate = |name: &str| if name == "bias" { bias_lr } else { 1.0 };
    NOT_DECAYED.into_iter().fold(ModuleOptimizer::from(HostRestored::new(decaying, 1.0)), |all, name| {
        let group = HostRestored::new(plain.clone(), rate(name));
        all.with_group(ParamGroup::from_predicate(name), group, None)
    })
}
