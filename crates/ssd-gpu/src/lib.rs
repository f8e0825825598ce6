//! The post-processing on the GPU: **decode → topk → nms → gather**, as hand-written WGSL on Burn's wgpu device.
//!
//! The kernels lie in `shaders/` and mean what [`ssd::postprocess`] says. From the heads' outputs to the few detections of a
//! picture nothing leaves the GPU; what is read back is one buffer of `16 + 28 * max` bytes.
//!
//! - [`GpuPostprocess`] launches the four stages, [`unpack`] reads what came back;
//! - `decode`, `topk`, `nms`, `gather`: one stage each, from buffers to buffers;
//! - [`layout`]: the structs that both sides read, [`kernel`]: the table of shaders and the launch;
//! - [`verify()`]: every kernel against its twin, on the device at hand, natively and in a page.
//!
//! Nothing here waits for the GPU. It needs a device whose shader language is WGSL: feature `wgpu` of Burn, not `vulkan`.

mod buffer;
mod decode;
mod error;
mod gather;
pub mod kernel;
pub mod layout;
mod network;
mod nms;
pub mod pipeline;
mod postprocess;
mod problems;
mod topk;
mod verify;
mod verify_network;

pub use error::GpuError;
pub use network::GpuNetwork;
pub use postprocess::{GpuDetections, GpuPostprocess, unpack};
pub use verify::{VerifyCase, VerifyReport, verify};
