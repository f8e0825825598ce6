//! Weights that others trained: from the bytes of a file to a weights file of ours.
//!
//! A file is `.pth` of PyTorch, legacy or zip, or `.safetensors`; which one, its bytes say. [`TensorFile`] holds an index of it,
//! and reads a tensor when it is asked for. A pickle is parsed and never executed. [`Conversion`] knows by names and shapes what
//! network it is, and writes it in our order.
//!
//! In the order of the data: [`source`] (bytes) → `zip`, `pickle` → `torch_zip`, `legacy`, `safetensors_file` (an index each) →
//! [`file`](mod@file) (tensors) → [`layout`] (whose names they are) → [`convert`] (a weights file). No file is opened here but by
//! [`FileSource`], and nothing is computed but a change of scale (`convert/pixels.rs`).

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

pub mod convert;
pub mod inspect;
pub mod labels;
pub mod layout;

pub use convert::{Conversion, ImportError, Options};
pub use dtype::DType;
pub use error::{FileError, quoted};
pub use file::{Format, TensorFile};
pub use inspect::{Inspection, Network, inspect};
pub use layout::{Layout, Sizes, UnknownLayout};
pub use source::{ByteSource, FileSource};
pub use tensor::TensorInfo;
