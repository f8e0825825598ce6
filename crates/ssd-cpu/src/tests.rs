//! The kernels against the same operations composed from Burn's, forward and backward. The kernels are called by themselves, not through
//! the public functions: those could fall back to what they are compared with.

#![allow(
    clippy::unwrap_used,
    reason = "a kernel that does not run here, or a gradient that does not arrive, is a failure"
)]

use burn::tensor::{Device, Tensor, TensorData};

use crate::{Activation, composed, gradients};

/// Odd and even sizes, planes of one element, of one row, smaller and larger than a register.
const SHAPES: [[usize; 4]; 6] =
    [[1, 3, 7, 9], [2, 5, 8, 5], [3, 4, 1, 1], [2, 2, 1, 3], [1, 2, 19, 10], [2, 3, 40, 33]];

/// Numbers between -1 and 1 that follow no pattern and are the same on every run.
fn noise<const D: usize>(shape: [usize; D], seed: u32) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>() as u32)
        .map(|i| {
            let mixed = (i ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
            let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
            (mixed ^ (mixed >> 16)) as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
}

/// Largest difference, relative to the largest expected value where that is above 1.
fn assert_close<const D: usize>(what: &str, actual: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(actual.dims(), expected.dims(), "{what}");
    let (actual, expected) = (actual.into_data(), expected.into_data());
    let largest = expected.iter::<f32>().fold(1.0, |max: f32, value| max.max(value.abs()));
    for (i, (actual, expected)) in actual.iter::<f32>().zip(expected.iter::<f32>()).enumerate() {
        let error = (actual - expected).abs() / largest;
        assert!(error < 2e-5, "{what}: {actual} at {i}, expected {expected}");
    }
}

#[test]
fn depthwise_like_burns() {
    for (case, shape) in SHAPES.into_iter().enumerate() {
        for stride in [1, 2] {
            let run = |conv: &dyn Fn(&Tensor<4>, &Tensor<4>) -> Tensor<4>| {
                let x = noise(shape, case as u32).require_grad();
                let weight = noise([shape[1], 1, 3, 3], 100).require_grad();
                let y = conv(&x, &weight);
                let gradients = (y.clone() * noise(y.dims(), 200)).sum().backward();
                (y.inner(), x.grad(&gradients).unwrap(), weight.grad(&gradients).unwrap())
            };
            let actual = run(&|x, weight| gradients::depthwise_conv3x3(x, weight, stride).unwrap());
            let expected = run(&|x, weight| composed::depthwise_conv3x3(x.clone(), weight.clone(), stride));
            assert_close(&format!("output of {shape:?} stride {stride}"), actual.0, expected.0);
            assert_close(&format!("input gradient of {shape:?} stride {stride}"), actual.1, expected.1);
            assert_close(&format!("weight gradient of {shape:?} stride {stride}"), actual.2, expected.2);
        }
    }
}

#[test]
fn depthwise_without_gradients_is_the_same() {
    let (x, weight) = (noise([2, 3, 9, 6], 1).inner(), noise([3, 1, 3, 3], 2).inner());
    let expected = composed::depthwise_conv3x3(x.clone(), weight.clone(), 2);
    assert_close("output", crate::depthwise_conv3x3(x, weight, 2), expected);
}

/// Output, mean and variance, as a batch norm returns them.
type Normed = (Tensor<4>, Tensor<1>, Tensor<1>);

/// What `run` returns, and the gradients by gamma, beta and `x`.
fn norm(
    shape: [usize; 4],
    run: &dyn Fn(&Tensor<4>, &Tensor<1>, &Tensor<1>) -> Normed,
) -> (Tensor<4>, Tensor<1>, Tensor<1>, [Tensor<1>; 2], Tensor<4>) {
    let x = (noise(shape, 3) * 2.0 + 0.5).detach().require_grad();
    // Wide enough that values fall below 0, between, and above 6.
    let gamma = (noise([shape[1]], 4) * 4.0 + 5.0).detach().require_grad();
    let beta = (noise([shape[1]], 5) + 2.0).detach().require_grad();
    let (y, mean, variance) = run(&x, &gamma, &beta);
    let gradients = (y.clone() * noise(shape, 6)).sum().backward();
    let by = |t: Tensor<1>| t.grad(&gradients).unwrap();
    (y.inner(), mean.inner(), variance.inner(), [by(gamma), by(beta)], x.grad(&gradients).unwrap())
}

#[test]
fn batch_norm_like_burns() {
    // A channel of a single value has no deviation to divide by: its gradient is rounding times one over epsilon.
    for shape in SHAPES.into_iter().filter(|&[batch, _, height, width]| batch * height * width > 3) {
        for activation in
            [Activation::None, Activation::Relu, Activation::Relu6, Activation::HardSwish, Activation::HardSigmoid]
        {
            // Hard-swish follows the loops as an operation of its own.
            let actual = norm(shape, &|x, g, b| match activation {
                Activation::HardSwish | Activation::HardSigmoid => {
                    crate::batch_norm_train(x.clone(), g.clone(), b.clone(), 1e-5, activation)
                }
                _ => gradients::batch_norm_train(x, g, b, 1e-5, activation).unwrap(),
            });
            let expected =
                norm(shape, &|x, g, b| composed::batch_norm_train(x.clone(), g.clone(), b.clone(), 1e-5, activation));
            let what = |part: &str| format!("{part} of {shape:?} with {activation:?}");
            assert_close(&what("output"), actual.0, expected.0);
            assert_close(&what("mean"), actual.1, expected.1);
            assert_close(&what("variance"), actual.2, expected.2);
            let ([gamma, beta], [expected_gamma, expected_beta]) = (actual.3, expected.3);
            assert_close(&what("gradient by gamma"), gamma, expected_gamma);
            assert_close(&what("gradient by beta"), beta, expected_beta);
            assert_close(&what("gradient by x"), actual.4, expected.4);
        }
    }
}

/// A batch norm takes away mean and deviation, so no gradient can ask for more of either: what remains of the gradient after its
/// two correction terms is orthogonal to both.
#[test]
fn batch_norm_gradient_goes_through_the_statistics() {
    let shape = [2, 3, 11, 6];
    let (y, _, _, _, gradient) =
        norm(shape, &|x, g, b| gradients::batch_norm_train(x, g, b, 1e-5, Activation::None).unwrap());
    let largest = gradient.clone().abs().max().into_scalar::<f32>();
    assert!(largest > 0.1, "a gradient without size proves nothing");
    for (what, sums) in [("mean", gradient.clone()), ("deviation", gradient * y)] {
        for sum in sums.sum_dims(&[0, 2, 3]).into_data().iter::<f32>() {
            assert!(sum.abs() < 1e-3 * largest, "the gradient moves the {what} of a channel by {sum}");
        }
    }
}

#[test]
fn variance_of_values_far_from_zero() {
    let spread = noise([2, 2, 30, 30], 7).inner();
    let channel = |t: Tensor<4>| t.into_data().iter::<f32>().collect::<Vec<_>>();
    let x = Tensor::from_inner(spread + 1000.0);
    let values = channel(x.clone().inner().slice([0..2, 0..1]));
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let expected = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / values.len() as f64;

    let one = || Tensor::from_inner(Tensor::ones([2], &Device::flex()));
    let (_, _, variance) = gradients::batch_norm_train(&x, &one(), &one(), 1e-5, Activation::None).unwrap();
    let variance = f64::from(variance.inner().into_data().iter::<f32>().next().unwrap());
    assert!((variance - expected).abs() < 1e-5 * expected, "{variance}, expected {expected}");
}

#[test]
fn scale_shift_like_burns() {
    for activation in
        [Activation::None, Activation::Relu, Activation::Relu6, Activation::HardSwish, Activation::HardSigmoid]
    {
        let (x, scale, shift) = (noise([2, 3, 5, 7], 8).inner(), noise([3], 9).inner() * 8.0, noise([3], 10).inner());
        let expected = composed::scale_shift(x.clone(), scale.clone(), shift.clone(), activation);
        assert_close(&format!("{activation:?}"), crate::scale_shift(x, scale, shift, activation), expected);
    }
}

#[test]
fn nan_stays_visible() {
    for activation in
        [Activation::None, Activation::Relu, Activation::Relu6, Activation::HardSwish, Activation::HardSigmoid]
    {
        let device = Device::flex();
        let x = Tensor::full([1, 1, 5, 7], f32::NAN, &device);
        let y = crate::scale_shift(x, Tensor::ones([1], &device), Tensor::zeros([1], &device), activation);
        assert!(y.into_data().iter::<f32>().all(f32::is_nan), "{activation:?} hides a NaN");
    }
}

#[test]
fn pointwise_like_burns_convolution() {
    let run = |conv: &dyn Fn(Tensor<4>, Tensor<4>) -> Tensor<4>| {
        let (x, weight) = (noise([3, 5, 6, 7], 11).require_grad(), noise([4, 5, 1, 1], 12).require_grad());
        let y = conv(x.clone(), weight.clone());
        let gradients = (y.clone() * noise(y.dims(), 13)).sum().backward();
        (y.inner(), x.grad(&gradients).unwrap(), weight.grad(&gradients).unwrap())
    };
    let actual = run(&crate::pointwise_conv);
    let expected = run(&|x, weight| {
        let options = burn::tensor::ops::ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
        burn::tensor::module::conv2d(x, weight, None, options)
    });
    assert_close("output", actual.0, expected.0);
    assert_close("input gradient", actual.1, expected.1);
    assert_close("weight gradient", actual.2, expected.2);
}
