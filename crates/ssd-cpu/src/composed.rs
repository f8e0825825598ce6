//! The same operations composed from Burn's own: for every device but the CPU one, and what the kernels are tested against.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

use crate::Activation;

pub(crate) fn activate(x: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::None => x,
        Activation::Relu => relu(x),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HardSwish => x.clone() * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
    }
}

pub(crate) fn depthwise_conv3x3(x: Tensor<4>, weight: Tensor<4>, stride: usize) -> Tensor<4> {
    let channels = x.dims()[1];
    conv2d(x, weight, None, ConvOptions::new([stride; 2], [1, 1], [1, 1], channels))
}

/// A product of matrices: Burn's direct convolution, the only one without autotuning, is slower than its matmul.
pub(crate) fn pointwise_conv(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let [batch, input, height, width] = x.dims();
    let output = weight.dims()[0];
    let x = x.reshape([batch, input, height * width]);
    let weight = weight.reshape([1, output, input]);
    weight.matmul(x).reshape([batch, output, height, width])
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
    let y = activate(centred * scale + beta.reshape(per_channel), activation);
    (y, mean.flatten(0, 3).detach(), variance.flatten(0, 3).detach())
}

pub(crate) fn scale_shift(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, activation: Activation) -> Tensor<4> {
    let per_channel = [1, x.dims()[1], 1, 1];
    activate(x * scale.reshape(per_channel) + shift.reshape(per_channel), activation)
}
