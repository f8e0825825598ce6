//! An untrained detector as a weights file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use ssd::Arch;
use ssd::model::{TensorSpec, tensors};
use ssd::weights::{Header, Provenance};

use crate::drawn;

/// The network of these tests: the smallest.
pub const ARCH: Arch = Arch::Ssd300MobileNetV2Lite;

/// An untrained detector of these tests' network: see [`fresh_network`].
pub fn fresh_weights(labels: &[&str]) -> Vec<u8> {
    fresh_network(ARCH, labels)
}

/// An untrained detector as a weights file: weights with the spread of He's initialisation, the same in every run.
pub fn fresh_network(arch: Arch, labels: &[&str]) -> Vec<u8> {
    let labels = labels.iter().map(|label| label.to_string()).collect();
    let header = Header::new(arch, labels, Provenance::default());
    let tensors: Vec<(TensorSpec, Vec<u8>)> =
        tensors(arch, header.columns()).into_iter().map(|spec| (spec.clone(), fresh(&spec))).collect();
    let views = tensors.iter().map(|(spec, bytes)| {
        let view = TensorView::new(Dtype::F32, spec.shape.clone(), bytes);
        (spec.path.as_str(), view.expect("as many numbers as the shape has"))
    });
    let json = serde_json::to_string(&header).expect("a header is JSON");
    safetensors::serialize(views, Some(HashMap::from([("ssd".to_owned(), json)]))).expect("tensors are a file")
}

/// The values of a tensor before training.
fn fresh(spec: &TensorSpec) -> Vec<u8> {
    let count: usize = spec.shape.iter().product();
    let number = |i: usize| match spec.path.rsplit('.').next() {
        Some("weight") => {
            let bound = (6.0 / (count / spec.shape[0]) as f64).sqrt();
            (2.0 * drawn(&spec.path, i as u64) - 1.0) * bound
        }
        Some("gamma" | "running_var") => 1.0,
        _ => 0.0,
    };
    (0..count).flat_map(|i| (number(i) as f32).to_le_bytes()).collect()
}

/// The same in a file of a folder.
pub fn fresh_weights_file(folder: &Path, labels: &[&str]) -> PathBuf {
    let path = folder.join("fresh.safetensors");
    std::fs::write(&path, fresh_weights(labels)).expect("a temporary folder takes a file");
    path
}
