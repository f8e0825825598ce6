//! A Burn optimiser with two additions: a factor on its learning rate, and a choice of where a saved state goes.
//!
//! Burn restores a state to the build's default device, a GPU: a run on the CPU would open one, or fail without one.

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

/// An optimiser whose state is restored to host memory. The first step moves it to its parameter's device.
#[derive(Clone)]
pub struct HostRestored<O> {
    inner: O,
    /// Multiplies the learning rate.
    rate: f64,
}

impl<O> HostRestored<O> {
    /// `inner` at `rate` times the learning rate.
    pub fn new(inner: O, rate: f64) -> Self {
        Self { inner, rate }
    }
}

/// The state of one parameter.
pub struct HostState<const D: usize, O: Optimizer>(O::State<D>);

impl<const D: usize, O: Optimizer> Clone for HostState<D, O> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<O: Optimizer> Optimizer for HostRestored<O> {
    type State<const D: usize> = HostState<D, O>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let (tensor, state) = self.inner.step(lr * self.rate, tensor, grad, state.map(|state| state.0));
        (tensor, state.map(HostState))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        HostState(O::to_device(state.0, device))
    }
}

impl<const D: usize, O: Optimizer> RecordState for HostState<D, O> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        self.0.state_flatten(prefix, out);
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, _device: &Device) -> Option<Self> {
        O::State::<D>::state_unflatten(prefix, source, &Device::flex()).map(Self)
    }
}
