//! The loops against the same operations composed of Burn's, forward and backward, and against the twins. The loops are
//! called by themselves, not through the public functions: those could fall back to Burn's operations.

#![allow(
    clippy::unwrap_used,
    reason = "a kernel that does not run here, or a gradient that does not arrive, is a failure"
)]

use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;

use crate::{Activation, ConvShape, Padding, Pool, composed, gradients, twins};

pub(crate) const ACTIVATIONS: [Activation; 5] =
    [Activation::None, Activation::Relu, Activation::Relu6, Activation::HardSwish, Activation::HardSigmoid];

/// Odd and even sizes, planes of one element, of one row, smaller and larger than a register.
const SHAPES: [[usize; 4]; 6] =
    [[1, 3, 7, 9], [2, 5, 8, 5], [3, 4, 1, 1], [2, 2, 1, 3], [1, 2, 19, 10], [2, 3, 40, 33]];

/// Numbers between -1 and 1 that follow no pattern and are the same on every run.
pub(crate) fn numbers(length: usize, seed: u32) -> Vec<f32> {
    (0..length as u32)
        .map(|i| {
            let mixed = (i ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
            let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
            (mixed ^ (mixed >> 16)) as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect()
}

/// [`numbers`] on the CPU device, with gradients recorded.
pub(crate) fn noise<const D: usize>(shape: [usize; D], seed: u32) -> Tensor<D> {
    let values = numbers(shape.iter().product(), seed);
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
}

/// Zero to three zeros on each side.
pub(crate) fn paddings() -> impl Strategy<Value = Padding> {
    ([0..4usize, 0..4usize], [0..4usize, 0..4usize]).prop_map(|(before, after)| Padding { before, after })
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

/// Output, gradient by the input and gradient by the weights of a convolution, where the output's gradient is
/// [`noise`].
fn with_gradients(
    shape: &ConvShape,
    dims: [usize; 4],
    convolve: impl Fn(&Tensor<4>, &Tensor<4>) -> Tensor<4>,
) -> [Tensor<4>; 3] {
    let x = noise(dims, 1).require_grad();
    let weight =
        noise([shape.channels_out, shape.channels_in / shape.groups, shape.kernel, shape.kernel], 2).require_grad();
    let y = convolve(&x, &weight);
    let gradients = (y.clone() * noise(y.dims(), 3)).sum().backward();
    [y.inner(), x.grad(&gradients).unwrap(), weight.grad(&gradients).unwrap()]
}

/// Compares all three with those of Burn's own convolution.
fn like_burns(shape: &ConvShape, dims: [usize; 4], convolve: impl Fn(&Tensor<4>, &Tensor<4>) -> Tensor<4>) {
    let actual = with_gradients(shape, dims, convolve);
    let expected =
        with_gradients(shape, dims, |x, weight| composed::burns_convolution(x.clone(), weight.clone(), None, shape));
    for (what, (actual, expected)) in
        ["output", "input gradient", "weight gradient"].iter().zip(actual.into_iter().zip(expected))
    {
        assert_close(&format!("{what} of {dims:?} by {shape:?}"), actual, expected);
    }
}

#[test]
fn convolutions_like_burns() {
    for dims @ [_, channels, ..] in SHAPES {
        for stride in [1, 2] {
            let depthwise = ConvShape::depthwise(channels, 3);
            for shape in [depthwise, ConvShape::dense(channels, 5, 3), ConvShape::dense(channels, 5, 1)] {
                let shape = ConvShape { stride, ..shape };
                like_burns(&shape, dims, |x, weight| by_loops(x, weight, None, &shape));
            }
        }
    }
}

/// By the loops and by nothing else.
fn by_loops(x: &Tensor<4>, weight: &Tensor<4>, bias: Option<&Tensor<1>>, shape: &ConvShape) -> Tensor<4> {
    gradients::convolve(x, weight, bias, shape).unwrap()
}

/// The gradients go to the right tensors, through the activation, and from step to step: a convolution's memory is used
/// again as soon as its gradients are there.
#[test]
fn a_chain_of_convolutions_like_burns() {
    let shapes = [
        ConvShape { stride: 2, padding: Padding::same([30, 40], 3, 2, 1), ..ConvShape::dense(3, 8, 3) },
        ConvShape::depthwise(8, 3),
        ConvShape::dense(8, 40, 1),
        ConvShape { stride: 2, ..ConvShape::depthwise(40, 5) },
    ];
    let shapes = shapes.map(|shape| ConvShape { activation: Activation::Relu6, ..shape });
    let parameters: Vec<(Tensor<4>, Tensor<1>)> = shapes
        .iter()
        .map(|&ConvShape { channels_in, channels_out, groups, kernel, .. }| {
            let weight = noise([channels_out, channels_in / groups, kernel, kernel], 1);
            (weight.require_grad(), (noise([channels_out], 2) + 1.0).detach().require_grad())
        })
        .collect();
    let gradients = |convolve: &dyn Fn(&Tensor<4>, &Tensor<4>, &Tensor<1>, &ConvShape) -> Tensor<4>| {
        // Large enough for memory to be kept.
        let x = noise([8, 3, 30, 40], 3).require_grad();
        let chain = shapes.iter().zip(&parameters);
        let y = chain.fold(x.clone(), |x, (shape, (weight, bias))| convolve(&x, weight, bias, shape));
        let gradients = (y.clone() * noise(y.dims(), 4)).sum().backward();
        let by_x = x.grad(&gradients).unwrap();
        let by_parameters = parameters
            .iter()
            .map(|(weight, bias)| (weight.grad(&gradients).unwrap(), bias.grad(&gradients).unwrap()))
            .collect::<Vec<_>>();
        (y.inner(), by_x, by_parameters)
    };
    let expected = gradients(&|x, weight, bias, shape| {
        let sums = composed::burns_convolution(x.clone(), weight.clone(), Some(bias.clone()), shape);
        shape.activation.of_tensor(sums)
    });
    for step in ["first step", "second step"] {
        let actual = gradients(&|x, weight, bias, shape| by_loops(x, weight, Some(bias), shape));
        assert_close(step, actual.0, expected.0.clone());
        assert_close(step, actual.1, expected.1.clone());
        for (actual, expected) in actual.2.into_iter().zip(&expected.2) {
            assert_close(step, actual.0, expected.0.clone());
            assert_close(step, actual.1, expected.1.clone());
        }
    }
}

fn values(tensor: &Tensor<4>) -> Vec<f32> {
    tensor.clone().into_data().iter::<f32>().collect()
}

/// The products of two rows of numbers, summed.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Output and gradients against the twin, which is linear in its input and in its weights: for any other input `v`, the
/// input's gradient times `v` is the output's gradient times the convolution of `v`. Likewise for the weights.
fn like_the_twin(
    shape: &ConvShape,
    dims @ [batch, _, height, width]: [usize; 4],
    convolve: impl Fn(&Tensor<4>, &Tensor<4>) -> Tensor<4>,
) {
    let [y, by_x, by_weight] = with_gradients(shape, dims, convolve);
    let twin = |x: &[f32], weights: &[f32]| -> Vec<f32> {
        let pictures = x.chunks_exact(x.len() / batch);
        let shift = vec![0.0; shape.channels_out];
        pictures.flat_map(|picture| twins::convolve(shape, picture, [height, width], weights, &shift)).collect()
    };
    let [rows, columns] = shape.size_out([height, width]);
    assert_eq!(y.dims(), [batch, shape.channels_out, rows, columns], "{dims:?} by {shape:?}");
    let (x, weights) = (numbers(dims.iter().product(), 1), numbers(shape.weights(), 2));
    let close = |what: &str, actual: f64, expected: f64, scale: f64| {
        let error = (actual - expected).abs();
        assert!(error <= 2e-5 * scale.max(1.0), "{what} of {dims:?} by {shape:?}: {actual}, expected {expected}");
    };
    for (actual, expected) in values(&y).into_iter().zip(twin(&x, &weights)) {
        close("output", actual.into(), expected.into(), expected.abs().into());
    }
    let upstream = numbers(y.dims().iter().product(), 3);
    let magnitude = (upstream.len() as f64).sqrt();
    for seed in 10..13 {
        let (other_x, other_weights) = (numbers(x.len(), seed), numbers(weights.len(), seed));
        let by_twin = dot(&upstream, &twin(&other_x, &weights));
        close("input gradient", dot(&values(&by_x), &other_x), by_twin, magnitude);
        let by_twin = dot(&upstream, &twin(&x, &other_weights));
        close("weight gradient", dot(&values(&by_weight), &other_weights), by_twin, magnitude);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    // All ways of the public function, with the bias left out.
    #[test]
    fn convolutions_of_any_shape_are_the_twin(
        (batch, channels_in, channels_out, is_depthwise) in (1..3usize, 1..5usize, 1..5usize, any::<bool>()),
        (kernel, stride, dilation, size) in (1..5usize, 1..4usize, 1..3usize, [1..10usize, 1..10usize]),
        padding in prop_oneof![Just(Padding::NONE), paddings()],
    ) {
        let shape = if is_depthwise {
            ConvShape::depthwise(channels_in, kernel)
        } else {
            ConvShape::dense(channels_in, channels_out, kernel)
        };
        let shape = ConvShape { stride, dilation, padding, ..shape };
        prop_assume!(!shape.size_out(size).contains(&0));
        like_the_twin(&shape, [batch, channels_in, size[0], size[1]], |x, weight| {
            crate::convolve(x.clone(), weight.clone(), None, &shape)
        });
    }
}

#[test]
fn depthwise_without_gradients_is_the_same() {
    let shape = ConvShape { stride: 2, padding: Padding::same([9, 6], 3, 2, 1), ..ConvShape::depthwise(3, 3) };
    let (x, weight, bias) = (noise([2, 3, 9, 6], 1).inner(), noise([3, 1, 3, 3], 2).inner(), noise([3], 3).inner());
    let expected = composed::convolve(x.clone(), weight.clone(), Some(bias.clone()), &shape);
    assert_close("output", crate::convolve(x, weight, Some(bias), &shape), expected);
}

proptest! {
    // Few values, so that windows have several largest ones.
    #[test]
    fn poolings_like_burns(
        (kernel, stride, size) in (1..4usize, 1..4usize, [1..9usize, 1..12usize]),
        (before, after) in ([0..3usize, 0..3usize], [0..3usize, 0..3usize]),
    ) {
        let pool = Pool { kernel, stride, padding: Padding { before, after } };
        prop_assume!(pool.padding.sides().iter().all(|side| *side < kernel));
        prop_assume!(!pool.size_out(size).contains(&0));
        let run = |max_pool: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let x = noise([2, 3, size[0], size[1]], 1);
            let x = (x * 4.0).round().detach().require_grad();
            let y = max_pool(x.clone());
            let gradients = (y.clone() * noise(y.dims(), 3)).sum().backward();
            (y.inner(), x.grad(&gradients).unwrap())
        };
        let (y, by_x) = run(&|x| gradients::max_pool(&x, &pool).unwrap());
        let (expected_y, expected_by_x) = run(&|x| composed::max_pool(x, &pool));
        assert_close(&format!("output of {pool:?}"), y, expected_y);
        assert_close(&format!("gradient of {pool:?}"), by_x, expected_by_x);
    }
}

#[test]
fn a_pooling_keeps_nan() {
    let numbers = [1.0, f32::NAN, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    let pool = Pool { kernel: 2, stride: 2, padding: Padding::NONE };
    for size in [[2, 4], [4, 2]] {
        let x = Tensor::<4>::from_data(TensorData::new(numbers.to_vec(), [1, 1, size[0], size[1]]), &Device::flex());
        let y: Vec<f32> = gradients::max_pool(&x, &pool).unwrap().into_data().iter::<f32>().collect();
        assert!(y[0].is_nan() && y[1] == 7.0, "{y:?}");
    }
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
        for activation in ACTIVATIONS {
            // Hard-swish and hard sigmoid follow the loops as operations of their own.
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

/// A batch norm takes away mean and deviation, so no gradient can ask for more of either: what remains of the gradient
/// after its two correction terms is orthogonal to both.
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
    for activation in ACTIVATIONS {
        let (x, scale, shift) = (noise([2, 3, 5, 7], 8).inner(), noise([3], 9).inner() * 8.0, noise([3], 10).inner());
        let expected = composed::scale_shift(x.clone(), scale.clone(), shift.clone(), activation);
        assert_close(&format!("{activation:?}"), crate::scale_shift(x, scale, shift, activation), expected);
    }
}

#[test]
fn nan_stays_visible() {
    for activation in ACTIVATIONS {
        let device = Device::flex();
        let x = Tensor::full([1, 1, 5, 7], f32::NAN, &device);
        let y = crate::scale_shift(x, Tensor::ones([1], &device), Tensor::zeros([1], &device), activation);
        assert!(y.into_data().iter::<f32>().all(f32::is_nan), "{activation:?} hides a NaN");
    }
}

#[test]
fn pointwise_like_burns_convolution() {
    let shape = ConvShape::dense(5, 4, 1);
    like_burns(&shape, [3, 5, 6, 7], |x, weight| composed::pointwise_conv(x.clone(), weight.clone()));
}
