//! Burn's convolutions and poolings on a GPU, forward and backward, with padding that differs from side to side: Burn
//! pads the tensor there by itself, which is not to be taken on trust.

use burn::tensor::{Device, Tensor, TensorData};
use ssd::model::{BurnSteps, Steps};
use ssd_cpu::{ConvShape, Padding, Pool, twins};

use super::gpu;

const SIZE: [usize; 2] = [12, 9];

const UNEVEN: Padding = Padding { before: [2, 0], after: [1, 2] };

/// Numbers between -1 and 1.
fn numbers(length: usize, seed: usize) -> Vec<f32> {
    (0..length).map(|i| ((i * 7 + seed * 13) as f32 * 0.37).sin()).collect()
}

fn values(tensor: Tensor<4>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn assert_close(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(1.0f32, |largest, value| largest.max(value.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() < 1e-4 * largest, "{what}: {got} at {i}, wanted {want}");
    }
}

/// Output of `step` on a device, and the gradients of its input and its weights.
fn run(
    device: &Device,
    [x, weights]: [(&[f32], [usize; 4]); 2],
    step: impl Fn(Tensor<4>, Tensor<4>) -> Tensor<4>,
) -> (Vec<f32>, [Option<Vec<f32>>; 2]) {
    let device = device.clone().autodiff();
    let leaf = |(values, dims): (&[f32], [usize; 4])| {
        Tensor::<4>::from_data(TensorData::new(values.to_vec(), dims), &device).require_grad()
    };
    let (x, weights) = (leaf(x), leaf(weights));
    let y = step(x.clone(), weights.clone());
    let upstream = numbers(y.dims().iter().product(), 3);
    let gradients = (y.clone() * Tensor::from_data(TensorData::new(upstream, y.dims()), &device)).sum().backward();
    (values(y.inner()), [x, weights].map(|leaf| leaf.grad(&gradients).map(values)))
}

#[test]
fn burns_gpu_knows_uneven_padding_forward_and_backward() {
    let gpu = gpu();
    let same = Padding::same(SIZE, 3, 2, 1);
    let shapes = [
        ConvShape { stride: 2, padding: same, ..ConvShape::dense(3, 5, 3) },
        ConvShape { padding: UNEVEN, ..ConvShape::dense(3, 5, 3) },
        ConvShape { padding: UNEVEN, dilation: 2, ..ConvShape::dense(3, 5, 3) },
        ConvShape { padding: UNEVEN, stride: 2, ..ConvShape::dense(3, 5, 1) },
        ConvShape { padding: same, stride: 2, ..ConvShape::depthwise(4, 3) },
        ConvShape { padding: UNEVEN, ..ConvShape::depthwise(4, 5) },
    ];
    for shape in shapes {
        let x = numbers(shape.channels_in * SIZE[0] * SIZE[1], 1);
        let weights = numbers(shape.weights(), 2);
        let per_group = shape.channels_in / shape.groups;
        let inputs = [
            (x.as_slice(), [1, shape.channels_in, SIZE[0], SIZE[1]]),
            (weights.as_slice(), [shape.channels_out, per_group, shape.kernel, shape.kernel]),
        ];
        let step = |x, weights| ssd_cpu::convolve(x, weights, None, &shape);
        let (got, got_gradients) = run(gpu.burn_device().expect("it is Burn's"), inputs, step);
        let shift = vec![0.0; shape.channels_out];
        assert_close(&format!("{shape:?}"), &got, &twins::convolve(&shape, &x, SIZE, &weights, &shift));
        // On the CPU the gradients are checked against the twin, in `ssd-cpu`.
        let (_, gradients) = run(&Device::flex(), inputs, step);
        for ((what, got), want) in ["input", "weights"].iter().zip(got_gradients).zip(gradients) {
            let (got, want) = (got.expect("a gradient"), want.expect("a gradient"));
            assert_close(&format!("gradient of the {what} of {shape:?}"), &got, &want);
        }
    }
    for pool in [
        Pool { kernel: 2, stride: 2, padding: Padding { before: [0, 0], after: [1, 1] } },
        Pool { kernel: 3, stride: 2, padding: UNEVEN },
    ] {
        let x = numbers(3 * SIZE[0] * SIZE[1], 1);
        let inputs = [(x.as_slice(), [1, 3, SIZE[0], SIZE[1]]), (&[0.0][..], [1; 4])];
        let step = |x, _| BurnSteps::default().max_pool(format_args!("pool"), &pool, x);
        let (got, [got_gradient, _]) = run(gpu.burn_device().expect("it is Burn's"), inputs, step);
        assert_eq!(got, twins::max_pool(&pool, &x, SIZE), "{pool:?}");
        let (_, [gradient, _]) = run(&Device::flex(), inputs, step);
        let (got, want) = (got_gradient.expect("a gradient"), gradient.expect("a gradient"));
        assert_close(&format!("gradient of {pool:?}"), &got, &want);
    }
}
