//! Help, and errors found before anything is read.

use super::{fresh_weights_file, keys, path_text, run};

#[test]
fn help_says_how_it_is_used_and_how_it_ends() {
    let everywhere = ["Usage:", "Examples:", "default", "Exit code: 0 done, 1 failed while running", ", 2 bad usage"];
    let computes = ["--device", "--json"];
    for (program, more) in [
        ("train", computes),
        ("eval", computes),
        ("detect", computes),
        ("bench", computes),
        // No device computes anything there, and its result is a file.
        ("export-onnx", ["--weights", "--arch"]),
    ] {
        let help = run(program, &["--help"]).done().stdout;
        for part in everywhere.into_iter().chain(more) {
            assert!(help.contains(part), "{program} --help lacks {part:?}:\n{help}");
        }
    }
}

#[test]
fn bad_usage_ends_with_2_and_names_what_is_wrong() {
    let train = ["--data", "shapes:1:2", "--out", "never-made"];
    let cases: [(&str, &[&str], &str); 37] = [
        ("train", &[], "--out"),
        ("train", &["--data", "shapes"], "--out"),
        ("train", &["--out", "never-made"], "--data"),
        ("train", &["--no-such-flag"], "--no-such-flag"),
        ("train", &["--epochs", "many"], "many"),
        ("train", &[&train[..], &["--epochs", "0"]].concat(), "--epochs"),
        ("train", &[&train[..], &["--batch-size", "0"]].concat(), "--batch-size"),
        ("train", &[&train[..], &["--overfit", "0"]].concat(), "--overfit"),
        ("train", &[&train[..], &["--lr=-0.1"]].concat(), "--lr"),
        ("train", &[&train[..], &["--lr", "NaN"]].concat(), "--lr"),
        ("train", &[&train[..], &["--ema", "1"]].concat(), "--ema is 1"),
        ("train", &[&train[..], &["--freeze", "6"]].concat(), "at most 5, the stages"),
        ("train", &[&train[..], &["--class-loss", "hinge"]].concat(), "softmax"),
        ("train", &[&train[..], &["--focal-alpha", "1.5"]].concat(), "--focal-alpha is 1.5"),
        ("train", &[&train[..], &["--focal-gamma=-1"]].concat(), "--focal-gamma is -1"),
        ("train", &[&train[..], &["--milestones", "0.5,80"]].concat(), "--milestones is 80"),
        ("train", &[&train[..], &["--clip-norm=-1"]].concat(), "--clip-norm"),
        ("train", &[&train[..], &["--recipe", "soup"]].concat(), "paper-voc"),
        ("train", &[&train[..], &["--config", "gone.json"]].concat(), "gone.json"),
        ("train", &[&train[..], &["--accumulate", "99999999999"]].concat(), "--accumulate"),
        ("train", &[&train[..], &["--stop-after", "0"]].concat(), "--stop-after"),
        ("train", &[&train[..], &["--device", "cpu:1"]].concat(), "cpu:1"),
        ("eval", &["--ground-truth", "a.json", "--detections", "b.json", "--score", "0.9"], "--score"),
        ("train", &["--data", "shapes:one", "--out", "never-made"], "shapes:one"),
        ("train", &["--data", "no-such-folder", "--out", "never-made"], "no-such-folder"),
        ("train", &[&train[..], &["--resume"]].concat(), "never-made"),
        ("train", &[&train[..], &["--init", "gone.safetensors"]].concat(), "gone.safetensors"),
        ("eval", &[], "--weights"),
        ("eval", &["--ground-truth", "only.json"], "--detections"),
        ("detect", &["--weights", "w.safetensors"], "IMAGE|DIR"),
        ("bench", &["--no-such-flag"], "--no-such-flag"),
        ("export-onnx", &[], "OUT.onnx"),
        ("export-onnx", &["never-made"], "--weights"),
        ("export-onnx", &["--arch", "ssd300-vgg16"], "OUT.onnx"),
        ("export-onnx", &["--arch", "yolo", "never-made"], "yolo"),
        ("export-onnx", &["--arch", "ssd300-vgg16", "--classes", "0", "never-made"], "--classes"),
        ("export-onnx", &["--arch", "ssd300-vgg16", "--weights", "w.safetensors", "never-made"], "--weights"),
    ];
    for (program, arguments, word) in cases {
        let ran = run(program, arguments);
        assert_eq!(ran.code, Some(2), "{program} {arguments:?}:\n{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{program} {arguments:?} does not name {word}:\n{}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{program} {arguments:?} printed {}", ran.stdout);
    }
    assert!(!std::path::Path::new("never-made").exists(), "bad usage leaves nothing behind");
}

#[test]
fn a_device_that_is_not_built_names_its_feature() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = fresh_weights_file(folder.path(), &["cat"]);
    let (weights, out) = (path_text(&weights), folder.path().join("run"));
    for kind in ["cuda", "vulkan"] {
        let device = ["--device", kind];
        let runs = [
            run("train", &[&["--data", "shapes:1:2", "--out", path_text(&out)], &device[..]].concat()),
            run("eval", &[&["--data", "shapes:1:2", "--weights", weights], &device[..]].concat()),
            run("detect", &[&["--weights", weights, weights], &device[..]].concat()),
            run("bench", &[&["--weights", weights], &device[..]].concat()),
        ];
        for ran in runs {
            let error = ran.failed(2);
            assert!(error.contains(&format!("feature `{kind}`")), "{error}");
        }
    }
    assert!(!out.exists(), "a run that cannot begin leaves no folder behind");
}

#[test]
fn architectures_are_listed_and_unknown_ones_refused() {
    let names = [
        "ssd300-vgg16",
        "ssd300-vgg16-bn",
        "ssd300-resnet34",
        "ssd300-mobilenet-v1",
        "ssd300-mobilenet-v2-lite",
        "ssdlite320-mobilenet-v3-large",
    ];
    let table = run("train", &["--arch", "list"]).done().stdout;
    let row = |name: &str| table.lines().find(|line| line.split_whitespace().next() == Some(name));
    for name in names {
        assert!(row(name).is_some(), "{name} is not in:\n{table}");
    }
    let document = run("train", &["--arch", "list", "--json"]).done().json();
    let rows = document.as_array().expect("a list");
    assert!(rows.len() >= names.len());
    for listed in rows {
        assert!(keys(listed).is_superset(&["name", "parameters"].into()));
        let name = listed["name"].as_str().expect("a name");
        assert!(row(name).is_some() && listed["parameters"].as_u64().is_some_and(|count| count > 1_000_000), "{name}");
    }
    let ran = run("train", &["--data", "shapes:1:2", "--out", "never-made", "--arch", "yolo"]);
    let error = ran.failed(2);
    assert!(error.contains("yolo") && error.contains("ssd300-vgg16-bn"), "{error}");
}
