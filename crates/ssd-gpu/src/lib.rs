//! SSD on the GPU: every stage of a frame as hand-written WGSL, on the wgpu device that Burn opened.
//!
//! The kernels lie in `shaders/` and mean what [`ssd::preprocess`], [`ssd::convolution`] and [`ssd::postprocess`] say. From a
//! picture's pixels to its few detections nothing leaves the GPU; what is read back are some kilobytes.
//!
//! - [`gpu`]: the device; [`kernel`]: the table of shaders and their text; [`layout`]: the structs that both sides read;
//! - `program`: lists of launches, their memory and their pipelines; it knows no stage;
//! - `picture`, [`network`], `postprocess`: the stages, written down as programs;
//! - [`frames`]: one submit a frame; [`pipeline`]: the same by Burn, too;
//! - [`mod@bench`]: how fast each of it is;
//! - [`verify()`]: every kernel against its twin, on the device at hand, natively and in a page.
//!
//! It needs a device whose shader language is WGSL: feature `wgpu` of Burn, not `vulkan`.

pub mod bench;
mod error;
pub mod frames;
pub mod gpu;
mod half;
pub mod kernel;
pub mod layout;
pub mod network;
mod picture;
pub mod pipeline;
mod postprocess;
mod program;
mod verify;

pub use error::GpuError;
pub use gpu::Gpu;
pub use picture::Picture;
pub use postprocess::Found;
pub use verify::{VerifyCase, VerifyReport, verify};
