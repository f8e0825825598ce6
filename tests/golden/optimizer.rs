//! What the trainer does between a gradient and the next weights, against PyTorch: SGD, AdamW, clipping by the global
//! norm, the running average, the learning rate.

use burn::module::Param;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::prelude::*;
use clap::Parser;
use ssd_learn::ema::blend;
use ssd_learn::optimizer::clip::clip_by_global_norm;
use ssd_learn::optimizer::optimizer;
use ssd_learn::schedule::{LearningRate, Schedule};
use ssd_train::run::config::{TrainArgs, TrainConfig};

use super::{Fixture, Tolerance};

/// Values up to 10, a few roundings at each of four steps. A forgotten weight decay would be off by up to 2e-3.
const FOUR_STEPS: Tolerance = Tolerance { absolute: 2e-6, relative: 1e-6 };

fn of_flags(flags: &[&str]) -> ModuleOptimizer {
    let args = TrainArgs::parse_from([&["train", "--data", "shapes"], flags].concat());
    optimizer(&TrainConfig::new(&args, |_| Ok(None)).expect("they are a configuration").learn)
}

/// Four recorded steps of a weight and a bias with equal values and gradients: only the weight decays.
fn assert_four_steps(name: &str, mut optimizer: ModuleOptimizer) {
    let fixture = Fixture::open(name);
    let device = Device::flex().autodiff();
    let mut module = linear(&fixture.tensor::<1>("start", &device));
    let [_, width] = module.weight.dims();
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

/// A module whose weight `[1, N]` and bias `[N]` have the given values.
fn linear(values: &Tensor<1>) -> Linear {
    let [width] = values.dims();
    let mut module = LinearConfig::new(1, width).init(&values.device());
    module.weight = Param::from_tensor(values.clone().reshape([1, width]));
    module.bias = Some(Param::from_tensor(values.clone()));
    module
}

// Burn's momentum has a dampening of 0.1 unless told otherwise, PyTorch's has none: the difference would be a learning
// rate that is silently lower.
#[test]
fn sgd_with_momentum_decays_weights_alone() {
    assert_four_steps("sgd", of_flags(&[]));
}

#[test]
fn adamw_decays_weights_alone_and_apart_from_the_gradient() {
    assert_four_steps("adamw", of_flags(&["--optimizer", "adamw", "--weight-decay", "0.05"]));
}

#[test]
fn biases_learn_at_their_own_rate() {
    let device = Device::flex().autodiff();
    let module = linear(&Tensor::from_data([1.0, 1.0], &device));
    let bias = module.bias.as_ref().expect("it has one").id;
    let mut gradients = GradientsParams::new();
    gradients.register(module.weight.id, Tensor::<2>::from_data([[1.0, 2.0]], &Device::flex()));
    gradients.register(bias, Tensor::<1>::from_data([1.0, 2.0], &Device::flex()));
    let module = of_flags(&["--bias-lr", "2", "--weight-decay", "0"]).step(0.1, module, gradients);
    module.weight.val().inner().into_data().assert_approx_eq::<f32>(&[[0.9, 0.8]].into(), Default::default());
    let bias = module.bias.expect("it has one").val().inner().into_data();
    bias.assert_approx_eq::<f32>(&[0.8, 0.6].into(), Default::default());
}

/// A handful of parameters of different ranks.
#[derive(Module, Debug)]
struct Three {
    a: Param<Tensor<2>>,
    b: Param<Tensor<1>>,
    c: Param<Tensor<3>>,
}

#[test]
fn clipping_looks_at_all_gradients_together() {
    let fixture = Fixture::open("clip");
    let device = Device::flex();
    let zeros = |name: &str| fixture.data(name).shape().clone();
    let module = Three {
        a: Param::from_tensor(Tensor::zeros(zeros("gradient.a"), &device)),
        b: Param::from_tensor(Tensor::zeros(zeros("gradient.b"), &device)),
        c: Param::from_tensor(Tensor::zeros(zeros("gradient.c"), &device)),
    };
    for case in ["over", "under"] {
        let mut gradients = GradientsParams::new();
        gradients.register(module.a.id, fixture.tensor::<2>("gradient.a", &device));
        gradients.register(module.b.id, fixture.tensor::<1>("gradient.b", &device));
        gradients.register(module.c.id, fixture.tensor::<3>("gradient.c", &device));
        let limit = f64::from(fixture.values(&format!("{case}.max_norm"))[0]);
        let clipped = clip_by_global_norm(&module, gradients, limit);
        let key = |name: &str| format!("{case}.clipped.{name}");
        fixture.assert_close(&key("a"), clipped.get::<2>(module.a.id).expect("it is there"), FOUR_STEPS);
        fixture.assert_close(&key("b"), clipped.get::<1>(module.b.id).expect("it is there"), FOUR_STEPS);
        fixture.assert_close(&key("c"), clipped.get::<3>(module.c.id).expect("it is there"), FOUR_STEPS);
    }
}

#[test]
fn the_average_follows_the_weights() {
    let fixture = Fixture::open("ema");
    let device = Device::flex();
    let weights = fixture.tensor::<2>("parameters", &device);
    let decay = f64::from(fixture.values("decay")[0]);
    let [updates, width] = weights.dims();
    let row = |i: usize| weights.clone().slice([i..i + 1, 0..width]).reshape([width]);
    // One parameter by its id: average and weights are two states of the same.
    let mut average = linear(&row(0));
    let mut averages = vec![row(0).reshape([1, width])];
    for update in 1..updates {
        let mut now = average.clone();
        now.weight = Param::initialized(average.weight.id, row(update).reshape([1, width]));
        average = blend(average, &now, decay);
        averages.push(average.weight.val());
    }
    fixture.assert_close("average", Tensor::cat(averages, 0), FOUR_STEPS);
}

#[test]
fn the_learning_rate_rises_and_falls_as_in_torchvisions_references() {
    let fixture = Fixture::open("schedules");
    let total = fixture.data("multistep").shape()[0];
    let peak = fixture.data("peak").iter::<f64>().next().expect("one value");
    let warmup = fixture.integers("warmup_steps")[0] as usize;
    let milestones: Vec<f64> = fixture.integers("milestones").iter().map(|&m| m as f64 / total as f64).collect();
    let constant = Vec::new();
    for (name, schedule, milestones, warmup) in [
        ("multistep", Schedule::Multistep, &milestones, 0),
        ("warmup", Schedule::Multistep, &constant, warmup),
        ("warmup_multistep", Schedule::Multistep, &milestones, warmup),
        ("cosine", Schedule::Cosine, &constant, 0),
    ] {
        let rate = LearningRate { peak, schedule, milestones: milestones.clone(), warmup, total };
        for (step, want) in fixture.data(name).iter::<f64>().enumerate() {
            let got = rate.at(step);
            // Recorded in f32.
            assert!((got - want).abs() <= 1e-7 * peak, "{name} at step {step} is {got}, recorded is {want}");
        }
    }
}
