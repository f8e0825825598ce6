//! `bench-loader`: its output, and that bad input ends in a sentence.

use super::{keys, run};

#[test]
fn the_loader_is_measured_and_printed_as_json_and_as_a_table() {
    let arguments = ["--data", "shapes:1:7", "--images", "5", "--workers", "2", "--input-size", "60"];
    let report = run("bench-loader", &[&arguments[..], &["--json"]].concat()).done().json();
    assert_eq!(keys(&report), ["images", "images_per_s", "input_size", "stages_ms", "workers"].into());
    assert_eq!((&report["images"], &report["workers"], &report["input_size"]), (&5.into(), &2.into(), &60.into()));
    assert!(report["images_per_s"].as_f64().is_some_and(|speed| speed > 0.0), "{report}");
    let stages = &report["stages_ms"];
    assert_eq!(keys(stages), ["decode", "expand_crop_flip", "photometric", "resize"].into());
    // Drawing a scene and scaling it take time; what light and colour add is a difference, and may drown in noise.
    assert!(["decode", "resize"].iter().all(|stage| stages[stage].as_f64().is_some_and(|ms| ms > 0.0)), "{report}");

    let table = run("bench-loader", &arguments).done().stdout;
    for part in ["5 pictures to 60x60", "decode", "photometric", "images/s from the loader with 2 threads"] {
        assert!(table.contains(part), "no {part:?} in:\n{table}");
    }
}

#[test]
fn bad_input_of_the_loader_ends_with_2_and_names_what_is_wrong() {
    let cases: [(&[&str], &str); 4] = [
        (&[], "--data"),
        (&["--data", "no-such-folder"], "no-such-folder"),
        (&["--data", "shapes:1:2", "--images", "0"], "--images"),
        (&["--data", "shapes:1:2", "--workers", "0"], "--workers"),
    ];
    for (arguments, word) in cases {
        let ran = run("bench-loader", arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}:\n{}", ran.stderr);
        assert!(ran.stderr.contains(word) && ran.stdout.is_empty(), "{arguments:?}:\n{}", ran.stderr);
    }
    let help = run("bench-loader", &["--help"]).done().stdout;
    for part in ["Usage:", "Examples:", "default", "Exit code: 0 done, 1 failed while running, 2 bad usage"] {
        assert!(help.contains(part), "no {part:?} in:\n{help}");
    }
}
