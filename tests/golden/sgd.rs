//! The trainer's optimiser against `torch.optim.SGD`. Burn's momentum has a dampening of 0.1 unless told otherwise,
//! PyTorch's has none: the difference would be a learning rate that is silently lower.

use burn::module::Param;
use burn::nn::LinearConfig;
use burn::optim::GradientsParams;
use burn::prelude::*;
use clap::Parser;
use ssd_train::config::{TrainArgs, TrainConfig};
use ssd_train::optimizer::optimizer;

use super::{Fixture, Tolerance};

/// Values up to 10, a few roundings at each of four steps. A forgotten weight decay would be off by up to 2e-3.
const FOUR_STEPS: Tolerance = Tolerance { absolute: 2e-6, relative: 1e-6 };

#[test]
fn four_steps_with_momentum_and_weight_decay_on_weights_alone() {
    let fixture = Fixture::open("sgd");
    let device = Device::flex().autodiff();
    let args = TrainArgs::parse_from(["train", "--data", "shapes", "--out", "unused"]);
    let config = TrainConfig::new(&args).expect("the defaults are a configuration");
    let mut optimizer = optimizer(&config);

    // A weight and a bias with equal values and gradients: only the weight decays.
    let start = fixture.tensor::<1>("start", &device);
    let [width] = start.dims();
    let mut module = LinearConfig::new(1, width).init(&device);
    module.weight = Param::from_tensor(start.clone().reshape([1, width]));
    module.bias = Some(Param::from_tensor(start));

    let gradients = fixture.tensor::<2>("gradients", &Device::flex());
    let (mut weights, mut biases) = (Vec::new(), Vec::new());
    for (step, rate) in fixture.values("learning_rates").into_iter().enumerate() {
        let gradient = gradients.clone().slice([step..step + 1, 0..width]);
        let bias = module.bias.as_ref().expect("the module was given a bias");
        let mut of_step = GradientsParams::new();
        of_step.register(bias.id, gradient.clone().reshape([width]));
        of_step.register(module.weight.id, gradient);
        module = optimizer.step(f64::from(rate), module, of_step);
        weights.push(module.weight.val().inner());
        biases.push(module.bias.as_ref().expect("the module was given a bias").val().inner().reshape([1, width]));
    }
    fixture.assert_close("after.decay", Tensor::cat(weights, 0), FOUR_STEPS);
    fixture.assert_close("after.no_decay", Tensor::cat(biases, 0), FOUR_STEPS);
}
