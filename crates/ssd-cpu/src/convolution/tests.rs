//! Every way of computing a convolution against the sum as it is written in a textbook.

#![allow(clippy::unwrap_used, reason = "what is not computed is a failure")]

use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;

use super::{Convolution, ConvolutionError, ConvolutionShape};
use crate::{Activation, Buffers, Map};

fn dense(channels_in: usize, channels_out: usize, kernel: usize) -> ConvolutionShape {
    ConvolutionShape {
        channels_in,
        channels_out,
        groups: 1,
        kernel,
        stride: 1,
        padding: kernel / 2,
        dilation: 1,
        activation: Activation::None,
    }
}

fn depthwise(channels: usize, stride: usize) -> ConvolutionShape {
    ConvolutionShape { groups: channels, stride, ..dense(channels, channels, 3) }
}

/// Numbers between -1 and 1 that follow no pattern and are the same on every run.
fn noise(length: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..length).map(|_| next()).collect()
}

/// `activation(input * weights + shift + residual)`, `[B, H, W, C]` like the maps.
fn textbook(
    shape: &ConvolutionShape,
    (input, [batch, _, height, width]): (&[f32], [usize; 4]),
    (weights, shift): (&[f32], &[f32]),
    residual: &[f32],
) -> Vec<f32> {
    let [height_out, width_out] = shape.size_out([height, width]).unwrap();
    let (per_group, kernel) = (shape.channels_in / shape.groups, shape.kernel);
    let mut out = Vec::new();
    for index in 0..batch * height_out * width_out {
        let (picture, y, x) = (index / (height_out * width_out), index / width_out % height_out, index % width_out);
        for o in 0..shape.channels_out {
            let mut sum = f64::from(shift[o]) + f64::from(residual[out.len()]);
            for (c, ky, kx) in
                (0..per_group * kernel * kernel).map(|i| (i / (kernel * kernel), i / kernel % kernel, i % kernel))
            {
                let row = (y * shape.stride + ky * shape.dilation).wrapping_sub(shape.padding);
                let column = (x * shape.stride + kx * shape.dilation).wrapping_sub(shape.padding);
                if row < height && column < width {
                    let channel = if shape.groups == 1 { c } else { o };
                    let number = input[((picture * height + row) * width + column) * shape.channels_in + channel];
                    sum += f64::from(number) * f64::from(weights[((o * per_group + c) * kernel + ky) * kernel + kx]);
                }
            }
            out.push(match shape.activation {
                Activation::None => sum as f32,
                Activation::Relu => sum.max(0.0) as f32,
                Activation::Relu6 => sum.clamp(0.0, 6.0) as f32,
                Activation::HardSwish => (sum * (sum + 3.0).clamp(0.0, 6.0) / 6.0) as f32,
                Activation::HardSigmoid => ((sum + 3.0).clamp(0.0, 6.0) / 6.0) as f32,
            });
        }
    }
    out
}

/// Runs `shape` on a noisy map, alone and onto another, and compares with the textbook.
fn check(shape: ConvolutionShape, batch: usize, [height, width]: [usize; 2]) {
    let dims = [batch, shape.channels_in, height, width];
    let weights = noise(shape.channels_out * shape.channels_in / shape.groups * shape.kernel * shape.kernel, 1);
    let shift = noise(shape.channels_out, 2);
    let input = noise(dims.iter().product(), 3);
    let convolution = Convolution::new(shape, &weights, &shift).unwrap();
    let map = Map::from_values(dims, input.clone(), &Buffers::default()).unwrap();

    let alone = convolution.run(&map).unwrap();
    let [height_out, width_out] = shape.size_out([height, width]).unwrap();
    assert_eq!(alone.dims(), [batch, shape.channels_out, height_out, width_out]);
    let none = vec![0.0; alone.values().len()];
    assert_close(&shape, alone.values(), &textbook(&shape, (&input, dims), (&weights, &shift), &none));

    let residual = noise(alone.values().len(), 4);
    let onto = Map::from_values(alone.dims(), residual.clone(), &Buffers::default()).unwrap();
    let onto = convolution.run_onto(&map, onto).unwrap();
    assert_close(&shape, onto.values(), &textbook(&shape, (&input, dims), (&weights, &shift), &residual));
}

/// Equal to 1e-5 of the largest expected number, or of 1.
fn assert_close(shape: &ConvolutionShape, actual: &[f32], expected: &[f32]) {
    assert_eq!(actual.len(), expected.len(), "{shape:?}");
    let largest = expected.iter().fold(1.0, |max: f32, number| max.max(number.abs()));
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!((actual - expected).abs() <= 1e-5 * largest, "{shape:?}: {actual} at {i}, expected {expected}");
    }
}

