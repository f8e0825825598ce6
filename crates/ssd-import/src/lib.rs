//! Weights that others trained: from the bytes of a file to a weights file of ours.
//!
//! A file is a PyTorch `.pth`, legacy or zip, `.safetensors` or `.tflite`; its bytes say which. [`TensorFile`] holds
//! its index, and reads a tensor on demand. A pickle is parsed and never executed. [`Conversion`] finds by names and
//! shapes, or by the graph where a file has one, which network it is, once, and writes it in our order.
//!
//! In the order of the data: `source` (bytes) → `zip`, `pickle` → `torch_zip`, `legacy`, `safetensors_file`, `tflite`
//! (an `index` each) → [`TensorFile`] (tensors) → `layout` (which project's names they have) → `conversion` (a weights
//! file). Only [`FileSource`] opens files, and nothing is computed except a change of scale (`conversion/pixels.rs`).

mod conversion;
mod dtype;
mod error;
mod file;
mod index;
mod inspect;
pub mod labels;
mod layout;
mod legacy;
mod pickle;
mod safetensors_file;
mod source;
mod tensor;
mod tflite;
mod torch_zip;
mod zip;

pub use conversion::{Conversion, ImportError, Options, Plan};
pub use dtype::DType;
pub use error::{FileError, quoted};
pub use file::{Format, TensorFile};
pub use inspect::{Inspection, Network, Tensor, inspect};
pub use layout::{Layout, Sizes};
pub use source::{ByteSource, FileSource};
pub use tensor::{Quantisation, TensorInfo};
