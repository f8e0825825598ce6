//! The door between the page's worker and the detector: bytes and pixels in, plain objects and named errors out.
//!
//! It holds no algorithm: [`ssd::preprocess`] and [`ssd_gpu::pipeline`] do the work, as they do natively. Nothing here blocks,
//! since nothing may in a browser. Everything is for wasm32; a native build of this crate is empty.
#![cfg(target_arch = "wasm32")]

mod backend;
mod door;
mod failure;
mod import;
mod wire;

pub use door::WasmDetector;
