//! SSD on the GPU: every stage of a frame as hand-written WGSL, on a wgpu device that Burn may share.
//!
//! The kernels lie in `shaders/` and mean what [`ssd::preprocess`], [`ssd_cpu::twins`] and [`ssd::postprocess`] say.
//! From a picture's pixels to its few detections nothing leaves the GPU; what is read back are some kilobytes.
//!
//! - [`kernel`]: the table of kernels and their text; [`wgsl`]: what they declare, read when this crate is built;
//! - [`gpu`]: the device, by the table of [`adapter`]; [`methods`]: what was measured on a card;
//! - `program`: lists of launches, their memory and their pipelines; it knows no stage;
//! - `picture`, [`network`], `postprocess`: the stages as programs;
//! - [`frames`]: one submit per frame; [`pipeline`]: the same by the CPU and by Burn, too;
//! - [`mod@bench`]: how fast the parts are;
//! - [`verify()`]: every kernel against its twin, on the device at hand, natively and in a page.
//!
//! It needs a device whose shader language is WGSL: feature `wgpu` of Burn, not `vulkan`.

pub mod adapter;
mod agreement;
pub mod bench;
mod clock;
mod error;
pub mod frames;
pub mod gpu;
pub mod kernel;
pub mod methods;
pub mod network;
mod picture;
pub mod pipeline;
mod postprocess;
mod program;
mod verify;
pub mod wgsl;

pub use error::GpuError;
pub use gpu::Gpu;
pub use picture::Picture;
pub use verify::{VerifyCase, VerifyReport, verify};
