//! `bench`: its JSON has the promised fields, the layers are the whole network, and bad usage ends with 2. Times are
//! only checked to exist.

use burn::tensor::Device;
use serde_json::Value;
use ssd::Ssd;
use ssd_tests::skip;

use super::{ARCH, fresh_weights_file, keys, path_text, run};

/// The shortest possible measurement.
const QUICK: [&str; 7] = ["--arch", "ssd300-mobilenet-v2-lite", "--runs", "1", "--seconds", "0.001", "--json"];

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} is no number in {value}"))
}

/// Every promised field, with plausible numbers.
fn check(document: &Value, classes: usize, burn: bool) {
    let top =
        ["device", "arch", "batch", "peak", "layers", "network", "preprocess_ms", "postprocess_ms", "readback_bytes"];
    assert!(keys(document).is_superset(&top.into()), "{:?}", keys(document));
    assert!(keys(&document["device"]).is_superset(&["name", "backend", "threads"].into()));
    assert!(document["device"]["threads"].as_u64().is_some_and(|threads| threads > 0));
    assert_eq!((document["arch"].as_str(), document["batch"].as_u64()), (Some(&*ARCH.name()), Some(1)));
    for rate in ["gflops", "gbytes_per_s"] {
        assert!(number(&document["peak"], rate) > 0.0, "{rate}");
    }
    assert!(document["readback_bytes"].is_u64());
    assert!(number(document, "preprocess_ms") >= 0.0);
    assert_eq!(keys(&document["postprocess_ms"]), ["0.5", "0.01"].into());
    assert!(["0.5", "0.01"].iter().all(|score| number(&document["postprocess_ms"], score) > 0.0));

    let layers = document["layers"].as_array().expect("a list");
    let mut gflop = 0.0;
    for layer in layers {
        let wanted = ["name", "gflop", "ms", "gflops", "share_of_peak", "burn_ms"];
        assert!(keys(layer).is_superset(&wanted.into()), "{layer}");
        assert!(number(layer, "ms") > 0.0 && number(layer, "share_of_peak") >= 0.0, "{layer}");
        assert_eq!(layer["burn_ms"].as_f64().is_some_and(|ms| ms > 0.0), burn, "{layer}");
        assert!(layer["method"].as_str().is_some_and(|method| !method.is_empty()), "{layer}");
        gflop += number(layer, "gflop");
    }
    let whole = 2e-9 * Ssd::new(ARCH, classes, &Device::flex()).multiply_adds(ARCH.input_size()) as f64;
    assert!((gflop - whole).abs() < 1e-6 * whole, "the layers are {gflop} GFLOP, the network is {whole}");
    assert!(layers.iter().any(|layer| layer["name"] == "head6"));
    let network = &document["network"];
    assert!(number(network, "ms") > 0.0 && number(network, "gflops") > 0.0);
    assert_eq!(network["burn_ms"].is_number(), burn);
    assert_eq!(document["correct"]["ok"], true, "{}", document["correct"]);
}

#[test]
fn the_processor_is_measured_layer_by_layer_beside_burn() {
    let document = run("bench", &[&QUICK[..], &["--device", "cpu", "--classes", "3"]].concat()).done().json();
    check(&document, 4, true);
    assert_eq!((document["device"]["backend"].as_str(), document["readback_bytes"].as_u64()), (Some("cpu"), Some(0)));
}

