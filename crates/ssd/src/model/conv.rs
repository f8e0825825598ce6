//! The unit that every trunk is made of: convolution, batch norm where the trunk has it, activation.

use burn::module::{Initializer, Module};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use ssd_cpu::{Activation, ConvShape, Convolution, ConvolutionError, Padding, Values};

/// Convolution, then batch norm if there is one, then the activation.
#[derive(Module, Debug)]
pub struct ConvUnit {
    /// The convolution; it has a bias where no norm follows.
    pub conv: Conv2d,
    /// Batch norm, after the convolution.
    pub norm: Option<BatchNorm>,
    #[module(skip)]
    pub(super) shape: ConvShape,
}

/// The description of a [`ConvUnit`]. Starts as a dense convolution with stride 1 that keeps the size, with bias and
/// ReLU.
#[derive(Debug, Clone)]
pub struct ConvUnitConfig {
    shape: ConvShape,
    bias: bool,
    norm: bool,
    epsilon: f64,
    momentum: f64,
}

impl ConvUnitConfig {
    /// A dense `kernel` x `kernel` convolution from `input` to `output` channels.
    pub fn new(input: usize, output: usize, kernel: usize) -> Self {
        Self::of(ConvShape::dense(input, output, kernel))
    }

    /// A `kernel` x `kernel` convolution of each channel by itself.
    pub fn depthwise(channels: usize, kernel: usize) -> Self {
        Self::of(ConvShape::depthwise(channels, kernel))
    }

    fn of(shape: ConvShape) -> Self {
        let shape = ConvShape { activation: Activation::Relu, ..shape };
        Self { shape, bias: true, norm: false, epsilon: 1e-5, momentum: 0.1 }
    }

    /// Pixels from one window to the next.
    pub fn stride(mut self, stride: usize) -> Self {
        self.shape.stride = stride;
        self
    }

    /// Zeros around the input.
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.shape.padding = padding.into();
        self
    }

    /// TensorFlow's padding `SAME` for an input of `size` x `size`, by the kernel, stride and dilation given so far.
    pub fn same(self, size: usize) -> Self {
        let ConvShape { kernel, stride, dilation, .. } = self.shape;
        self.padding(Padding::same([size; 2], kernel, stride, dilation))
    }

    /// The same for convolutions one after the other: `size` becomes that of the output.
    pub(super) fn same_along(self, size: &mut usize) -> Self {
        let before = *size;
        *size = size.div_ceil(self.shape.stride);
        self.same(before)
    }

    /// Pixels from one tap to the next, with the padding that keeps the size.
    pub fn dilation(mut self, dilation: usize) -> Self {
        self.shape.dilation = dilation;
        let padding = Padding::even(dilation * (self.shape.kernel / 2));
        self.padding(padding)
    }

    /// Batch norm after the convolution, or not. A bias before it would do nothing and is left out.
    pub fn norm(self, norm: bool) -> Self {
        Self { norm, bias: !norm, ..self }
    }

    /// Batch norm and a bias before it, as in pytorch-ssd's heads and files.
    pub fn norm_and_bias(self) -> Self {
        Self { norm: true, bias: true, ..self }
    }

    /// What batch norm adds to the variance, and a new batch's share of its running statistics; 1e-5 and 0.1 by
    /// default.
    pub fn statistics(self, epsilon: f64, momentum: f64) -> Self {
        Self { epsilon, momentum, ..self }
    }

    /// The activation at the end.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.shape.activation = activation;
        self
    }

    /// The unit with fresh weights. Before batch norm He's initialisation, which keeps the signal through a deep trunk;
    /// without it Xavier's, as the SSD ports do (worth a point of mAP there).
    pub fn init(self, device: &Device) -> ConvUnit {
        let initializer = if self.norm {
            Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true }
        } else {
            Initializer::XavierUniform { gain: 1.0 }
        };
        let shape = self.shape;
        let [top, left, bottom, right] = shape.padding.sides();
        let mut conv = Conv2dConfig::new([shape.channels_in, shape.channels_out], [shape.kernel; 2])
            .with_stride([shape.stride; 2])
            .with_padding(PaddingConfig2d::Explicit(top, left, bottom, right))
            .with_dilation([shape.dilation; 2])
            .with_groups(shape.groups)
            .with_bias(self.bias)
            .with_initializer(initializer)
            .init(device);
        // Burn draws the bias as it draws the weights; SSD starts it at 0.
        conv.bias = self.bias.then(|| Initializer::Zeros.init([shape.channels_out], device));
        let norm = BatchNormConfig::new(shape.channels_out).with_epsilon(self.epsilon).with_momentum(self.momentum);
        let norm = self.norm.then(|| norm.init(device));
        ConvUnit { conv, norm, shape }
    }
}

impl ConvUnit {
    /// The unit as one step of a network.
    pub fn step(&self) -> ConvStep<'_> {
        ConvStep { shape: self.shape, conv: &self.conv, norm: self.norm.as_ref() }
    }

    /// # Shapes
    ///
    /// - `x`: `[B, channels_in, H, W]`
    /// - output: `[B, channels_out, H', W']`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.step().run(x)
    }
}

/// One convolution with all that is folded into it, which a kernel does in one go.
#[derive(Debug)]
pub struct ConvStep<'a> {
    /// Its shape, activation included.
    pub shape: ConvShape,
    /// Weights and bias.
    pub conv: &'a Conv2d,
    /// Batch norm, if any.
    pub norm: Option<&'a BatchNorm>,
}

