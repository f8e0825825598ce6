//! Every way of computing a convolution against its twin.

#![allow(clippy::unwrap_used, reason = "a convolution that is not computed is a failure")]

use burn::tensor::{Tensor, TensorData};
use proptest::prelude::*;

use super::{Convolution, ConvolutionError, Way};
use crate::tests::{ACTIVATIONS, noise, numbers, paddings};
use crate::{Activation, Buffers, ConvShape, Map, Padding, twins};

fn depthwise(channels: usize, stride: usize) -> ConvShape {
    ConvShape { stride, ..ConvShape::depthwise(channels, 3) }
}

/// A map's numbers as planes, `[B, C, H, W]`.
fn planes(map: Map) -> Vec<f32> {
    map.into_tensor().into_data().iter::<f32>().collect()
}

/// Runs `shape` on a noisy map in every way, alone and onto another, and compares with the twin.
fn check(shape: ConvShape, batch: usize, size: [usize; 2]) {
    let dims = [batch, shape.channels_in, size[0], size[1]];
    let weights = numbers(shape.weights(), 1);
    let shift = numbers(shape.channels_out, 2);
    let input = numbers(dims.iter().product(), 3);
    let convolution = Convolution::new(shape, &weights, &shift).unwrap();
    let buffers = Buffers::default();
    let map = Map::from_planes(dims, &input, &buffers).unwrap();
    let sums: Vec<f32> = {
        let shape = ConvShape { activation: Activation::None, ..shape };
        let pictures = input.chunks_exact(input.len() / batch);
        pictures.flat_map(|picture| twins::convolve(&shape, picture, size, &weights, &shift)).collect()
    };

    let [rows, columns] = shape.size_out(size);
    let dims = [batch, shape.channels_out, rows, columns];
    let residual = numbers(sums.len(), 4);
    let alone: Vec<f32> = sums.iter().map(|sum| shape.activation.of(*sum)).collect();
    let onto: Vec<f32> = sums.iter().zip(&residual).map(|(sum, more)| shape.activation.of(sum + more)).collect();
    for way in [Way::Taps, Way::Winograd] {
        // Winograd's transform mixes the sums of a tile, so its errors are a share of these, whatever the activation
        // leaves of a number.
        let scale = |expected| if way == Way::Taps { largest(expected) } else { largest(&sums) };
        let actual = convolution.run_by(&map, None, way).unwrap();
        assert_eq!(actual.dims(), dims);
        assert_close(&shape, &planes(actual), &alone, scale(&alone));
        let residual = Map::from_planes(dims, &residual, &buffers).unwrap();
        let actual = convolution.run_by(&map, Some(residual), way).unwrap();
        assert_close(&shape, &planes(actual), &onto, scale(&onto));
    }
}

/// The largest number without its sign, or 1.
fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(1.0, |max, number| max.max(number.abs()))
}

/// Equal to 1e-5 of `largest`.
fn assert_close(shape: &ConvShape, actual: &[f32], expected: &[f32], largest: f32) {
    assert_eq!(actual.len(), expected.len(), "{shape:?}");
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!((actual - expected).abs() <= 1e-5 * largest, "{shape:?}: {actual} at {i}, expected {expected}");
    }
}

