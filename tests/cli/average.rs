//! `average`: its numbers, what it says of where they come from, and what it refuses.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ssd::weights::{Dtype, Header, Provenance, load, read_header, save};
use ssd::{Arch, Ssd};

use super::{ARCH, fresh_weights_file, keys, path_text, run};

/// A detector with weights of its own in a file.
fn detector(folder: &Path, name: &str, labels: &[&str], arch: Arch) -> PathBuf {
    let labels = labels.iter().map(|label| label.to_string()).collect();
    let (data, command) = (format!("data of {name}"), format!("train {name}"));
    let provenance = Provenance { data, command, steps: 3, ..Provenance::default() };
    let header = Header::new(arch, labels, provenance);
    let model = Ssd::new(arch, header.columns(), &Device::flex());
    let path = folder.join(name);
    fs::write(&path, save(&header, &model, Dtype::F32).expect("it can be saved")).expect("a new file");
    path
}

/// The weights of the first class predictor.
fn weights(path: &Path) -> Vec<f32> {
    let (_, model) = load(fs::read(path).expect("it is there"), &Device::flex()).expect("a weights file");
    model.heads[0].logits.conv.weight.val().into_data().iter().collect()
}

#[test]
fn detectors_are_averaged_in_their_shares() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = ["a.safetensors", "b.safetensors"].map(|name| detector(folder.path(), name, &["cat", "dog"], ARCH));
    let out = folder.path().join("out.safetensors");
    let average = |more: &[&str]| {
        let files = [path_text(&a), path_text(&b), path_text(&out)];
        run("average", &[&files[..], &["--dtype", "f32"], more].concat()).done()
    };
    for (shares, [of_a, of_b]) in [(&[][..], [0.5, 0.5]), (&["--shares", "3,1"], [0.75, 0.25])] {
        average(shares);
        for ((out, a), b) in weights(&out).into_iter().zip(weights(&a)).zip(weights(&b)) {
            assert!((out - of_a * a - of_b * b).abs() < 1e-6, "{out} is not {of_a} of {a} and {of_b} of {b}");
        }
    }
    let report = average(&["--shares", "1,0", "--json"]).json();
    assert_eq!(report["shares"], serde_json::json!([1.0, 0.0]));
    assert!(keys(&report).is_superset(&["out", "bytes", "arch", "labels"].into()), "{report}");
    assert_eq!(weights(&out), weights(&a), "all of one");

    let from = read_header(&fs::read(&out).expect("it is there")).expect("a weights file").provenance;
    assert_eq!(from.source_file.as_deref(), Some("a.safetensors, b.safetensors"));
    assert_eq!(from.data, "data of a.safetensors; data of b.safetensors");
    let average =
        "cargo run --release --bin average -- a.safetensors b.safetensors out.safetensors --shares 1,0 --dtype f32";
    assert_eq!(from.command, format!("train a.safetensors && train b.safetensors && {average}"));

    // Half the size without the flag.
    let whole = fs::metadata(&out).expect("it is there").len();
    run("average", &[path_text(&a), path_text(&b), path_text(&out)]).done();
    assert!(fs::metadata(&out).expect("it is there").len() * 100 < whole * 56);
}

#[test]
fn files_that_do_not_go_together_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cat = fresh_weights_file(folder.path(), &["cat"]);
    let dog = detector(folder.path(), "dog.safetensors", &["dog"], ARCH);
    let other = detector(folder.path(), "other.safetensors", &["cat"], Arch::SsdLite320MobileNetV3Large);
    let out = folder.path().join("out.safetensors");
    let cases: [(&[&Path], &[&str], &str); 7] = [
        (&[&cat], &[], "two files or more"),
        (&[&cat, &dog], &[], "classes"),
        (&[&cat, &other], &[], "network"),
        (&[&cat, &cat], &["--shares", "1"], "1 numbers for 2 files"),
        (&[&cat, &cat], &["--shares", "0,0"], "not all of them 0"),
        (&[&cat, Path::new("gone.safetensors")], &[], "gone.safetensors"),
        (&[&cat, &out], &[], "another name"),
    ];
    for (files, more, word) in cases {
        let files: Vec<&str> = files.iter().map(|path| path_text(path)).chain([path_text(&out)]).collect();
        let ran = run("average", &[&files[..], more].concat());
        assert!(ran.failed(2).contains(word), "{files:?}, {more:?}: {}", ran.stderr);
    }
    assert!(!out.exists(), "nothing is written");
}
