//! The layers of `ssd::model` against PyTorch's: forward everywhere, backward where the gradient is our own or easy to
//! lose.

use burn::module::{Param, RunningState};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{BatchNorm, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::Gradients;
use ssd::model::{ConvUnit, ConvUnitConfig, L2Norm};
use ssd_cpu::Activation;

use super::{FEW_ROUNDINGS, Fixture, Tolerance};

/// Through two batch norms: each divides by a deviation that was itself computed from up to 90 rounded values.
const TWO_NORMS: Tolerance = Tolerance { absolute: 2e-5, relative: 2e-5 };

/// Gradients of the same: sums of terms that nearly cancel, since a norm's gradient has no mean.
const TWO_NORMS_BACKWARD: Tolerance = Tolerance { absolute: 1e-4, relative: 1e-4 };

/// A parameter with recorded values.
fn param<const D: usize>(fixture: &Fixture, key: &str, device: &Device) -> Param<Tensor<D>> {
    Param::from_data(fixture.data(key), device)
}

/// The gradient of a leaf; a leaf that got none fails the test.
fn gradient<const D: usize>(leaf: &Tensor<D>, gradients: &Gradients, key: &str) -> Tensor<D> {
    leaf.grad(gradients).unwrap_or_else(|| panic!("no gradient reached {key}"))
}

#[test]
fn l2_norm_and_its_gradients() {
    let fixture = Fixture::open("layers");
    let device = Device::flex().autodiff();
    let mut layer = L2Norm::new(8, &device);
    layer.scale = param(&fixture, "l2norm.scale", &device);
    let input = fixture.tensor::<4>("l2norm.input", &device).require_grad();

    let output = layer.forward(input.clone());
    fixture.assert_close("l2norm.output", output.clone().inner(), Tolerance { absolute: 2e-5, relative: 2e-6 });

    let gradients = (output * fixture.tensor("l2norm.upstream", &device)).sum().backward();
    // At the cell of zeros the gradient is 20 / sqrt(eps), millions; around it a few units.
    let tolerance = Tolerance { absolute: 5e-5, relative: 1e-5 };
    fixture.assert_close("l2norm.grad_input", gradient(&input, &gradients, "input"), tolerance);
    fixture.assert_close("l2norm.grad_scale", gradient(&layer.scale.val(), &gradients, "scale"), tolerance);
}

#[test]
fn poolings_of_vgg() {
    let fixture = Fixture::open("layers");
    let device = Device::flex();
    let input = || fixture.tensor::<4>("pool.input", &device);
    let exact = Tolerance { absolute: f32::MIN_POSITIVE, relative: 0.0 };

    let pool3 = MaxPool2dConfig::new([2, 2]).with_ceil_mode(true).init();
    fixture.assert_close("pool.ceil_2x2_s2", pool3.forward(input()), exact);

    let same = PaddingConfig2d::Explicit(1, 1, 1, 1);
    let pool5 = MaxPool2dConfig::new([3, 3]).with_strides([1, 1]).with_padding(same).init();
    fixture.assert_close("pool.same_3x3_s1_p1", pool5.forward(input()), exact);
}

#[test]
fn dilated_convolution() {
    let fixture = Fixture::open("layers");
    let device = Device::flex();
    let mut unit = ConvUnitConfig::new(2, 3, 3).dilation(6).activation(Activation::None).init(&device);
    unit.conv.weight = param(&fixture, "dilated.weight", &device);
    unit.conv.bias = Some(param(&fixture, "dilated.bias", &device));
    fixture.assert_close("dilated.output", unit.forward(fixture.tensor("dilated.input", &device)), FEW_ROUNDINGS);
}

/// A depthwise unit with ReLU6 and a pointwise one without activation, both with norm: 4 channels to 6.
struct Separable {
    depthwise: ConvUnit,
    pointwise: ConvUnit,
}

impl Separable {
    /// The units with the recorded weights, gammas and betas.
    fn load(fixture: &Fixture, case: &str, stride: usize, device: &Device) -> Self {
        let depthwise = ConvUnitConfig::depthwise(4, 3).stride(stride).norm(true).activation(Activation::Relu6);
        let pointwise = ConvUnitConfig::new(4, 6, 1).norm(true).activation(Activation::None);
        let mut units = Self { depthwise: depthwise.init(device), pointwise: pointwise.init(device) };
        for (name, unit) in [("depthwise", &mut units.depthwise), ("pointwise", &mut units.pointwise)] {
            unit.conv.weight = param(fixture, &format!("{case}.{name}.weight"), device);
            let norm = unit.norm.as_mut().expect("the unit was configured with a norm");
            norm.gamma = param(fixture, &format!("{case}.{name}_norm.gamma"), device);
            norm.beta = param(fixture, &format!("{case}.{name}_norm.beta"), device);
        }
        units
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.pointwise.forward(self.depthwise.forward(x))
    }

    /// Each norm with the first part of its recorded name.
    fn norms(&mut self) -> [(&'static str, &mut BatchNorm); 2] {
        [("depthwise", &mut self.depthwise), ("pointwise", &mut self.pointwise)]
            .map(|(name, unit)| (name, unit.norm.as_mut().expect("the unit was configured with a norm")))
    }
}

#[test]
fn separable_block_in_evaluation() {
    let fixture = Fixture::open("layers");
    let device = Device::flex();
    let mut block = Separable::load(&fixture, "separable", 2, &device);
    for (name, norm) in block.norms() {
        let recorded = |statistic: &str| fixture.tensor(&format!("separable.{name}_norm.{statistic}"), &device);
        norm.running_mean = RunningState::new(recorded("running_mean"));
        norm.running_var = RunningState::new(recorded("running_var"));
    }
    let output = block.forward(fixture.tensor("separable.input", &device));
    fixture.assert_close("separable.output", output, TWO_NORMS);
}

#[test]
fn separable_block_in_training() {
    for (case, stride) in [("train_s1", 1), ("train_s2", 2)] {
        let fixture = Fixture::open("layers");
        let device = Device::flex().autodiff();
        let mut block = Separable::load(&fixture, case, stride, &device);
        let input = fixture.tensor::<4>(&format!("{case}.input"), &device).require_grad();

        let output = block.forward(input.clone());
        fixture.assert_close(&format!("{case}.output"), output.clone().inner(), TWO_NORMS);

        let gradients = (output * fixture.tensor(&format!("{case}.upstream"), &device)).sum().backward();
        let check = |key: &str, got: Tensor<1>| {
            let key = format!("{case}.grad.{key}");
            let recorded = fixture.values(&key);
            let got: Vec<f32> = got.into_data().iter::<f32>().collect();
            super::assert_values_close(&key, &got, &recorded, TWO_NORMS_BACKWARD);
        };
        check("input", gradient(&input, &gradients, "input").flatten(0, 3));
        for (name, unit) in [("depthwise", &block.depthwise), ("pointwise", &block.pointwise)] {
            check(&format!("{name}.weight"), gradient(&unit.conv.weight.val(), &gradients, name).flatten(0, 3));
        }
        for (name, norm) in block.norms() {
            check(&format!("{name}_norm.gamma"), gradient(&norm.gamma.val(), &gradients, name));
            check(&format!("{name}_norm.beta"), gradient(&norm.beta.val(), &gradients, name));
            assert_running_statistics(&fixture, case, name, norm);
        }
    }
}

/// After one step from mean 0 and variance 1 the running statistics have moved by Burn's momentum, 0.1, to the batch's.
/// The variance is the biased one; PyTorch's running variance takes the unbiased one.
fn assert_running_statistics(fixture: &Fixture, case: &str, name: &str, norm: &BatchNorm) {
    let running =
        [("batch_mean", norm.running_mean.value_sync(), 0.0), ("batch_variance", norm.running_var.value_sync(), 1.0)];
    for (statistic, state, start) in running {
        let key = format!("{case}.{name}_norm.{statistic}");
        let expected: Vec<f32> = fixture.values(&key).iter().map(|batch| 0.9 * start + 0.1 * batch).collect();
        let got: Vec<f32> = state.into_data().iter::<f32>().collect();
        super::assert_values_close(&format!("running {key}"), &got, &expected, TWO_NORMS);
    }
}
