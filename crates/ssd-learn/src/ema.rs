//! An exponential moving average of the weights, which is measured and exported in their place.
//!
//! The average is steadier than the last step and mostly better. Batch norm's running statistics are averaged as well.
//! Early in a run the decay is lower; otherwise the initial, random weights would linger.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use ssd::Ssd;

/// The average of a run's weights.
#[derive(Debug, Clone)]
pub struct Ema {
    decay: f64,
    average: Ssd,
}

impl Ema {
    /// Starts at the weights of `model`.
    pub fn new(model: &Ssd, decay: f64) -> Self {
        Self { decay, average: model.valid() }
    }

    /// Continues from an average, such as a checkpoint's.
    pub fn restart(&mut self, average: Ssd) {
        self.average = average;
    }

    /// The averaged network, without autodiff.
    pub fn average(&self) -> &Ssd {
        &self.average
    }

    /// Adds the weights after a step, counted from 1.
    pub fn update(&mut self, model: &Ssd, step: usize) {
        self.average = blend(self.average.clone(), &model.valid(), decay_at(self.decay, step));
    }
}

/// The decay of a step, counted from 1: rises from 2/11 to its final value.
fn decay_at(decay: f64, step: usize) -> f64 {
    let step = step as f64;
    decay.min((1.0 + step) / (10.0 + step))
}

/// `decay * average + (1 - decay) * weights`, parameter by parameter.
pub fn blend<M: Module>(average: M, weights: &M, decay: f64) -> M {
    let mut collected = Collect(GradientsParams::new());
    weights.visit(&mut collected);
    average.map(&mut Blend { weights: collected.0, decay })
}

/// All float tensors of a module by parameter: Burn's container for gradients holds any.
struct Collect(GradientsParams);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

struct Blend {
    weights: GradientsParams,
    decay: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, average, mapper): (ParamId, Tensor<D>, _) = param.consume();
        let blended = match self.weights.remove::<D>(id) {
            Some(weight) => average * self.decay + weight * (1.0 - self.decay),
            None => average,
        };
        Param::from_mapped_value(id, blended, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decay_rises_to_its_final_value() {
        assert!((decay_at(0.999, 1) - 2.0 / 11.0).abs() < 1e-12);
        assert!((decay_at(0.999, 90) - 0.91).abs() < 1e-12);
        assert_eq!(decay_at(0.999, 1_000_000), 0.999);
    }
}
