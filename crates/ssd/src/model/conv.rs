//! The unit that every trunk is made of: convolution, batch norm where the trunk has it, activation.

use burn::module::{Initializer, Module};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use ssd_cpu::{Activation, Convolution, ConvolutionError, ConvolutionShape};

use crate::convolution::ConvShape;

/// Convolution, then batch norm if there is one, then the activation.
#[derive(Module, Debug)]
pub struct ConvUnit {
    /// The convolution; it has a bias where no norm follows.
    pub conv: Conv2d,
    /// Batch norm, after the convolution.
    pub norm: Option<BatchNorm>,
    #[module(skip)]
    activation: Activation,
}

/// What a [`ConvUnit`] is to be. Starts as a dense 3x3 convolution with stride 1 that keeps the size, with bias and ReLU.
#[derive(Debug, Clone)]
pub struct ConvUnitConfig {
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
    groups: usize,
    bias: bool,
    norm: bool,
    epsilon: f64,
    momentum: f64,
    activation: Activation,
}

impl ConvUnitConfig {
    /// A dense `kernel` x `kernel` convolution from `input` to `output` channels.
    pub fn new(input: usize, output: usize, kernel: usize) -> Self {
        Self {
            channels: [input, output],
            kernel,
            stride: 1,
            padding: kernel / 2,
            dilation: 1,
            groups: 1,
            bias: true,
            norm: false,
            epsilon: 1e-5,
            momentum: 0.1,
            activation: Activation::Relu,
        }
    }

    /// A `kernel` x `kernel` convolution of each channel by itself.
    pub fn depthwise(channels: usize, kernel: usize) -> Self {
        Self { groups: channels, ..Self::new(channels, channels, kernel) }
    }

    /// Step between two output positions.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Zeros around the input, on each side.
    pub fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// Distance of two taps, with the padding that keeps the size.
    pub fn dilation(self, dilation: usize) -> Self {
        Self { dilation, padding: dilation * (self.kernel / 2), ..self }
    }

    /// Batch norm after the convolution, or not. A bias before it would do nothing, so it goes.
    pub fn norm(self, norm: bool) -> Self {
        Self { norm, bias: !norm, ..self }
    }

    /// Both batch norm and a bias before it: pytorch-ssd's heads have it, and files from there bring it.
    pub fn norm_and_bias(self) -> Self {
        Self { norm: true, bias: true, ..self }
    }

    /// What batch norm adds to the variance, and how much of a new batch goes into its running statistics. 1e-5 and 0.1 if not said.
    pub fn statistics(self, epsilon: f64, momentum: f64) -> Self {
        Self { epsilon, momentum, ..self }
    }

    /// The activation at the end.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// The unit with fresh weights. Before batch norm He's initialisation, which keeps the signal through a deep trunk;
    /// without it Xavier's, as the SSD ports do (worth a point of mAP there).
    pub fn init(self, device: &Device) -> ConvUnit {
        let initializer = if self.norm {
            Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true }
        } else {
            Initializer::XavierUniform { gain: 1.0 }
        };
        let p = self.padding;
        let mut conv = Conv2dConfig::new(self.channels, [self.kernel; 2])
            .with_stride([self.stride; 2])
            .with_padding(PaddingConfig2d::Explicit(p, p, p, p))
            .with_dilation([self.dilation; 2])
            .with_groups(self.groups)
            .with_bias(self.bias)
            .with_initializer(initializer)
            .init(device);
        // Burn draws the bias as it draws the weights; SSD starts it at 0.
        conv.bias = self.bias.then(|| Initializer::Zeros.init([self.channels[1]], device));
        let norm = BatchNormConfig::new(self.channels[1]).with_epsilon(self.epsilon).with_momentum(self.momentum);
        let norm = self.norm.then(|| norm.init(device));
        ConvUnit { conv, norm, activation: self.activation }
    }
}

impl ConvUnit {
    /// What the unit does, for whoever does it.
    pub fn step(&self) -> ConvStep<'_> {
        ConvStep {
            conv: &self.conv,
            padding: padding(&self.conv),
            norm: self.norm.as_ref(),
            activation: self.activation,
        }
    }

    /// # Shapes
    ///
    /// - `x`: `[B, channels_in, H, W]`
    /// - output: `[B, channels_out, H', W']`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.step().run(x)
    }
}

