//! `convert`: what it reads, what it prints of it, and how it refuses the rest. Whether the numbers are right is tested
//! in `parity`.

use std::fs;
use std::path::{Path, PathBuf};

use ssd_tests::fixture::Fixture;
use ssd_tests::workspace_root;

use super::{ARCH, fresh_weights_file, keys, path_text, run};

/// The smallest layout of a detector: 20 classes.
const LAYOUT: &str = "qfgaohao-mb2-ssd-lite";

/// A folder with a checkpoint of that layout in it.
struct Checkpoint {
    folder: tempfile::TempDir,
    path: PathBuf,
}

fn checkpoint(prefix: &str, wanted: impl Fn(&str) -> bool) -> Checkpoint {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("public.safetensors");
    fs::write(&path, Fixture::open(LAYOUT).bytes(prefix, wanted)).expect("a new file");
    Checkpoint { folder, path }
}

impl Checkpoint {
    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.beside(name);
        fs::write(&path, text).expect("a new file");
        path
    }
}

/// What follows the header of a safetensors file.
fn numbers(file: &[u8]) -> &[u8] {
    let length = file.first_chunk::<8>().expect("a file has a length");
    &file[8 + u64::from_le_bytes(*length) as usize..]
}

fn small_file(name: &str) -> PathBuf {
    workspace_root().join("tests/fixtures/pytorch-files").join(name)
}

#[test]
fn a_public_checkpoint_becomes_a_detector() {
    let from = checkpoint("state_dict.module.", |_| true);
    let to = from.beside("out.safetensors");
    let ran = run("convert", &[path_text(&from.path), path_text(&to), "--json"]).done();
    assert!(ran.stderr.contains(LAYOUT) && ran.stderr.contains("20 classes"), "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["layout"], &report["arch"]), (&LAYOUT.into(), &ARCH.name().into()));
    assert_eq!(report["labels"][14], "person");
    assert_eq!(report["unused"].as_array().map(Vec::len), Some(0), "{}", report["unused"]);
    assert_eq!(report["bytes"].as_u64(), Some(fs::metadata(&to).expect("it was written").len()));

    let picture = workspace_root().join("web/samples");
    let found = run("detect", &["--weights", path_text(&to), "--device", "cpu", "--json", path_text(&picture)]).done();
    assert!(found.json().as_array().is_some_and(|pictures| !pictures.is_empty()));

    // Half the size, and from our own file as from the public one.
    let (half, again) = (from.beside("half.safetensors"), from.beside("again.safetensors"));
    run("convert", &[path_text(&from.path), path_text(&half), "--dtype", "f16"]).done();
    let ran = run("convert", &[path_text(&to), path_text(&again), "--dtype", "f16"]).done();
    assert!(ran.stderr.contains("our own"), "{}", ran.stderr);
    let [half, again] = [half, again].map(|path| fs::read(path).expect("it was written"));
    // The headers differ by the command.
    assert!(numbers(&half) == numbers(&again), "the numbers are the same from either file");
    let share = half.len() as f64 / fs::metadata(&to).expect("it is there").len() as f64;
    assert!((0.5..0.56).contains(&share), "{share} of its size");
}

#[test]
fn an_inspection_tells_what_a_file_is() {
    let from = checkpoint("model.", |_| true);
    let inspect = |path: &Path| run("convert", &["--inspect", path_text(path), "--json"]).done().json();
    let found = inspect(&from.path);
    assert_eq!(found["layout"], LAYOUT);
    let network = &found["network"];
    assert_eq!((&network["arch"], &network["parameters"]), (&ARCH.name().into(), &3_388_228.into()));
    assert_eq!((&network["prior_count"], &network["normalization"]["mean"][0]), (&3000.into(), &127.0.into()));
    assert!(keys(network).is_superset(&["labels", "priors", "provenance", "unused", "beside"].into()));

    let own = fresh_weights_file(from.folder.path(), &["cat", "dog"]);
    assert_eq!(inspect(&own)["network"]["labels"], serde_json::json!(["cat", "dog"]));
    let text = run("convert", &["--inspect", path_text(&own)]).done().stdout;
    for word in ["architecture", &ARCH.name(), "cat, dog", "3000", "variances", "mean 127", "parameters"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
    // What fits no layout is listed all the same.
    let text = run("convert", &["--inspect", path_text(&small_file("parameters-zip.pth"))]).done().stdout;
    assert!(text.contains("problem") && text.contains("no layout"), "{text}");
}

#[test]
fn labels_are_taken_where_they_are_as_many_as_the_classes() {
    let from = checkpoint("", |_| true);
    let to = from.beside("out.safetensors");
    let names: String = (1..=20).map(|number| format!("thing {number}\n")).collect();
    let right = from.write("right.txt", &format!("BACKGROUND\n{names}\n"));
    let wrong = from.write("wrong.txt", "one\ntwo\n");
    let with = |labels: &Path| {
        run("convert", &[path_text(&from.path), path_text(&to), "--labels", path_text(labels), "--json"])
    };
    assert_eq!(with(&right).done().json()["labels"][19], "thing 20");
    fs::remove_file(&to).expect("it was written");
    let ran = with(&wrong);
    assert!(ran.failed(2).contains("2 labels") && ran.stderr.contains("20 classes"), "{}", ran.stderr);
    assert!(!to.exists(), "nothing is written");
}

#[test]
fn what_is_missing_and_what_is_left_over_is_named() {
    let gone = ["base_net.14.conv.3.weight", "extras.2.conv.7.running_var"];
    let from = checkpoint("", |name| !gone.contains(&name));
    let to = from.beside("out.safetensors");
    let ran = run("convert", &[path_text(&from.path), path_text(&to)]);
    let error = ran.failed(2);
    for name in [LAYOUT, gone[0], gone[1]] {
        assert!(error.contains(name), "{name} is not in: {error}");
    }
    assert!(!to.exists(), "nothing is written");
    let ran = run("convert", &[path_text(&from.path), path_text(&to), "--layout", "amdegroot-ssd300"]);
    assert!(ran.failed(2).contains("amdegroot-ssd300"), "{}", ran.stderr);
}

#[test]
fn a_detector_without_what_marks_it_is_no_trunk() {
    let gone = ["classification_headers.0.0.weight", "classification_headers.0.3.weight"];
    let from = checkpoint("model.", |name| !gone.iter().any(|end| name.ends_with(end)));
    let ran = run("convert", &[path_text(&from.path), path_text(&from.beside("out.safetensors"))]);
    let error = ran.failed(2);
    assert!(error.contains(LAYOUT) && gone.iter().all(|name| error.contains(name)), "{error}");
}

#[test]
fn options_that_do_not_apply_are_refused() {
    let from = checkpoint("", |_| true);
    let (own, to) = (fresh_weights_file(from.folder.path(), &["cat"]), from.beside("out.safetensors"));
    let same = from.write("same.txt", &"thing\n".repeat(20));
    let cases = [
        (&from.path, ["--priors", "voc"], "one set"),
        (&from.path, ["--labels", path_text(&same)], "two classes"),
        (&own, ["--layout", LAYOUT], "this project"),
        (&own, ["--priors", "coco"], "this project"),
    ];
    for (path, option, word) in cases {
        let ran = run("convert", &[&[path_text(path), path_text(&to)], &option[..]].concat());
        assert!(ran.failed(2).contains(word), "{option:?}: {}", ran.stderr);
    }
    let ran = run("convert", &[path_text(&from.path), path_text(&from.path)]);
    assert!(ran.failed(2).contains("another name"), "{}", ran.stderr);
    assert!(!to.exists(), "nothing is written");
}

/// A safetensors file of these tensors without a number in them.
fn empty_tensors(tensors: &[(&str, &str)]) -> Vec<u8> {
    let entry = |(name, shape): &(&str, &str)| {
        format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,0]}}")
    };
    let mut header = format!("{{{}}}", tensors.iter().map(entry).collect::<Vec<_>>().join(","));
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
}

