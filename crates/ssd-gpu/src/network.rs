//! The network on the GPU: every convolution by one of our kernels, with batch norm and activation folded in.
//!
//! The model itself says what follows what ([`Ssd::forward_by`]); this is how its convolutions are done. Pooling, L2
//! normalisation and the layout of the heads are Burn's. The model's own tensors stay on the CPU device; weights go to the GPU
//! once, packed as the kernels read them, when a convolution is first met. Inference only, one picture at a time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use burn::backend::Wgpu;
use burn::backend::wgpu::CubeTensor;
use burn::module::ParamId;
use burn::tensor::{DType, Device, Shape, Tensor};
use ssd::convolution::ConvShape;
use ssd::model::ConvStep;
use ssd::{Predictions, Ssd};
use ssd_cpu::Activation;

use crate::buffer::{empty, of_floats, upload_floats};
use crate::error::GpuError;
use crate::kernel::{CONV, DEPTHWISE, POINTWISE, Shader, launch};
use crate::layout::ConvInfo;

/// Weights of one convolution on the GPU, in the layout of its kernel.
pub(crate) struct Packed {
    shader: &'static Shader,
    weights: CubeTensor,
    shift: CubeTensor,
}

/// A network whose convolutions run on our kernels.
pub struct GpuNetwork {
    model: Ssd,
    device: Device,
    packed: RefCell<HashMap<ParamId, Packed>>,
}

impl GpuNetwork {
    /// `model` lies on the CPU device, `device` is a wgpu device.
    pub fn new(model: Ssd, device: &Device) -> Self {
        Self { model, device: device.clone(), packed: RefCell::default() }
    }

    /// One normalised picture, `[1, 3, S, S]`, to predictions. Returns before the GPU is done.
    ///
    /// # Errors
    ///
    /// When a tensor is not on a wgpu device.
    pub fn forward(&self, image: Tensor<4>) -> Result<Predictions, GpuError> {
        let failure = RefCell::new(None);
        let predictions = self.model.forward_by(image, &|step, x| {
            let shape = step.shape(x.dims());
            self.convolve(step, &shape, x).unwrap_or_else(|error| {
                failure.borrow_mut().get_or_insert(error);
                let [height, width] = shape.size_out();
                Tensor::zeros([1, shape.channels_out, height, width], &self.device)
            })
        });
        failure.into_inner().map_or(Ok(predictions), Err)
    }

    fn convolve(&self, step: &ConvStep<'_>, shape: &ConvShape, x: Tensor<4>) -> Result<Tensor<4>, GpuError> {
        let mut packed = self.packed.borrow_mut();
        let packed = match packed.entry(step.conv.weight.id) {
            Entry::Occupied(met) => met.into_mut(),
            Entry::Vacant(first) => {
                let (weights, shift) = step.folded();
                first.insert(pack(shape, &weights, &shift, &self.device)?)
            }
        };
        let CubeTensor { client, handle, device, dtype, .. } = run(packed, shape, &of_floats(x)?);
        let [height, width] = shape.size_out();
        let size = Shape::from([1, shape.channels_out, height, width]);
        Ok(Tensor::from_primitive::<Wgpu>(CubeTensor::new_contiguous(client, device, size, handle, dtype)))
    }
}

/// The kernel for a shape, and `[O, I, k, k]` weights in its order.
pub(crate) fn pack(shape: &ConvShape, weights: &[f32], shift: &[f32], device: &Device) -> Result<Packed, GpuError> {
    if shape.groups > 1 {
        let (weights, shift) = (upload_floats(weights, device)?, upload_floats(shift, device)?);
        return Ok(Packed { shader: &DEPTHWISE, weights, shift });
    }
    let plain = shape.kernel == 1 && shape.stride == 1 && shape.padding == 0;
    let shader = if plain { &POINTWISE } else { &CONV };
    // Output channels innermost and in fours, the rest of the last four zero.
    let (outputs, taps) = (shape.channels_out, shape.kernel * shape.kernel);
    let row = outputs.next_multiple_of(4);
    let mut fours = vec![0.0; taps * shape.channels_in * row];
    for (index, &weight) in weights.iter().enumerate() {
        let (output, input, tap) = (index / taps / shape.channels_in, index / taps % shape.channels_in, index % taps);
        fours[(tap * shape.channels_in + input) * row + output] = weight;
    }
    let mut shift = shift.to_vec();
    shift.resize(row, 0.0);
    Ok(Packed { shader, weights: upload_floats(&fours, device)?, shift: upload_floats(&shift, device)? })
}

/// Puts one convolution into the queue; what returns is flat, `[O * H' * W']`.
pub(crate) fn run(packed: &Packed, shape: &ConvShape, input: &CubeTensor) -> CubeTensor {
    let [height_in, width_in] = shape.size_in.map(|size| size as u32);
    let [height_out, width_out] = shape.size_out();
    let pixels = height_out * width_out;
    let output = empty(input, shape.channels_out * pixels, DType::F32);
    let info = ConvInfo {
        channels_in: shape.channels_in as u32,
        channels_out: shape.channels_out as u32,
        height_in,
        width_in,
        height_out: height_out as u32,
        width_out: width_out as u32,
        kernel: shape.kernel as u32,
        stride: shape.stride as u32,
        padding: shape.padding as u32,
        dilation: shape.dilation as u32,
        activation: match shape.activation {
            Activation::None => 0,
            Activation::Relu => 1,
            Activation::Relu6 => 2,
        },
        reserved: 0,
    };
    let quads = shape.channels_out.div_ceil(4);
    let threads = match packed.shader.name {
        "pointwise" => quads * pixels.div_ceil(4),
        "conv" => quads * pixels,
        _ => shape.channels_out * pixels,
    };
    let workgroups = threads.div_ceil(packed.shader.threads as usize);
    launch(packed.shader, workgroups, &[input, &packed.weights, &packed.shift, &output], &info);
    output
}
