//! From tensors to the buffers behind them, and back.
//!
//! Burn is built without fusion and these tensors without autodiff, so a tensor on a wgpu device is a buffer and its shape.

use burn::backend::Wgpu;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::prelude::*;
use burn::tensor::{DType, Shape, TensorData};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;

use crate::GpuError;

/// The buffer of a tensor of `f32`, copied only if its elements do not stand in order.
pub(crate) fn of_floats<const D: usize>(tensor: Tensor<D>) -> Result<CubeTensor, GpuError> {
    let buffer =
        tensor.try_into_primitive::<Wgpu>().map_err(|reason| GpuError::NotWgpu { reason: format!("{reason:?}") })?;
    if buffer.dtype != DType::F32 {
        return Err(GpuError::Type { got: format!("{:?}", buffer.dtype) });
    }
    Ok(into_contiguous(buffer))
}

/// A new buffer of `elements` numbers on the device of another. Its content is whatever was there before.
pub(crate) fn empty(like: &CubeTensor, elements: usize, dtype: DType) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), Shape::from([elements]), dtype)
}

/// A copy of numbers on a device.
pub(crate) fn upload_floats(values: &[f32], device: &Device) -> Result<CubeTensor, GpuError> {
    of_floats(Tensor::<1>::from_data(TensorData::new(values.to_vec(), [values.len()]), device))
}

/// A copy of words on a device.
pub(crate) fn upload_words(words: &[u32], device: &Device) -> Result<CubeTensor, GpuError> {
    let values: Vec<i32> = words.iter().map(|word| word.cast_signed()).collect();
    Tensor::<1, Int>::from_data(TensorData::new(values, [words.len()]), (device, DType::I32))
        .try_into_primitive::<Wgpu>()
        .map_err(|reason| GpuError::NotWgpu { reason: format!("{reason:?}") })
}

/// A buffer of words as a tensor.
pub(crate) fn into_words(buffer: CubeTensor) -> Tensor<1, Int> {
    Tensor::from_primitive::<Wgpu>(buffer)
}

/// Reads a buffer of words, without blocking.
pub(crate) async fn read_words(buffer: &CubeTensor) -> Result<Vec<u32>, GpuError> {
    let data = into_words(buffer.clone()).into_data_async().await;
    words(&data.map_err(|err| GpuError::Read { reason: err.to_string() })?)
}

/// Reads a buffer of floats, without blocking.
pub(crate) async fn read_floats(buffer: &CubeTensor) -> Result<Vec<f32>, GpuError> {
    let data = Tensor::<1>::from_primitive::<Wgpu>(buffer.clone()).into_data_async().await;
    let data = data.map_err(|err| GpuError::Read { reason: err.to_string() })?;
    data.try_into_vec::<f32>().map_err(|err| GpuError::Read { reason: format!("{err:?}") })
}

/// The words of a tensor of 32-bit integers.
pub(crate) fn words(data: &TensorData) -> Result<Vec<u32>, GpuError> {
    if data.dtype() != DType::I32 {
        return Err(GpuError::Malformed { reason: format!("its elements are {:?}", data.dtype()) });
    }
    let (words, _) = data.as_bytes().as_chunks::<4>();
    Ok(words.iter().map(|word| u32::from_ne_bytes(*word)).collect())
}