#[test]
fn the_shapes_of_the_networks() {
    // The first layers, whose windows are copied together.
    check(dense(3, 64, 3), 1, [15, 17]);
    check(ConvolutionShape { stride: 2, ..dense(3, 32, 3) }, 2, [21, 20]);
    // More channels than a block has; fc6 with its holes; the extras.
    check(dense(520, 40, 3), 1, [5, 7]);
    check(ConvolutionShape { dilation: 6, padding: 6, ..dense(20, 30, 3) }, 1, [19, 19]);
    check(ConvolutionShape { stride: 2, ..dense(40, 50, 3) }, 1, [19, 10]);
    check(ConvolutionShape { padding: 0, ..dense(40, 50, 3) }, 1, [3, 3]);
    check(dense(600, 24, 1), 2, [10, 10]);
    check(dense(64, 126, 1), 1, [1, 1]);
    for stride in [1, 2] {
        check(depthwise(144, stride), 2, [10, 13]);
        check(depthwise(37, stride), 1, [1, 4]);
    }
    check(ConvolutionShape { kernel: 5, padding: 2, ..depthwise(33, 1) }, 1, [9, 8]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_shape(
        (channels_in, channels_out, is_depthwise) in (1..70usize, 1..130usize, any::<bool>()),
        (kernel, stride, padding, dilation) in (1..4usize, 1..4usize, 0..3usize, 1..4usize),
        (batch, extra) in (1..3usize, [0..12usize, 0..12usize]),
        activation in prop::sample::select(vec![Activation::None, Activation::Relu, Activation::Relu6, Activation::HardSwish, Activation::HardSigmoid]),
    ) {
        let least = (dilation * (kernel - 1) + 1).saturating_sub(2 * padding).max(1);
        let (groups, channels_out) = if is_depthwise { (channels_in, channels_in) } else { (1, channels_out) };
        let shape = ConvolutionShape { channels_in, channels_out, groups, kernel, stride, padding, dilation, activation };
        check(shape, batch, extra.map(|extra| least + extra));
    }
}

#[test]
fn nan_stays_visible() {
    for shape in [dense(20, 20, 1), dense(3, 7, 3), depthwise(20, 1)] {
        for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
            let shape = ConvolutionShape { activation, ..shape };
            let weights =
                vec![1.0; shape.channels_out * shape.channels_in / shape.groups * shape.kernel * shape.kernel];
            let convolution = Convolution::new(shape, &weights, &vec![0.0; shape.channels_out]).unwrap();
            let nan = vec![f32::NAN; shape.channels_in * 12];
            let map = Map::from_values([1, shape.channels_in, 3, 4], nan, &Buffers::default()).unwrap();
            assert!(convolution.run(&map).unwrap().values().iter().all(|x| x.is_nan()), "{shape:?} hides a NaN");
        }
    }
}

#[test]
fn tensors_like_burns_convolution() {
    let tensor = |shape: [usize; 4], seed| {
        Tensor::<4>::from_data(TensorData::new(noise(shape.iter().product(), seed), shape), &Device::flex())
    };
    for channels in [3, 20] {
        let (x, weight) = (tensor([2, channels, 7, 9], 1), tensor([11, channels, 3, 3], 2));
        let options = burn::tensor::ops::ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let expected = burn::tensor::module::conv2d(x.clone(), weight, None, options);
        let weights = noise(11 * channels * 9, 2);
        let map = Map::from_tensor(x, &Buffers::default()).unwrap();
        let convolution = Convolution::new(dense(channels, 11, 3), &weights, &[0.0; 11]).unwrap();
        let actual = convolution.run(&map).unwrap().into_tensor();
        assert_eq!(actual.dims(), expected.dims());
        let error = (actual - expected).abs().max().into_scalar::<f32>();
        assert!(error < 1e-4, "{channels} channels: {error}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let shape = dense(2, 3, 3);
    let new = |shape, weights: usize, shift: usize| Convolution::new(shape, &vec![0.0; weights], &vec![0.0; shift]);
    assert_eq!(new(shape, 53, 3).unwrap_err(), ConvolutionError::Length { what: "weights", actual: 53, expected: 54 });
    assert_eq!(new(shape, 54, 2).unwrap_err(), ConvolutionError::Length { what: "shifts", actual: 2, expected: 3 });
    let groups = ConvolutionShape { groups: 2, ..dense(4, 4, 3) };
    assert_eq!(new(groups, 72, 4).unwrap_err(), ConvolutionError::Groups(groups));
    let still = ConvolutionShape { stride: 0, ..shape };
    assert_eq!(new(still, 54, 3).unwrap_err(), ConvolutionError::Zero(still));

    let convolution = new(ConvolutionShape { padding: 0, ..shape }, 54, 3).unwrap();
    let map = |dims: [usize; 4]| Map::from_values(dims, vec![0.0; dims.iter().product()], &Buffers::default()).unwrap();
    for dims in [[1, 3, 5, 5], [1, 2, 2, 5]] {
        let shape = *convolution.shape();
        assert_eq!(convolution.run(&map(dims)).unwrap_err(), ConvolutionError::Input { dims, shape });
    }
    assert_eq!(
        convolution.run_onto(&map([1, 2, 5, 5]), map([1, 3, 3, 2])).unwrap_err(),
        ConvolutionError::Residual { actual: [1, 3, 3, 2], expected: [1, 3, 3, 3] }
    );
}
