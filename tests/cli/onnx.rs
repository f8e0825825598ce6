//! `export-onnx`: the files it writes are the same network, the same seed is the same network, and where it fails
//! nothing is left. That the graph computes what the model computes is tested beside the exporter.

use std::path::{Path, PathBuf};

use image::RgbImage;
use tempfile::TempDir;

use super::{ARCH, Ran, path_text, run};

/// A folder to write into.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// All that is in it, hidden files too, in order.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("it is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }

    /// Runs `export-onnx` to a file of three classes and random weights, which are kept too.
    fn draw(&self, seed: &str, onnx: &str, weights: &str) -> Ran {
        let drawn = ["--arch", &ARCH.name(), "--classes", "3", "--seed", seed];
        let (onnx, weights) = (self.path(onnx), self.path(weights));
        run("export-onnx", &[&drawn[..], &["--save-weights", path_text(&weights), path_text(&onnx)]].concat())
    }
}

/// The value's name as ONNX has it where a value is declared: field 1 of a message, a text.
fn declares(onnx: &[u8], name: &str) -> bool {
    let field = [&[0x0a, name.len() as u8], name.as_bytes()].concat();
    onnx.windows(field.len()).any(|bytes| bytes == field)
}

#[test]
fn both_files_are_the_same_network_and_a_seed_draws_it_again() {
    let folder = Folder::new();
    folder.draw("7", "a.onnx", "a.safetensors").done();
    assert_eq!(folder.names(), ["a.onnx", "a.safetensors"]);
    let onnx = folder.bytes("a.onnx");
    for name in ["image", "offsets", "logits"] {
        assert!(declares(&onnx, name), "the file declares no {name}");
    }

    folder.draw("7", "b.onnx", "b.safetensors").done();
    assert!(onnx == folder.bytes("b.onnx"), "another network from the same seed");
    assert!(folder.bytes("a.safetensors") == folder.bytes("b.safetensors"), "other weights from the same seed");
    folder.draw("8", "b.onnx", "b.safetensors").done();
    assert!(onnx != folder.bytes("b.onnx"), "the seed changes nothing");

    // By way of the weights file nothing gets lost, and an older file is replaced.
    let (weights, again) = (folder.path("a.safetensors"), folder.path("b.onnx"));
    run("export-onnx", &["--weights", path_text(&weights), path_text(&again)]).done();
    assert!(onnx == folder.bytes("b.onnx"), "the weights file holds another network than the ONNX file");
}

#[test]
fn the_weights_that_it_saves_are_a_detector() {
    let folder = Folder::new();
    folder.draw("1", "out.onnx", "out.safetensors").done();
    let (weights, picture) = (folder.path("out.safetensors"), folder.path("picture.png"));
    let noise = RgbImage::from_fn(90, 60, |x, y| image::Rgb([(x * 37 + y * 91) as u8, (x * y) as u8, (x * 5) as u8]));
    noise.save(&picture).expect("a picture can be saved");
    let detect = ["--device", "cpu", "--json", "--score", "0.001", "--weights", path_text(&weights)];
    let document = run("detect", &[&detect[..], &[path_text(&picture)]].concat()).done().json();
    let detections = document[0]["detections"].as_array().expect("a list");
    assert!(!detections.is_empty(), "noise at a score of 0.001 finds something");
    let label = |class: u64| format!("class {class}");
    for detection in detections {
        let class = detection["class"].as_u64().expect("a number");
        assert!((1..=3).contains(&class) && detection["label"] == label(class), "{detection}");
    }
}

#[test]
fn what_cannot_be_exported_is_said_in_one_sentence_and_leaves_nothing() {
    let folder = Folder::new();
    let (text, nowhere) = (folder.path("text.safetensors"), folder.path("nowhere/out"));
    std::fs::write(&text, "no weights").expect("a new file");
    std::fs::create_dir(folder.path("taken")).expect("a new folder");
    let (out, taken) = (folder.path("out.onnx"), folder.path("taken"));
    let random = ["--arch", &ARCH.name(), "--classes", "3"];
    let from = |weights: &Path| run("export-onnx", &["--weights", path_text(weights), path_text(&out)]);
    let to = |out: &Path| run("export-onnx", &[&random[..], &[path_text(out)]].concat());
    let cases = [
        (from(&folder.path("gone")), 2, "gone"),
        (from(&text), 2, "not a whole safetensors file"),
        (to(&nowhere), 1, "nowhere/out was not written"),
        (to(&taken), 1, "taken was not written"),
    ];
    for (ran, code, words) in cases {
        let error = ran.failed(code);
        assert!(error.contains(words) && error.ends_with('.'), "{error}");
        assert_eq!(ran.stderr.lines().count(), 1, "more than that sentence:\n{}", ran.stderr);
        assert_eq!(folder.names(), ["taken", "text.safetensors"], "{error}");
    }

    // The network was whole before its weights had nowhere to go: it stays, and nothing else.
    let ran = folder.draw("1", "out.onnx", "nowhere/out");
    assert!(ran.failed(1).contains("nowhere/out was not written"), "{}", ran.stderr);
    assert_eq!(folder.names(), ["out.onnx", "taken", "text.safetensors"]);
    to(&folder.path("whole.onnx")).done();
    assert_eq!(folder.bytes("out.onnx"), folder.bytes("whole.onnx"), "a part of it was left");
}