#[test]
fn shapes_that_lie_cost_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("lies.safetensors");
    for rows in ["4000000000", "18446744073709551612", "0", "8004"] {
        let shape = format!("[{rows},0,3,3]");
        fs::write(&path, empty_tensors(&[("conf.0.weight", &shape), ("vgg.0.weight", "[64,0,3,3]")]))
            .expect("a new file");
        let ran = run("convert", &[path_text(&path), path_text(&folder.path().join("out.safetensors"))]);
        assert!(ran.failed(2).contains("lies.safetensors"), "{}", ran.stderr);
        assert!(run("convert", &["--inspect", path_text(&path)]).done().stdout.contains("problem"));
    }
}

#[test]
fn what_is_no_checkpoint_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let to = folder.path().join("out.safetensors");
    let cut = folder.path().join("cut.safetensors");
    let whole = Fixture::open(LAYOUT).bytes("", |_| true);
    fs::write(&cut, &whole[..whole.len() / 2]).expect("a new file");
    let cases = [
        (cut, "cut.safetensors"),
        (folder.path().join("gone.pth"), "gone.pth"),
        (small_file("module.pth"), "state_dict"),
        (small_file("parameters-zip.pth"), "no layout"),
        (workspace_root().join("README.md"), "README.md"),
    ];
    for (path, word) in cases {
        let ran = run("convert", &[path_text(&path), path_text(&to)]);
        let error = ran.failed(2);
        assert!(error.contains(word), "{}: {word} is not in: {error}", path.display());
    }
    assert!(!to.exists(), "nothing is written");
    let ran = run("convert", &[path_text(&folder.path().join("a.pth"))]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}
