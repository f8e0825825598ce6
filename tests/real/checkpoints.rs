//! Genuine checkpoints, as other projects wrote them: each is read whole, and is what PyTorch reads (`genuine.json`
//! beside the small files of `tests/fixtures/pytorch-files`).

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use ssd_import::{FileSource, Format, TensorFile};
use ssd_tests::{shared_data, workspace_root};

/// A tensor as PyTorch read it: name, dtype, shape, the sum of its values, and the sum of the n-th of N times n/N.
type Fact = (String, String, Vec<usize>, f64, f64);

fn facts() -> HashMap<String, Vec<Fact>> {
    let path = workspace_root().join("tests/fixtures/pytorch-files/genuine.json");
    serde_json::from_slice(&std::fs::read(path).expect("a fixture")).expect("JSON")
}

fn open(path: &Path) -> TensorFile {
    let source = FileSource::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    TensorFile::open(Box::new(source)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares a tensor's values with the recorded facts. The f64 sums differ at most by the order of addition.
fn check(name: &str, values: &[f32], fact: &Fact) {
    let (mut sum, mut rising, mut size) = (0.0, 0.0, 0.0);
    for (place, value) in values.iter().map(|value| f64::from(*value)).enumerate() {
        sum += value;
        rising += value * (place as f64 / values.len() as f64);
        size += value.abs();
    }
    let near = |ours: f64, theirs: f64| (ours - theirs).abs() <= 1e-10 * size;
    assert!(near(sum, fact.3) && near(rising, fact.4), "{name}: {sum}, {rising}, but {fact:?}");
}

#[test]
fn genuine_checkpoints_are_read_whole() {
    let folder = shared_data("checkpoints");
    for (name, facts) in facts() {
        let file = open(&folder.join(&name));
        let format = if name == "RFB-320-masked_face-v2.pth" { Format::ZipPickle } else { Format::LegacyPickle };
        assert_eq!(file.format(), format, "{name}");
        assert_eq!(file.tensors().len(), facts.len(), "{name}");
        let mut converted = Vec::new();
        for (tensor, fact) in file.tensors().iter().zip(&facts) {
            assert_eq!((&tensor.name, &tensor.dtype.to_string(), &tensor.shape), (&fact.0, &fact.1, &fact.2), "{name}");
            let values = file.read_f32(tensor).unwrap_or_else(|error| panic!("{name}: {error}"));
            check(&format!("{name}: {}", tensor.name), &values, fact);
            converted.push((tensor, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()));
        }

        // The same as safetensors.
        let views = converted.iter().map(|(tensor, bytes)| {
            let view = TensorView::new(safetensors::Dtype::F32, tensor.shape.clone(), bytes)
                .expect("as many as its shape says");
            (&tensor.name[..], view)
        });
        let copy = TensorFile::open(Box::new(safetensors::serialize(views, None).expect("a file"))).expect("a file");
        assert_eq!((copy.format(), copy.tensors().len()), (Format::Safetensors, facts.len()), "{name}");
        for fact in &facts {
            let tensor = copy.get(&fact.0).unwrap_or_else(|| panic!("{name}: {} is missing", fact.0));
            assert_eq!(tensor.shape, fact.2, "{name}: {}", fact.0);
            check(&fact.0, &copy.read_f32(tensor).expect("floats"), fact);
        }
    }
}
