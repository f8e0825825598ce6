//! Weights that others trained: from the bytes of a file to its tensors.
//!
//! A file is `.pth` of PyTorch, legacy or zip, or `.safetensors`; which one, its bytes say. [`TensorFile`] holds an index of it,
//! and reads a tensor when it is asked for. A pickle is parsed and never executed. It is not said here what the tensors mean.
//!
//! In the order of the data: [`source`] (bytes) → `zip`, `pickle` → `torch_zip`, `legacy`, `safetensors_file` (an index each) →
//! [`file`](mod@file) (tensors).

mod crc32;
mod dtype;
mod error;
pub mod file;
mod legacy;
mod order;
mod pickle;
mod safetensors_file;
pub mod source;
mod tensor;
mod torch_zip;
mod zip;

pub use dtype::DType;
pub use error::FileError;
pub use file::{Format, TensorFile};
pub use source::{ByteSource, FileSource};
pub use tensor::TensorInfo;