#[test]
fn a_gpu_is_measured_by_our_kernels() {
    let ran = run("bench", &[&QUICK[..], &["--device", "wgpu", "--no-burn"]].concat());
    // Graphics drivers write lines of their own on stderr, some of them with "error:".
    if ran.code == Some(2) {
        let why = ran.stderr.lines().last().unwrap_or_default();
        skip(why);
    }
    assert_eq!(ran.code, Some(0), "it failed:\n{}", ran.stderr);
    let document = ran.json();
    check(&document, 21, false);
    assert_eq!(document["engine"], "wgsl");
    let readback = document["readback_bytes"].as_u64().expect("a number");
    assert!((1..=8192).contains(&readback), "{readback} bytes");
    assert!(document["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    let candidates = |score: &str| document["postprocess_candidates"][score].as_u64().expect("a number");
    assert!(candidates("0.5") > 0 && candidates("0.01") >= 20 * 400, "{}", document["postprocess_candidates"]);
}

#[test]
fn a_day_with_a_card_leaves_its_files_and_says_what_it_left_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let day = folder.path().join("day");
    let ran = run("bench", &["--day", path_text(&day), "--rehearse", "--budget", "16", "--device", "wgpu", "--json"]);
    if ran.code == Some(2) {
        let why = ran.stderr.lines().last().unwrap_or_default();
        skip(why);
    }
    assert_eq!(ran.code, Some(0), "it failed:\n{}", ran.stderr);
    let (document, list) = (ran.json(), |name: &str| ran.json()[name].as_array().expect("a list").clone());
    let file = |name: &str| std::fs::read_to_string(day.join(name)).expect("it was written");
    assert_eq!(serde_json::from_str::<Value>(&file("day.json")).expect("JSON"), document);
    assert!(document["under_way"].is_null() && list("failed").is_empty(), "{document}");
    assert!(number(&document["peak"], "gflops") > 0.0 && number(&document["peak"], "gbytes_per_s") > 0.0);

    // A machine under load may have time for nothing but the peaks: then all else is left out by name.
    let (convolutions, networks, left_out) = (list("convolutions"), list("networks"), list("left_out"));
    let begins = |start: &'static str| move |name: &&Value| name.as_str().is_some_and(|name| name.starts_with(start));
    assert!(!convolutions.is_empty() || left_out.iter().any(|name| begins("methods of")(&name)), "{left_out:?}");
    for convolution in &convolutions {
        let methods = convolution["methods"].as_array().expect("a list");
        assert_eq!(methods.iter().filter(|method| method["chosen"] == true).count(), 1, "{convolution}");
        assert!(methods.iter().all(|method| method["ok"] == true), "{convolution}");
    }
    // Two networks by 20 and 90 classes, in one and in eight pictures, at least with 32 bits; and those of Burn.
    let beside = networks.iter().filter(|network| network["network"]["burn_ms"].is_number()).count();
    assert_eq!(beside + left_out.iter().filter(begins("Burn's forward")).count(), 4, "{left_out:?}");
    let all = networks.len() + left_out.iter().filter(begins("ssd")).count();
    assert!(all == 8 || all == 16, "{left_out:?}");
    let untrained = left_out.iter().filter(begins("training")).count();
    assert_eq!(document["training"].is_null(), untrained == 1, "{left_out:?}");

    let text = file("day.md");
    assert!(text.contains("## Methods") && text.contains("Peaks: "), "{text}");
    let table = file("measured.rs");
    assert!(table.contains("const CARDS: &[Card]"), "{table}");
    assert_eq!(table.matches("row([").count() as u64, document["rows"].as_u64().expect("a number"), "{table}");
}

#[test]
fn bad_usage_of_bench_ends_with_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = fresh_weights_file(folder.path(), &["cat"]);
    let weights = path_text(&weights);
    let cases: [(&[&str], &str); 11] = [
        (&["--arch", "yolo"], "yolo"),
        (&["--batch", "0"], "--batch"),
        (&["--runs", "0"], "--runs"),
        (&["--seconds", "0"], "--seconds"),
        (&["--methods", "--device", "cpu"], "--methods"),
        (&["--weights", "gone.safetensors", "--device", "cpu"], "gone.safetensors"),
        (&["--weights", weights, "--arch", "ssd300-vgg16"], "--arch"),
        (&["--weights", weights, "--device", "cuda"], "feature `cuda`"),
        (&["--day", "day", "--device", "cpu"], "--day"),
        (&["--day", "day", "--budget", "0"], "--budget"),
        (&["--rehearse"], "--day"),
    ];
    for (arguments, word) in cases {
        let ran = run("bench", arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}:\n{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{arguments:?} does not name {word}:\n{}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{arguments:?} printed {}", ran.stdout);
    }
}

#[test]
fn bench_tells_how_it_is_used() {
    let help = run("bench", &["--help"]).done().stdout;
    for part in ["Usage:", "Examples:", "--device", "--json", "--methods", "default", "Exit code: 0 done, 1 failed"] {
        assert!(help.contains(part), "--help lacks {part:?}:\n{help}");
    }
    assert!(run("bench", &["--arch", "list"]).done().stdout.contains("ssd300-vgg16-bn"));
}
