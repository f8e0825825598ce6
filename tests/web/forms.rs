//! The wasm in two forms, with relaxed SIMD and without: the browser loads the one that it takes, and both find the
//! same.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::origins::{SCRIPTS, outcome, weights};
use super::page::{Gpu, scenario};
use super::server::{BLANK, Extra};
use super::shipped::shapes_alone;

const GLUE: &str = "wasm/ssd-web.js";
const PLAIN: &str = "wasm/ssd-web_bg.wasm";
const RELAXED: &str = "wasm/ssd-web_relaxed.wasm";

/// What the glue asks the browser.
const ASKED: &str = "WebAssembly.validate(";

/// What two multiply-adds, rounded once or twice, may leave between two scores or two pixels.
const TOLERANCE: f64 = 1e-3;

#[test]
fn both_forms_of_the_wasm_find_the_same_and_this_browser_loads_the_relaxed_one() {
    scenario("forms", Gpu::None, |page| {
        shapes_alone(page)?;
        page.open(BLANK)?;
        // Folders with one form each. The glue of the second hears what a browser without relaxed SIMD says.
        let mut found = Vec::new();
        for (folder, form, asked) in [("relaxed", RELAXED, ASKED), ("plain", PLAIN, "!WebAssembly.validate(")] {
            for file in SCRIPTS.iter().chain(&[GLUE, form]) {
                let mut bytes = std::fs::read(page.dist.join(file)).with_context(|| format!("{file} is not there"))?;
                if *file == GLUE {
                    let glue = String::from_utf8(bytes)?;
                    ensure!(glue.matches(ASKED).count() == 1, "the glue makes no choice");
                    bytes = glue.replace(ASKED, asked).into_bytes();
                }
                page.server.put(&format!("{folder}/{file}"), Extra { bytes, ..Extra::default() });
            }
            let module = page.server.url(&format!("{folder}/detector.js"));
            found.push(outcome(page, &format!("detected('{module}', '{}')", weights()))?);
        }
        let (relaxed, plain) = (&found[0], &found[1]);
        let (numbers, others) = (numbers(relaxed)?, numbers(plain)?);
        ensure!(!numbers.is_empty() && numbers.len() == others.len(), "{relaxed} and {plain}");
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE;
        ensure!(numbers.iter().zip(&others).all(close), "{relaxed} and {plain}");
        Ok(())
    });
}

/// The score and the box of each detection.
fn numbers(outcome: &Value) -> Result<Vec<f64>> {
    let detections = outcome["detections"].as_array().with_context(|| format!("nothing was detected: {outcome}"))?;
    let all = detections.iter().flat_map(|one| {
        let sides = ["x", "y", "width", "height"].map(|side| &one["box"][side]);
        [&one["score"]].into_iter().chain(sides)
    });
    all.map(|number| number.as_f64().with_context(|| format!("a number is missing: {outcome}"))).collect()
}
