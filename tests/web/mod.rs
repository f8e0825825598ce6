//! The page in headless Chromium: the files of `dist/` from a plain server, driven through what its users see.
//!
//! Each test is one scenario with its own browser and profile. SwiftShader emulates WebGPU, so nothing here shows how
//! fast a graphics card is. Without a browser or a page the tests are skipped, and say so.

mod checkpoint;
mod devtools;
mod page;
mod server;

mod api;
mod bench;
mod cache;
mod camera;
mod fallback;
mod foreign;
mod kept;
mod pictures;
mod weights;
