//! Maps, their memory and their operations, against Burn's.

#![allow(clippy::unwrap_used, reason = "a map that is not made is a failure")]

use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};
use proptest::prelude::*;

use crate::tests::{noise, numbers, paddings};
use crate::{Buffers, Map, Padding, Pool, twins};

fn random(shape: [usize; 4]) -> Tensor<4> {
    noise(shape, 1).inner()
}

fn assert_close(actual: Tensor<4>, expected: Tensor<4>, tolerance: f32) {
    assert_eq!(actual.dims(), expected.dims());
    let error = (actual - expected).abs().max().into_scalar::<f32>();
    assert!(error <= tolerance, "off by {error}");
}

#[test]
fn tensors_there_and_back() {
    for channels in [1, 3, 40] {
        let x = random([2, channels, 5, 7]);
        let map = Map::from_tensor(x.clone(), &Buffers::default()).unwrap();
        let by_position: Vec<f32> = x.clone().permute([0, 2, 3, 1]).into_data().iter::<f32>().collect();
        assert_eq!(map.values(), by_position);
        assert_close(map.into_tensor(), x, 0.0);
    }
    assert!(Map::from_tensor(random([1, 3, 2, 2]).autodiff(), &Buffers::default()).is_none(), "it records gradients");
}

#[test]
fn max_pool_like_burns() {
    for (kernel, stride, padding, ceil) in [(2, 2, 0, false), (2, 2, 0, true), (3, 1, 1, false), (3, 2, 1, false)] {
        let x = random([2, 21, 15, 9]) - 2.0;
        let mut options = MaxPoolOptions::new([kernel; 2]);
        options.stride = [stride; 2];
        options.padding = [(padding, padding); 2];
        options.ceil_mode = ceil;
        let expected = burn::tensor::module::max_pool2d(x.clone(), options);
        let rounding = if ceil { stride - 1 } else { 0 };
        let padding = Padding { after: [padding + rounding; 2], ..Padding::even(padding) };
        let map = Map::from_tensor(x, &Buffers::default()).unwrap();
        assert_close(map.max_pool(&Pool { kernel, stride, padding }).into_tensor(), expected, 0.0);
    }
}

proptest! {
    #[test]
    fn max_pool_with_any_padding_is_the_twin(
        (kernel, stride) in (1..5usize, 1..4usize),
        size in [1..10usize, 1..10usize],
        padding in paddings(),
    ) {
        prop_assume!(padding.sides().iter().all(|side| *side < kernel));
        let pool = Pool { kernel, stride, padding };
        let [rows, columns] = pool.size_out(size);
        prop_assume!(rows * columns > 0);
        let planes = numbers(2 * 3 * size[0] * size[1], 1);
        let map = Map::from_planes([2, 3, size[0], size[1]], &planes, &Buffers::default()).unwrap();
        let actual = map.max_pool(&pool);
        prop_assert_eq!(actual.dims(), [2, 3, rows, columns]);
        let actual: Vec<f32> = actual.into_tensor().into_data().iter::<f32>().collect();
        // The twin takes the channels of both pictures for those of one.
        prop_assert_eq!(actual, twins::max_pool(&pool, &planes, size));
    }
}

#[test]
fn max_pool_shows_nan() {
    let values = vec![0.0, f32::NAN, 1.0, 2.0];
    let map = Map::from_values([1, 1, 2, 2], values, &Buffers::default()).unwrap();
    assert!(map.max_pool(&Pool { kernel: 2, stride: 2, padding: Padding::NONE }).values()[0].is_nan());
}

#[test]
fn l2_norm_like_burns() {
    let (x, scale) = (random([2, 37, 3, 5]), [0.5, 2.0].repeat(19));
    let factors = Tensor::<1>::from_floats(&scale[..37], &Device::flex()).reshape([1, 37, 1, 1]);
    let expected = x.clone() / (x.clone().square().sum_dim(1) + 1e-10).sqrt() * factors;
    let map = Map::from_tensor(x, &Buffers::default()).unwrap();
    assert_close(map.l2_norm(&scale[..37]).into_tensor(), expected, 1e-5);
}

#[test]
fn memory_is_used_again_but_never_shared() {
    let buffers = Buffers::default();
    let map = Map::from_values([1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0], &buffers).unwrap();
    let address = map.values().as_ptr();
    let clone = map.clone();
    let doubled = {
        let mut copy = map.into_buffer();
        copy.values_mut().iter_mut().for_each(|x| *x *= 2.0);
        copy
    };
    assert_eq!(clone.values(), [1.0, 2.0, 3.0, 4.0], "the clone changed");
    assert_eq!(doubled.values(), [2.0, 4.0, 6.0, 8.0]);
    drop(clone);
    let again = buffers.take(3);
    assert_eq!(again.values().as_ptr(), address);
    assert_eq!(again.values().len(), 3);
}

#[test]
fn averages_and_factors_like_burns() {
    let x = random([2, 21, 15, 9]);
    let factors = noise([2, 21, 1, 1], 2).inner();
    let map = |x: Tensor<4>| Map::from_tensor(x, &Buffers::default()).unwrap();
    assert_close(map(x.clone()).average().into_tensor(), x.clone().mean_dims(&[2, 3]), 1e-6);
    assert_close(map(x.clone()).scale(&map(factors.clone())).unwrap().into_tensor(), x.clone() * factors, 0.0);
    assert!(map(x.clone()).scale(&map(x)).is_none(), "one factor for each channel");
}
