//! Invalid weights files: each is refused in one sentence that names the file.

use std::collections::HashMap;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use super::{fresh_weights, path_text, run};

/// A weights file taken apart, to be changed and put together again.
struct Parts {
    header: Option<Value>,
    tensors: Vec<(String, safetensors::Dtype, Vec<usize>, Vec<u8>)>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let (_, metadata) = SafeTensors::read_metadata(bytes).expect("a safetensors file");
        let header = metadata.metadata().as_ref().and_then(|map| map.get("ssd")).expect("a header");
        let file = SafeTensors::deserialize(bytes).expect("a safetensors file");
        let tensors =
            file.iter().map(|(n, t)| (n.to_string(), t.dtype(), t.shape().to_vec(), t.data().to_vec())).collect();
        Self { header: Some(serde_json::from_str(header).expect("JSON")), tensors }
    }

    fn bytes(&self) -> Vec<u8> {
        let views = self.tensors.iter().map(|(name, dtype, shape, data)| {
            (name, TensorView::new(*dtype, shape.clone(), data).expect("the data fits the shape"))
        });
        let metadata = self.header.as_ref().map(|header| HashMap::from([("ssd".to_string(), header.to_string())]));
        safetensors::serialize(views, metadata).expect("it can be written")
    }
}

/// The file with one thing changed.
fn changed(bytes: &[u8], change: impl FnOnce(&mut Parts)) -> Vec<u8> {
    let mut parts = Parts::of(bytes);
    change(&mut parts);
    parts.bytes()
}

/// The file with one place of its header changed.
fn with_header(bytes: &[u8], pointer: &str, value: Value) -> Vec<u8> {
    changed(bytes, |parts| {
        let place = parts.header.as_mut().and_then(|header| header.pointer_mut(pointer));
        *place.unwrap_or_else(|| panic!("the header has no {pointer}")) = value;
    })
}

#[test]
fn what_is_no_detector_is_refused_in_a_sentence() {
    let good = fresh_weights(&["cat", "dog"]);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "not a whole safetensors file"),
        ("text", b"<html>404</html>".to_vec(), "not a whole safetensors file"),
        ("zero bytes", vec![0; 4096], "not a whole safetensors file"),
        ("a length beyond the file", [vec![0xff; 8], vec![b'{'; 64]].concat(), "not a whole safetensors file"),
        ("cut in half", good[..good.len() / 2].to_vec(), "not a whole safetensors file"),
        ("cut by one byte", good[..good.len() - 1].to_vec(), "not a whole safetensors file"),
        ("no header", changed(&good, |parts| parts.header = None), "no `ssd` metadata"),
        (
            "zero weights",
            changed(&good, |parts| parts.tensors.iter_mut().for_each(|t| t.3.fill(0))),
            "weights are zero",
        ),
        (
            "one NaN",
            changed(&good, |parts| parts.tensors[7].3[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
            "not finite",
        ),
        ("a tensor missing", changed(&good, |parts| drop(parts.tensors.pop())), "missing"),
        ("no labels", with_header(&good, "/labels", json!([])), "names no class"),
        ("a label too many", with_header(&good, "/labels", json!(["cat", "dog", "cow"])), "tensors do not fit"),
        ("another architecture", with_header(&good, "/arch", json!("ssd300-vgg16")), "priors do not stand"),
        ("an architecture of the future", with_header(&good, "/arch", json!("ssd512")), "not understood"),
        ("priors on another grid", with_header(&good, "/priors/levels/0/grid", json!(38)), "priors do not stand"),
        ("priors without size", with_header(&good, "/priors/levels/2/size", json!(-0.2)), "not above 0"),
        ("no variance", with_header(&good, "/priors/variances/size", json!(0)), "not above 0"),
        ("another input", with_header(&good, "/input_size", json!(512)), "300 pixels, not 512"),
        ("division by zero", with_header(&good, "/normalization/std/1", json!(0)), "divides pixels by zero"),
        ("a score above 1", with_header(&good, "/score", json!(7)), "out of range"),
        ("a header that is none", changed(&good, |parts| parts.header = Some(json!("cat"))), "not understood"),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("weights.safetensors");
    for (case, bytes, word) in cases {
        std::fs::write(&path, bytes).expect("a temporary folder takes a file");
        // The picture is never opened: any existing file will do.
        let ran = run("detect", &["--device", "cpu", "--json", "--weights", path_text(&path), path_text(&path)]);
        let error = ran.failed(2);
        assert!(error.contains(path_text(&path)) && error.contains(word), "{case}: {error}");
        assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{case}: more than a sentence:\n{}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{case}: printed {}", ran.stdout);
    }
    // Not there at all.
    let (picture, gone) = (folder.path().join("picture.jpg"), folder.path().join("gone.safetensors"));
    std::fs::write(&picture, "").expect("a temporary folder takes a file");
    for (program, input) in [("detect", &[path_text(&picture)][..]), ("eval", &["--data", "shapes:1:10"])] {
        let ran = run(program, &[&["--device", "cpu", "--weights", path_text(&gone)], input].concat());
        let error = ran.failed(2);
        assert!(error.contains(path_text(&gone)), "{error}");
    }
}
