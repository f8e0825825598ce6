//! Files that PyTorch wrote (`tests/fixtures/pytorch-files`), beside what PyTorch reads out of them.

use std::path::{Path, PathBuf};

use serde_json::Value;
use ssd_import::{DType, FileError, FileSource, Format, TensorFile};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pytorch-files")
}

fn open(name: &str) -> Result<TensorFile, FileError> {
    TensorFile::open(Box::new(FileSource::open(&folder().join(name)).expect("a fixture")))
}

/// `expected.json`: by file.
fn expected() -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(folder().join("expected.json")).expect("a fixture");
    let Ok(Value::Object(files)) = serde_json::from_str(&text) else { panic!("expected.json is not an object") };
    files.into_iter().collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn every_tensor_is_what_pytorch_reads() {
    let mut files = 0;
    for (name, expected) in expected().iter().filter(|(_, expected)| !expected["tensors"].is_null()) {
        let file = open(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut theirs: Vec<&Value> = list(&expected["tensors"]).iter().collect();
        // Safetensors orders by dtype.
        if file.format() == Format::Safetensors {
            theirs.sort_by_key(|tensor| file.tensors().iter().position(|ours| ours.name == text(&tensor["name"])));
        }
        let names: Vec<&str> = file.tensors().iter().map(|tensor| &tensor.name[..]).collect();
        assert_eq!(names, theirs.iter().map(|tensor| text(&tensor["name"])).collect::<Vec<_>>(), "{name}");
        for (ours, theirs) in file.tensors().iter().zip(theirs) {
            let at = format!("{name}: {}", ours.name);
            assert_eq!(file.get(&ours.name), Some(ours), "{at}");
            assert_eq!(ours.dtype.to_string(), text(&theirs["dtype"]), "{at}");
            let shape: Vec<_> =
                list(&theirs["shape"]).iter().map(|side| side.as_u64().expect("a side") as usize).collect();
            assert_eq!(ours.shape, shape, "{at}");
            match file.read_f32(ours) {
                Ok(values) => {
                    let theirs: Vec<_> =
                        list(&theirs["values"]).iter().map(|value| value.as_f64().expect("a number") as f32).collect();
                    assert_eq!(values, theirs, "{at}");
                }
                Err(FileError::DType { .. }) => assert!(theirs["values"].is_null(), "{at}"),
                Err(error) => panic!("{at}: {error}"),
            }
        }
        files += 1;
    }
    assert!(files > 15, "{files} files");
}

#[test]
fn anything_but_a_state_dict_is_refused_by_name_and_nothing_is_executed() {
    let mut files = 0;
    for (name, expected) in expected().iter().filter(|(_, expected)| !expected["refused"].is_null()) {
        let sentence = open(name).expect_err(name).to_string();
        for words in list(&expected["refused"]) {
            assert!(sentence.contains(text(words)), "{name}: {sentence}");
        }
        files += 1;
    }
    assert!(files > 5, "{files} files");
}

#[test]
fn formats_are_told_by_content() {
    let formats =
        ["dtypes-zip.pth", "dtypes-legacy.pth", "dtypes.safetensors"].map(|name| open(name).expect(name).format());
    assert_eq!(formats, [Format::ZipPickle, Format::LegacyPickle, Format::Safetensors]);
    let file = open("dtypes.safetensors").expect("a fixture");
    assert_eq!(file.metadata().get("made_by").map(String::as_str), Some("make.py"));
    assert!(open("dtypes-zip.pth").expect("a fixture").metadata().is_empty());
}

#[test]
fn a_kind_that_is_not_read_stops_only_its_own_tensor() {
    let file = open("unread-dtypes.pth").expect("a fixture");
    let dtypes: Vec<_> = file.tensors().iter().map(|tensor| tensor.dtype.clone()).collect();
    assert_eq!(dtypes, [DType::F32, DType::Other("uint16".into()), DType::Other("complex64".into())]);
    assert_eq!(file.read_f32(&file.tensors()[0]).expect("floats"), [-0.5, -0.25]);
    let sentence = file.read_f32(&file.tensors()[1]).expect_err("uint16").to_string();
    assert!(sentence.contains("tensor b holds uint16"), "{sentence}");
}
