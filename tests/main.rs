//! Every test that needs two crates, a GPU, a browser or files, in one program: the tensor library is linked once.
//!
//! One module for each kind; `README.md` says what they are. What a crate can test by itself stands beside its code.

// `#[test]` is that of `ssd_tests::harness` in every module: a test can be skipped while it runs.
#[macro_use(test)]
extern crate ssd_tests;

mod cli;
mod golden;
mod learning;
mod parity;
mod real;
mod shaders;
mod twins;
mod web;

fn main() -> std::process::ExitCode {
    ssd_tests::harness::main()
}
