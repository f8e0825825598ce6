//! Golden: our arithmetic against numbers computed by PyTorch, tensor by tensor, by name.
//!
//! `tests/fixtures/pytorch/make.py` drew the inputs, computed the outputs in double precision and wrote both to files;
//! no Python runs here. All comparisons are on Burn's CPU device; the tests called twins compare the kernels of the GPU
//! with it.

mod layers;
mod loss;
mod matching;
mod optimizer;
mod preprocess;

use std::collections::HashMap;
use std::path::Path;

use burn::prelude::*;
use safetensors::{Dtype, SafeTensors};

/// One file of recorded tensors.
pub struct Fixture {
    name: String,
    tensors: HashMap<String, TensorData>,
}

impl Fixture {
    /// Reads `fixtures/pytorch/NAME.safetensors`. The files are part of the repository: a missing one fails the test.
    pub fn open(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pytorch").join(format!("{name}.safetensors"));
        let file = std::fs::read(&path).unwrap_or_else(|e| panic!("{} cannot be read: {e}", path.display()));
        let parsed = SafeTensors::deserialize(&file).unwrap_or_else(|e| panic!("{} is damaged: {e}", path.display()));
        let tensors = parsed.iter().map(|(key, view)| (key.to_owned(), decoded(key, &view))).collect();
        Self { name: name.to_owned(), tensors }
    }

    /// The recorded values of one tensor with their shape.
    pub fn data(&self, key: &str) -> TensorData {
        self.tensors.get(key).unwrap_or_else(|| panic!("{} has no tensor {key}", self.name)).clone()
    }

    /// A recorded float tensor on the CPU backend, or on the device that is handed in (for gradients).
    pub fn tensor<const D: usize>(&self, key: &str, device: &Device) -> Tensor<D> {
        Tensor::from_data(self.data(key), device)
    }

    /// The values of a recorded tensor in row-major order.
    pub fn values(&self, key: &str) -> Vec<f32> {
        self.data(key).iter::<f32>().collect()
    }

    /// The values of a recorded tensor of whole numbers in row-major order.
    pub fn integers(&self, key: &str) -> Vec<i64> {
        self.data(key).iter::<i64>().collect()
    }

    /// Fails unless `actual` has the recorded shape and each value is within `tolerance` of the recorded one.
    #[track_caller]
    pub fn assert_close<const D: usize>(&self, key: &str, actual: Tensor<D>, tolerance: Tolerance) {
        let expected = self.data(key);
        let actual = actual.into_data();
        assert_eq!(actual.shape(), expected.shape(), "shape of {}/{key}", self.name);
        let actual: Vec<f32> = actual.iter::<f32>().collect();
        let expected: Vec<f32> = expected.iter::<f32>().collect();
        assert_values_close(&format!("{}/{key}", self.name), &actual, &expected, tolerance);
    }
}

/// How far a value may lie from the recorded one: `absolute + relative * |recorded|`.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    pub absolute: f32,
    pub relative: f32,
}

/// For a handful of f32 operations on values around 1: some tens of roundings of 6e-8 each.
pub const FEW_ROUNDINGS: Tolerance = Tolerance { absolute: 2e-6, relative: 2e-6 };

/// Fails with the worst value and its place unless all values are within `tolerance`.
#[track_caller]
pub fn assert_values_close(what: &str, actual: &[f32], expected: &[f32], tolerance: Tolerance) {
    assert_eq!(actual.len(), expected.len(), "number of values of {what}");
    let excess = |i: usize| {
        let allowed = tolerance.absolute + tolerance.relative * expected[i].abs();
        let error = (actual[i] - expected[i]).abs();
        // A NaN counts as infinitely far.
        if error.is_finite() { error / allowed } else { f32::INFINITY }
    };
    let Some(worst) = (0..actual.len()).max_by(|&a, &b| excess(a).total_cmp(&excess(b))) else {
        panic!("{what} has no values to compare");
    };
    assert!(
        excess(worst) <= 1.0,
        "{what}[{worst}] is {}, recorded is {}; allowed: {tolerance:?}",
        actual[worst],
        expected[worst]
    );
}

/// The values of a tensor in a file, which stores them without regard to alignment.
fn decoded(key: &str, view: &safetensors::tensor::TensorView<'_>) -> TensorData {
    let shape = view.shape().to_vec();
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => TensorData::new(little_endian(bytes, f32::from_le_bytes), shape),
        Dtype::I32 => TensorData::new(little_endian(bytes, i32::from_le_bytes), shape),
        Dtype::I64 => TensorData::new(little_endian(bytes, i64::from_le_bytes), shape),
        Dtype::U8 => TensorData::new(bytes.to_vec(), shape),
        other => panic!("{key} is stored as {other:?}, which no fixture uses"),
    }
}

/// Numbers of `N` bytes each, one after the other.
fn little_endian<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}
