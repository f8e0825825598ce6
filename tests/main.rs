//! Every test that needs two crates, a GPU, a browser or files, in one program: the tensor library is linked once.
//!
//! One module for each kind; `README.md` says what they are. What a crate can test by itself stands beside its code.

mod cli;
mod golden;
mod learning;
mod parity;
mod real;
mod shaders;
mod twins;
mod web;
