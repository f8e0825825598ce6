//! The page in headless Chromium: the files of `dist/` from a plain server, driven through what its users see.
//!
//! Each test is one scenario with a browser and a profile of its own. WebGPU is emulated by SwiftShader, so nothing
//! here measures a graphics card. Where browser or page is missing the tests are skipped.

mod checkpoint;
mod devtools;
mod page;
mod server;
mod shipped;

mod accessible;
mod api;
mod bench;
mod bundlers;
mod cache;
mod camera;
mod embedding;
mod everyday;
mod exports;
mod fallback;
mod firefox;
mod foreign;
mod forms;
mod healing;
mod kept;
mod learning;
mod offline;
mod origins;
mod pictures;
mod previews;
mod seeing;
mod standalone;
mod strip;
mod teach;
mod tiles;
mod tracks;
mod two_tabs;
mod video;
mod weights;
mod zips;