/// One convolution with all that belongs to it: what a kernel has to do in one go.
#[derive(Debug)]
pub struct ConvStep<'a> {
    /// Weights and bias, stride, dilation, groups.
    pub conv: &'a Conv2d,
    /// Zeros around the input, on each side.
    pub padding: usize,
    /// Batch norm, if any.
    pub norm: Option<&'a BatchNorm>,
    /// The activation.
    pub activation: Activation,
}

/// The padding of a convolution made here: explicit, and the same on each side.
pub(super) fn padding(conv: &Conv2d) -> usize {
    match conv.padding {
        PaddingConfig2d::Explicit(top, ..) => top,
        PaddingConfig2d::Same | PaddingConfig2d::Valid => 0,
    }
}

impl ConvStep<'_> {
    /// The shape of the convolution of an input `[B, channels_in, H, W]`.
    pub fn shape(&self, [_, channels_in, height, width]: [usize; 4]) -> ConvShape {
        let [channels_out, _, kernel, _] = self.conv.weight.dims();
        ConvShape {
            channels_in,
            channels_out,
            groups: self.conv.groups,
            size_in: [height, width],
            kernel,
            stride: self.conv.stride[0],
            padding: self.padding,
            dilation: self.conv.dilation[0],
            activation: self.activation,
        }
    }

    /// By Burn's operations and those of `ssd-cpu`, on any device, with gradients where they are recorded.
    pub fn run(&self, x: Tensor<4>) -> Tensor<4> {
        self.finish(x, self.activation)
    }

    /// The same with `residual` added before the activation.
    pub fn run_onto(&self, x: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
        self.activation.of_tensor(self.finish(x, Activation::None) + residual)
    }

    fn finish(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let x = self.convolve(x);
        match self.norm {
            Some(norm) => normalize(norm, x, activation),
            None => activation.of_tensor(x),
        }
    }

    /// The convolution by the fastest way there is for its shape: 1x1 as a matrix product, depthwise by its own kernel.
    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, per_group, kernel, _] = self.conv.weight.dims();
        let weight = self.conv.weight.val();
        let out = match (kernel, self.conv.stride[0], self.conv.groups) {
            (1, 1, 1) => ssd_cpu::pointwise_conv(x, weight),
            (3, stride, groups) if groups > 1 && per_group == 1 && self.padding == 1 => {
                ssd_cpu::depthwise_conv3x3(x, weight, stride)
            }
            _ => return self.conv.forward(x),
        };
        match &self.conv.bias {
            Some(bias) => out + bias.val().reshape([1, -1, 1, 1]),
            None => out,
        }
    }

    /// The same for a network that is only run on the CPU, with the norm folded in. Reads the tensors as [`Self::folded`] does.
    ///
    /// # Errors
    ///
    /// When it is of a kind that the CPU's loops do not know.
    pub fn packed(&self) -> Result<Convolution, ConvolutionError> {
        let [channels_out, per_group, kernel, _] = self.conv.weight.dims();
        let shape = ConvolutionShape {
            channels_in: per_group * self.conv.groups,
            channels_out,
            groups: self.conv.groups,
            kernel,
            stride: self.conv.stride[0],
            padding: self.padding,
            dilation: self.conv.dilation[0],
            activation: self.activation,
        };
        let (weights, shift) = self.folded();
        Convolution::new(shape, &weights, &shift)
    }

    /// Weights `[O, I / groups, k, k]` and shift `[O]` with the bias and the norm's running statistics folded in. Reads the
    /// tensors, so they have to lie on a device that can be read without waiting: the CPU.
    pub fn folded(&self) -> (Vec<f32>, Vec<f32>) {
        let read = |tensor: Tensor<1>| tensor.into_data().iter::<f32>().collect::<Vec<f32>>();
        let mut weights: Vec<f32> = self.conv.weight.val().into_data().iter::<f32>().collect();
        let outputs = self.conv.weight.dims()[0];
        let mut shift = self.conv.bias.as_ref().map_or_else(|| vec![0.0; outputs], |bias| read(bias.val()));
        if let Some(norm) = self.norm {
            let (scale, offset) = scale_and_shift(norm);
            let (scale, offset) = (read(scale), read(offset));
            let per_output = weights.len() / outputs;
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

/// Batch norm and activation: with the batch's statistics where gradients are recorded, with the running ones elsewhere.
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