#[test]
fn the_shapes_of_the_networks() {
    // The first layers, whose inputs are copied together; TensorFlow's padding of one.
    check(ConvShape::dense(3, 64, 3), 1, [15, 17]);
    check(ConvShape { stride: 2, ..ConvShape::dense(3, 32, 3) }, 2, [21, 20]);
    let same = Padding::same([20, 20], 3, 2, 1);
    check(ConvShape { stride: 2, padding: same, ..ConvShape::dense(3, 32, 3) }, 1, [20, 20]);
    check(ConvShape { padding: same, ..depthwise(40, 2) }, 1, [20, 20]);
    // More channels than a block has; fc6 with its holes; the extras.
    check(ConvShape::dense(520, 40, 3), 1, [5, 7]);
    check(ConvShape { dilation: 6, padding: Padding::even(6), ..ConvShape::dense(20, 30, 3) }, 1, [19, 19]);
    check(ConvShape { stride: 2, ..ConvShape::dense(40, 50, 3) }, 1, [19, 10]);
    check(ConvShape { padding: Padding::NONE, ..ConvShape::dense(40, 50, 3) }, 1, [3, 3]);
    check(ConvShape::dense(600, 24, 1), 2, [10, 10]);
    check(ConvShape::dense(64, 126, 1), 1, [1, 1]);
    for stride in [1, 2] {
        check(depthwise(144, stride), 2, [10, 13]);
        check(depthwise(37, stride), 1, [1, 4]);
    }
    check(ConvShape { kernel: 5, padding: Padding::even(2), ..depthwise(33, 1) }, 1, [9, 8]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_shape(
        (channels_in, channels_out, is_depthwise) in (1..70usize, 1..130usize, any::<bool>()),
        (kernel, stride, dilation) in (1..4usize, 1..4usize, 1..4usize),
        padding in paddings(),
        (batch, extra) in (1..3usize, [0..12usize, 0..12usize]),
        activation in prop::sample::select(ACTIVATIONS.to_vec()),
    ) {
        let reach = dilation * (kernel - 1) + 1;
        let least = padding.by_axis().map(|(before, after)| reach.saturating_sub(before + after).max(1));
        let (groups, channels_out) = if is_depthwise { (channels_in, channels_in) } else { (1, channels_out) };
        let shape = ConvShape { channels_in, channels_out, groups, kernel, stride, padding, dilation, activation };
        check(shape, batch, [least[0] + extra[0], least[1] + extra[1]]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn winograds_way_with_any_padding_and_channels_and_edges_inside_of_tiles(
        (channels_in, channels_out) in (8..50usize, 1..60usize),
        padding in paddings(),
        (batch, size) in (1..3usize, [3..40usize, 3..40usize]),
        activation in prop::sample::select(ACTIVATIONS.to_vec()),
    ) {
        let shape = ConvShape { padding, activation, ..ConvShape::dense(channels_in, channels_out, 3) };
        check(shape, batch, size);
    }
}

#[test]
fn winograds_way_in_several_rounds_groups_and_blocks() {
    // More tiles than are transformed together; transformed weights that are not kept, in one and in two blocks.
    for (channels_in, channels_out, size) in [(16, 40, [41, 59]), (180, 170, [38, 42]), (300, 100, [9, 13])] {
        let shape = ConvShape::dense(channels_in, channels_out, 3);
        let [map, weights] = [(size[0] * size[1] * channels_in, 1), (shape.weights(), 2)].map(|(n, i)| numbers(n, i));
        let convolution = Convolution::new(shape, &weights, &numbers(channels_out, 3)).unwrap();
        let map = Map::from_values([1, channels_in, size[0], size[1]], map, &Buffers::default()).unwrap();
        let [taps, winograd] = [Way::Taps, Way::Winograd].map(|way| convolution.run_by(&map, None, way).unwrap());
        assert_close(&shape, winograd.values(), taps.values(), largest(taps.values()));
    }
}

/// A NaN is in the outputs that read it, and beyond them at most in the outputs of the same tiles.
#[test]
fn nan_stays_in_its_neighbourhood_of_tiles() {
    let shape = ConvShape::dense(8, 8, 3);
    let convolution = Convolution::new(shape, &numbers(shape.weights(), 1), &[0.0; 8]).unwrap();
    let mut map = numbers(8 * 17 * 17, 2);
    map[(9 * 17 + 7) * 8 + 3] = f32::NAN;
    let map = Map::from_values([1, 8, 17, 17], map, &Buffers::default()).unwrap();
    let out = convolution.run_by(&map, None, Way::Winograd).unwrap();
    for (i, numbers) in out.values().chunks_exact(8).enumerate() {
        let (y, x) = (i / 17, i % 17);
        if (8..=10).contains(&y) && (6..=8).contains(&x) {
            assert!(numbers.iter().all(|number| number.is_nan()), "{y} {x} hides a NaN");
        } else if !(8..12).contains(&y) || !(4..12).contains(&x) {
            assert!(numbers.iter().all(|number| !number.is_nan()), "{y} {x} does not read the NaN");
        }
    }
}

#[test]
fn nan_stays_visible() {
    for shape in [ConvShape::dense(20, 20, 1), ConvShape::dense(20, 20, 3), ConvShape::dense(3, 7, 3), depthwise(20, 1)]
    {
        for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
            let shape = ConvShape { activation, ..shape };
            let convolution =
                Convolution::new(shape, &vec![1.0; shape.weights()], &vec![0.0; shape.channels_out]).unwrap();
            let nan = vec![f32::NAN; shape.channels_in * 12];
            let map = Map::from_values([1, shape.channels_in, 3, 4], nan, &Buffers::default()).unwrap();
            for way in [Way::Taps, Way::Winograd] {
                let out = convolution.run_by(&map, None, way).unwrap();
                assert!(out.values().iter().all(|x| x.is_nan()), "{shape:?} hides a NaN in {way:?}");
            }
        }
    }
}

#[test]
fn tensors_like_burns_convolution() {
    for channels in [3, 20] {
        let shape = ConvShape::dense(channels, 11, 3);
        let (x, weights) = (noise([2, channels, 7, 9], 1).inner(), numbers(shape.weights(), 2));
        let weight = Tensor::<4>::from_data(TensorData::new(weights.clone(), [11, channels, 3, 3]), &x.device());
        let expected = crate::composed::burns_convolution(x.clone(), weight, None, &shape);
        let map = Map::from_tensor(x, &Buffers::default()).unwrap();
        let convolution = Convolution::new(shape, &weights, &[0.0; 11]).unwrap();
        let actual = convolution.run(&map).unwrap().into_tensor();
        assert_eq!(actual.dims(), expected.dims());
        let error = (actual - expected).abs().max().into_scalar::<f32>();
        assert!(error < 1e-4, "{channels} channels: {error}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let shape = ConvShape::dense(2, 3, 3);
    let new = |shape, weights: usize, shift: usize| Convolution::new(shape, &vec![0.0; weights], &vec![0.0; shift]);
    assert_eq!(new(shape, 53, 3).unwrap_err(), ConvolutionError::Length { what: "weights", actual: 53, expected: 54 });
    assert_eq!(new(shape, 54, 2).unwrap_err(), ConvolutionError::Length { what: "shifts", actual: 2, expected: 3 });
    let groups = ConvShape { groups: 2, ..ConvShape::dense(4, 4, 3) };
    assert_eq!(new(groups, 72, 4).unwrap_err(), ConvolutionError::Groups(groups));
    let still = ConvShape { stride: 0, ..shape };
    assert_eq!(new(still, 54, 3).unwrap_err(), ConvolutionError::Zero(still));

    let convolution = new(ConvShape { padding: Padding::NONE, ..shape }, 54, 3).unwrap();
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
