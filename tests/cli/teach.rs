//! `train --recipe teach`: a detector learns other classes in seconds.

use serde_json::Value;
use ssd::Arch;
use ssd::weights::read_header;
use ssd_tests::fresh::fresh_network;
use ssd_tests::run::{path_text, run};

#[test]
fn a_detector_is_taught_in_seconds_and_its_file_says_by_what() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (start, out) = (folder.path().join("start.safetensors"), folder.path().join("run"));
    let arch: Arch = "ssd96-mobilenet-v1-tf-0.25".parse().expect("the name of a network");
    std::fs::write(&start, fresh_network(arch, &["cat", "dog"])).expect("a file");
    let teach = |more: &[&str]| {
        let always = ["--data", "shapes:3:20", "--recipe", "teach", "--init", path_text(&start), "--json"];
        run("train", &[&always, more, &["--out", path_text(&out)]].concat())
    };

    for [flag, value] in [["--epochs", "3"], ["--freeze", "1"], ["--device", "wgpu"]] {
        assert!(teach(&[flag, value]).failed(2).contains(&format!("{flag} does not go with --recipe teach")));
    }
    let report = teach(&["--steps", "12", "--keep-classes"]).done().json();
    assert_eq!(report["images"], 2, "a tenth of the pictures is measured on");

    let header = read_header(&std::fs::read(out.join("best.safetensors")).expect("weights")).expect("a detector");
    assert_eq!(header.labels[..2], ["cat", "dog"]);
    assert!(header.labels.len() > 2 && header.score == 0.3);
    assert_eq!(header.provenance.steps, 12);
    let source = header.provenance.source_file.as_deref();
    assert_eq!((source, header.provenance.data.as_str()), (Some("start.safetensors"), "shapes:3:20"));
    assert!(header.provenance.command.contains("--recipe teach"), "{}", header.provenance.command);

    let lines = std::fs::read_to_string(out.join("metrics.jsonl")).expect("metrics");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 13);
    assert!(lines[..12].iter().all(|line| line["loss"].as_f64().is_some_and(f64::is_finite)));
    assert!(lines[12].get("map_voc").is_some());
    assert!(out.join("curves.png").exists() && out.join("config.json").exists());
    assert!(teach(&[]).failed(2).contains("already holds the weights of a run"));
}

#[test]
fn without_a_detector_to_start_from_it_says_what_to_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let taught = run("train", &["--data", "shapes:3:20", "--recipe", "teach", "--out", path_text(&out)]);
    assert!(taught.failed(2).contains("--init"));
    let other = run("train", &["--data", "shapes:3:20", "--steps", "3", "--out", path_text(&out)]);
    assert!(other.failed(2).contains("--steps and --keep-classes are for --recipe teach"));
    assert!(!out.exists());
}
