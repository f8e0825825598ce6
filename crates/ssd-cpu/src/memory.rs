//! From tensors to slices and back. Contiguous memory is not copied.

use burn::backend::flex::FlexTensor;
use burn::backend::{DispatchKindConversion, DispatchTensor, Flex};
use burn::tensor::{DType, Tensor, TensorData};

/// A contiguous f32 tensor in the memory of the CPU device.
#[derive(Clone, Debug)]
pub struct Values(FlexTensor);

impl Values {
    /// `None` for other types than f32.
    pub(crate) fn new(tensor: FlexTensor) -> Option<Self> {
        (tensor.dtype() == DType::F32).then(|| Self(tensor.to_contiguous()))
    }

    /// Of a gradient, which has the type of its tensor: f32.
    #[cfg(feature = "autodiff")]
    pub(crate) fn same_type(tensor: FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }

    /// `None` if the tensor is on another device, of another type, or records gradients.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Self>
    where
        DispatchTensor: DispatchKindConversion<Flex>,
    {
        Self::new(tensor.clone().try_into_primitive::<Flex>().ok()?)
    }

    #[cfg(feature = "autodiff")]
    pub(crate) fn zeros(length: usize) -> Self {
        Self(primitive(vec![0.0; length], [length]))
    }

    /// Its numbers, where they lie.
    pub fn slice(&self) -> &[f32] {
        self.0.storage()
    }

    #[cfg(feature = "autodiff")]
    pub(crate) fn into_tensor(self) -> FlexTensor {
        self.0
    }

    /// The memory, if nothing else uses it and all of it.
    #[cfg(feature = "autodiff")]
    pub(crate) fn into_memory(self) -> Option<Vec<f32>> {
        if !self.0.is_unique() {
            return None;
        }
        self.0.into_data().into_parts().0.try_into_vec::<f32>().ok()
    }

    pub(crate) fn shape<const D: usize>(&self) -> [usize; D] {
        self.0.layout().shape().dims()
    }
}

/// The numbers of a tensor on a device that can be read without waiting. On the CPU device they are copied once, into
/// memory of their length: collected one by one they would have up to twice as much, which wasm never gives back.
pub fn numbers<const D: usize>(tensor: &Tensor<D>) -> Vec<f32>
where
    DispatchTensor: DispatchKindConversion<Flex>,
{
    match Values::of(tensor) {
        Some(values) => values.slice().to_vec(),
        None => tensor.to_data().iter::<f32>().collect(),
    }
}

/// A tensor of the CPU device that owns `values`.
pub(crate) fn primitive<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
