//! The door between the page's worker and the detector: bytes and pixels in, plain objects and named errors out.
//!
//! It holds no algorithm: `ssd_gpu::pipeline` does the work, as it does natively. Nothing here blocks: browsers do
//! not permit it. Everything is for wasm32; a native build of this crate is empty.
#![cfg(target_arch = "wasm32")]

mod backend;
mod door;
mod failure;
mod import;
mod tiling;
mod wire;

pub use door::WasmDetector;
