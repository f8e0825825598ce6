//! The native programs as their user meets them: exit codes, sentences, JSON documents, files. They run as processes of
//! their own, on the CPU device, so that the tests see their output, and their files after a kill.

mod average;
mod bench;
mod convert;
mod detect;
mod eval;
mod folders;
mod formats;
#[cfg(unix)]
mod interruptions;
mod loader;
mod onnx;
#[cfg(unix)]
mod remote;
mod teach;
mod train;
mod usage;
mod weights;

use std::collections::BTreeSet;

use serde_json::Value;
use ssd_tests::fresh::{ARCH, fresh_weights, fresh_weights_file};
use ssd_tests::run::{self, Ran, path_text, run};

/// The names in a JSON object.
fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap_or_else(|| panic!("{object} is no object")).keys().map(String::as_str).collect()
}