impl ConvStep<'_> {
    /// By Burn's operations and those of `ssd-cpu`, on any device, with gradients where they are recorded.
    pub fn run(&self, x: Tensor<4>) -> Tensor<4> {
        self.finish(x, self.shape.activation)
    }

    /// The same with `residual` added before the activation.
    pub fn run_onto(&self, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        self.shape.activation.of_tensor(self.finish(x, Activation::None) + residual)
    }

    fn finish(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let bias = self.conv.bias.as_ref().map(|bias| bias.val());
        let convolve =
            |activation| ssd_cpu::convolve(x, self.conv.weight.val(), bias, &ConvShape { activation, ..self.shape });
        match self.norm {
            Some(norm) => normalize(norm, convolve(Activation::None), activation),
            None => convolve(activation),
        }
    }

    /// Packed for inference on the CPU, with the norm folded in. Reads the tensors as [`Self::folded`] does.
    ///
    /// # Errors
    ///
    /// A convolution in groups of several channels, which the CPU's loops do not know.
    pub fn packed(&self) -> Result<Convolution, ConvolutionError> {
        // Without a norm, from where the weights lie: memory for a copy of large ones is never given back by wasm.
        if self.norm.is_none()
            && let Some(weights) = Values::of(&self.conv.weight.val())
        {
            return Convolution::new(self.shape, weights.slice(), &self.bias());
        }
        let (weights, shift) = self.folded();
        Convolution::new(self.shape, &weights, &shift)
    }

    /// Zeros where there is none.
    fn bias(&self) -> Vec<f32> {
        let bias = self.conv.bias.as_ref();
        bias.map_or_else(|| vec![0.0; self.shape.channels_out], |bias| ssd_cpu::numbers(&bias.val()))
    }

    /// Weights `[O, I / groups, k, k]` and shift `[O]` with the bias and the norm's running statistics folded in. The
    /// tensors have to be on the CPU, the one device that can be read without waiting.
    pub fn folded(&self) -> (Vec<f32>, Vec<f32>) {
        let mut weights = ssd_cpu::numbers(&self.conv.weight.val());
        let mut shift = self.bias();
        if let Some(norm) = self.norm {
            let (scale, offset) = scale_and_shift(norm);
            let (scale, offset) = (ssd_cpu::numbers(&scale), ssd_cpu::numbers(&offset));
            let per_output = weights.len() / self.shape.channels_out;
            for (row, scale) in weights.chunks_exact_mut(per_output).zip(&scale) {
                row.iter_mut().for_each(|weight| *weight *= scale);
            }
            for ((shift, scale), offset) in shift.iter_mut().zip(scale).zip(offset) {
                *shift = *shift * scale + offset;
            }
        }
        (weights, shift)
    }
}

/// Batch norm with running statistics as two numbers a channel.
fn scale_and_shift(norm: &BatchNorm) -> (Tensor<1>, Tensor<1>) {
    let scale = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
    let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
    (scale, shift)
}

/// Batch norm and activation: with the batch's statistics if gradients are recorded, else with the running ones.
fn normalize(norm: &BatchNorm, x: Tensor<4>, activation: Activation) -> Tensor<4> {
    if x.device().is_autodiff() && norm.training.is_enabled() {
        let (y, mean, variance) =
            ssd_cpu::batch_norm_train(x, norm.gamma.val(), norm.beta.val(), norm.epsilon, activation);
        let blend =
            |old: Tensor<1>, new: Tensor<1>| (old * (1.0 - norm.momentum) + new.detach() * norm.momentum).detach();
        norm.running_mean.update(blend(norm.running_mean.value_sync(), mean));
        norm.running_var.update(blend(norm.running_var.value_sync(), variance));
        return y;
    }
    let (scale, shift) = scale_and_shift(norm);
    ssd_cpu::scale_shift(x, scale, shift, activation)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use burn::tensor::TensorData;
    use ssd_cpu::{Buffers, Map, twins};

    use super::*;

    fn values(tensor: Tensor<4>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    /// Whatever the padding, Burn's operations and the packed loops do what the twin does with the folded weights.
    #[test]
    fn a_unit_is_its_twin_on_every_padding() {
        let device = Device::flex();
        device.seed(4);
        let size = [12, 9];
        let input: Vec<f32> = (0..6 * 12 * 9).map(|i| (i as f32 * 0.37).sin()).collect();
        let uneven = Padding { before: [0, 2], after: [3, 1] };
        let configs = [
            ConvUnitConfig::new(6, 5, 3).stride(2).padding(Padding::same(size, 3, 2, 1)),
            ConvUnitConfig::depthwise(6, 3).stride(2).same(12).norm(true),
            ConvUnitConfig::depthwise(6, 3).padding(uneven).norm_and_bias(),
            ConvUnitConfig::new(6, 4, 2).dilation(2).padding(uneven),
            ConvUnitConfig::new(6, 4, 1).padding(uneven),
        ];
        for config in configs {
            let unit = config.init(&device);
            let step = unit.step();
            let (weights, shift) = step.folded();
            let want = twins::convolve(&step.shape, &input, size, &weights, &shift);
            let x = Tensor::from_data(TensorData::new(input.clone(), [1, 6, size[0], size[1]]), &device);
            let by_burn = values(unit.forward(x.clone()));
            let map = step.packed().unwrap().run(&Map::from_tensor(x, &Buffers::default()).unwrap()).unwrap();
            let [_, channels, height, width] = map.dims();
            let packed = |index: usize| map.values()[index % (height * width) * channels + index / (height * width)];
            assert_eq!((by_burn.len(), map.values().len()), (want.len(), want.len()), "{:?}", step.shape);
            for (index, want) in want.iter().enumerate() {
                for got in [by_burn[index], packed(index)] {
                    assert!((got - want).abs() < 1e-5, "{:?}: {got} at {index}, by the twin {want}", step.shape);
                }
            }
        }
    }
}
