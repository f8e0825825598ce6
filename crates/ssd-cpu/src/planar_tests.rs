//! The loops over planes, forward and backward, against their twins.

#![allow(clippy::unwrap_used, reason = "a thread that does not start is a failure")]

use proptest::prelude::*;

use crate::planes::threads;
use crate::tests::{numbers, paddings};
use crate::upstream::Upstream;
use crate::{Activation, ConvShape, Padding, dense, depthwise, twins};

/// Output, and gradients by input, weights and bias.
type Results = [Vec<f32>; 4];

/// A convolution and its input; the weights are such that a ReLU6 lets about half of its numbers through.
struct Problem {
    shape: ConvShape,
    batch: usize,
    size: [usize; 2],
    x: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Problem {
    fn new(shape: ConvShape, batch: usize, size: [usize; 2]) -> Self {
        let x = numbers(batch * shape.channels_in * size[0] * size[1], 1);
        let weights = numbers(shape.weights(), 2).iter().map(|weight| weight * 3.0).collect();
        let bias = numbers(shape.channels_out, 3).iter().map(|bias| bias + 2.0).collect();
        Self { shape, batch, size, x, weights, bias }
    }

    fn gradient(&self) -> Vec<f32> {
        let [rows, columns] = self.shape.size_out(self.size);
        numbers(self.batch * self.shape.channels_out * rows * columns, 4)
    }

    fn by_twins(&self) -> Results {
        let Self { shape, batch, size, x, weights, bias } = self;
        let gradient = self.gradient();
        let mut all: Results = [vec![], vec![], vec![0.0; weights.len()], vec![0.0; bias.len()]];
        for (x, gradient) in x.chunks_exact(x.len() / batch).zip(gradient.chunks_exact(gradient.len() / batch)) {
            let output = twins::convolve(shape, x, *size, weights, bias);
            let [by_x, by_weights, by_bias] =
                twins::convolve_gradients(shape, x, *size, weights, &output, gradient).unwrap();
            all[0].extend(output);
            all[1].extend(by_x);
            all[2].iter_mut().zip(by_weights).for_each(|(sum, more)| *sum += more);
            all[3].iter_mut().zip(by_bias).for_each(|(sum, more)| *sum += more);
        }
        all
    }

    /// The gradients follow the numbers of `output`: rounding may not decide where its activation clamped.
    fn by_loops(&self, output: &[f32]) -> Results {
        let Self { shape, size, x, weights, bias, .. } = self;
        let bounds = shape.activation.bounds().unwrap();
        let gradient = &self.gradient();
        let upstream = Upstream { gradient, clamped: Some((output, bounds)) };
        if shape.groups == 1 {
            let (by_weights, by_bias) = dense::by_weight(shape, x, *size, upstream);
            let by_x = dense::by_input(shape, *size, upstream, weights);
            return [dense::forward(shape, x, *size, weights, bias, bounds), by_x, by_weights, by_bias];
        }
        let [by_x, by_weights, by_bias] = depthwise::backward(shape, x, *size, weights, upstream);
        [depthwise::forward(shape, x, *size, weights, bias, bounds), by_x, by_weights, by_bias]
    }

    fn check(&self) {
        let expected = self.by_twins();
        let actual = self.by_loops(&expected[0]);
        let names = ["output", "gradient by input", "gradient by weights", "gradient by bias"];
        for (name, (actual, expected)) in names.iter().zip(actual.iter().zip(&expected)) {
            assert_eq!(actual.len(), expected.len(), "{name} of {:?}", self.shape);
            let largest = expected.iter().fold(1.0, |max: f32, number| max.max(number.abs()));
            for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                let is_close = (actual - expected).abs() <= 2e-5 * largest;
                assert!(is_close, "{name} of {:?} at {i}: {actual}, expected {expected}", self.shape);
            }
        }
    }
}

fn clamps() -> impl Strategy<Value = Activation> {
    prop::sample::select(vec![Activation::None, Activation::Relu, Activation::Relu6])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn any_convolution_is_its_twins(
        (channels_in, channels_out, is_depthwise) in (1..20usize, 1..40usize, any::<bool>()),
        (kernel, stride, dilation) in (1..6usize, 1..4usize, 1..3usize),
        padding in prop_oneof![Just(Padding::NONE), paddings()],
        (batch, size) in (1..4usize, [1..14usize, 1..24usize]),
        activation in clamps(),
    ) {
        let (groups, channels_out) = if is_depthwise { (channels_in, channels_in) } else { (1, channels_out) };
        let shape = ConvShape { channels_in, channels_out, groups, kernel, stride, padding, dilation, activation };
        prop_assume!(!shape.size_out(size).contains(&0));
        Problem::new(shape, batch, size).check();
    }
}

/// Sums of several blocks, bands of several rows and rows of several bands, more weights than have sums of their own
/// for each picture.
#[test]
fn large_convolutions_are_their_twins() {
    for (shape, size) in [
        (ConvShape::dense(300, 20, 1), [3, 5]),
        (ConvShape::dense(5, 300, 1), [21, 37]),
        (ConvShape { stride: 2, padding: Padding::same([10; 2], 3, 2, 1), ..ConvShape::dense(40, 200, 3) }, [10, 10]),
        (ConvShape::dense(3, 4, 3), [4, 300]),
        (ConvShape::depthwise(2, 9), [11, 12]),
        (ConvShape { padding: Padding::same([80; 2], 3, 2, 1), stride: 2, ..ConvShape::depthwise(3, 3) }, [80, 80]),
    ] {
        Problem::new(ConvShape { activation: Activation::Relu6, ..shape }, 2, size).check();
    }
}

/// Training goes on after an interruption to the same weights, whatever the machine's threads are doing.
#[test]
fn the_number_of_threads_changes_no_bit() {
    for (shape, size) in [
        (ConvShape::dense(24, 48, 1), [12, 11]),
        (ConvShape::dense(260, 300, 1), [5, 5]),
        (ConvShape { stride: 2, padding: Padding::same([9, 10], 3, 2, 1), ..ConvShape::dense(12, 16, 3) }, [9, 10]),
        (ConvShape { stride: 2, ..ConvShape::depthwise(12, 3) }, [9, 10]),
    ] {
        let problem = Problem::new(ConvShape { activation: Activation::Relu6, ..shape }, 3, size);
        let output = &problem.by_twins()[0];
        let with = |count: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
            pool.install(|| {
                assert_eq!(threads(), count);
                problem.by_loops(output).map(|numbers| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
            })
        };
        let by_one = with(1);
        for count in [2, 3, 16] {
            assert!(with(count) == by_one, "{count} threads sum {shape:?} in another order");
        }
    }
}
