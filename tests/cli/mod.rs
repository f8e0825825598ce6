//! The native programs as their user meets them: exit codes, sentences, JSON documents, files. They run as processes of
//! their own, on the CPU device, so that what one prints and what is left of it when it is killed is what is looked at.

mod bench;
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
mod run;
mod train;
mod usage;
mod weights;

pub(crate) use run::{Ran, path_text, run};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde_json::Value;
use ssd::weights::{Dtype, Header, Provenance, save};
use ssd::{Arch, Ssd};

/// The network of these tests: the smallest.
pub(crate) const ARCH: Arch = Arch::Ssd300MobileNetV2Lite;

/// A detector that has learned nothing, as a weights file.
pub(crate) fn fresh_weights(labels: &[&str]) -> Vec<u8> {
    let labels = labels.iter().map(|label| label.to_string()).collect();
    let header = Header::new(ARCH, labels, Provenance::default());
    let model = Ssd::new(ARCH, header.classes(), &Device::flex());
    save(&header, &model, Dtype::F32).expect("a fresh model can be saved")
}

/// The same in a file of a folder.
pub(crate) fn fresh_weights_file(folder: &Path, labels: &[&str]) -> PathBuf {
    let path = folder.join("fresh.safetensors");
    std::fs::write(&path, fresh_weights(labels)).expect("a temporary folder takes a file");
    path
}

/// The names in a JSON object.
fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap_or_else(|| panic!("{object} is no object")).keys().map(String::as_str).collect()
}
