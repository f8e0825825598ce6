//! The optimiser: SGD with momentum as PyTorch means it, no weight decay on biases, norms and scales.
//!
//! The arithmetic is Burn's. What is added is where a saved momentum is put when a run goes on: Burn puts it on the build's
//! first choice of device, which is a GPU, and a run on the CPU would open one, or end where there is none.

use burn::module::ParamGroup;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    LearningRate, ModuleOptimizer, Optimizer, RecordState, Sgd, SgdConfig, SgdState, StateSink, StateSource,
};
use burn::tensor::{Device, Tensor};

use crate::config::TrainConfig;

/// The optimiser of a run, before its first step.
pub fn optimizer(config: &TrainConfig) -> ModuleOptimizer {
    let momentum = MomentumConfig::new().with_momentum(config.momentum).with_dampening(0.0);
    let plain = SgdConfig::new().with_momentum(Some(momentum));
    let decaying = plain.clone().with_weight_decay(Some(WeightDecayConfig::new(config.weight_decay as f32)));
    ["bias", "gamma", "beta", "scale"]
        .into_iter()
        .fold(ModuleOptimizer::from(HostRestored(decaying.build())), |sgd, name| {
            sgd.with_group(ParamGroup::from_predicate(name), HostRestored(plain.build()), None)
        })
}

/// SGD whose state is read from a checkpoint into the host's memory. The first step takes it to the device of its parameter.
#[derive(Clone)]
struct HostRestored(Sgd);

/// The state of one parameter.
#[derive(Clone)]
struct HostState<const D: usize>(SgdState<D>);

impl Optimizer for HostRestored {
    type State<const D: usize> = HostState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<HostState<D>>,
    ) -> (Tensor<D>, Option<HostState<D>>) {
        let (tensor, state) = self.0.step(lr, tensor, grad, state.map(|state| state.0));
        (tensor, state.map(HostState))
    }

    fn to_device<const D: usize>(state: HostState<D>, device: &Device) -> HostState<D> {
        HostState(Sgd::to_device(state.0, device))
    }
}

impl<const D: usize> RecordState for HostState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        self.0.state_flatten(prefix, out);
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, _device: &Device) -> Option<Self> {
        SgdState::state_unflatten(prefix, source, &Device::flex()).map(Self)
    }
}
