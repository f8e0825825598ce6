//! From tensors to slices and back. Contiguous memory is not copied.

use burn::backend::flex::FlexTensor;
use burn::backend::{DispatchKindConversion, DispatchTensor, Flex};
use burn::tensor::{DType, Tensor, TensorData};

/// A contiguous f32 tensor in the memory of the CPU device.
#[derive(Clone, Debug)]
pub(crate) struct Values(FlexTensor);

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
    pub(crate) fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Self>
    where
        DispatchTensor: DispatchKindConversion<Flex>,
    {
        Self::new(tensor.clone().try_into_primitive::<Flex>().ok()?)
    }

    pub(crate) fn slice(&self) -> &[f32] {
        self.0.storage()
    }

    pub(crate) fn shape<const D: usize>(&self) -> [usize; D] {
        self.0.layout().shape().dims()
    }
}

/// A tensor of the CPU device that owns `values`.
pub(crate) fn primitive<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
