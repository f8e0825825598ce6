//! The same operations composed of Burn's own: for every device but the CPU one, and what the loops are tested against.

use burn::tensor::Tensor;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};

use crate::{Activation, ConvShape, Padding, Pool};

pub(crate) fn convolve(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, shape: &ConvShape) -> Tensor<4> {
    let &ConvShape { kernel, stride, padding, groups, activation, .. } = shape;
    if (kernel, stride, padding, groups) != (1, 1, Padding::NONE, 1) {
        return activation.of_tensor(burns_convolution(x, weight, bias, shape));
    }
    let sums = pointwise_conv(x, weight);
    activation.of_tensor(match bias {
        Some(bias) => sums + bias.reshape([1, -1, 1, 1]),
        None => sums,
    })
}

/// Without the activation.
pub(crate) fn burns_convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    shape: &ConvShape,
) -> Tensor<4> {
    let &ConvShape { stride, dilation, groups, .. } = shape;
    let options = ConvOptions::new_with_padding([stride; 2], shape.padding.by_axis(), [dilation; 2], groups);
    conv2d(x, weight, bias, options)
}

/// A product of matrices: without autotuning Burn has only a direct convolution, which is slower than its matmul.
pub(crate) fn pointwise_conv(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let [batch, input, height, width] = x.dims();
    let output = weight.dims()[0];
    let x = x.reshape([batch, input, height * width]);
    let weight = weight.reshape([1, output, input]);
    weight.matmul(x).reshape([batch, output, height, width])
}

pub(crate) fn max_pool(x: Tensor<4>, pool: &Pool) -> Tensor<4> {
    let mut options = MaxPoolOptions::new([pool.kernel; 2]);
    options.stride = [pool.stride; 2];
    options.padding = pool.padding.by_axis();
    max_pool2d(x, options)
}

pub(crate) fn batch_norm_train(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    activation: Activation,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let per_channel = [1, x.dims()[1], 1, 1];
    let average = |t: Tensor<4>| t.mean_dims(&[0, 2, 3]);
    let mean = average(x.clone());
    let centred = x - mean.clone();
    let variance = average(centred.clone().square());
    let scale = gamma.reshape(per_channel) / (variance.clone() + epsilon).sqrt();
    let y = activation.of_tensor(centred * scale + beta.reshape(per_channel));
    (y, mean.flatten(0, 3).detach(), variance.flatten(0, 3).detach())
}

pub(crate) fn scale_shift(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, activation: Activation) -> Tensor<4> {
    let per_channel = [1, x.dims()[1], 1, 1];
    activation.of_tensor(x * scale.reshape(per_channel) + shift.reshape(per_channel))
}
