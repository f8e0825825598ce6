//! The wasm in two forms, with relaxed SIMD and without: the browser loads the one that it takes, and both find the same.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::origins::{SCRIPTS, outcome, weights};
use super::page::{Gpu, scenario};
use super::server::{BLANK, Extra};
use super::shipped::shapes_alone;

const GLUE: &str = "wasm/ssd-web.js";
const PLAIN: &str = "wasm/ssd-web_bg.wasm";
const RELAXED: &str = "wasm/ssd-web_relaxed.wasm";

/// What two multiply-adds, rounded once or twice, may leave between two scores or two pixels.
const TOLERANCE: f64 = 1e-3;

#[test]
fn both_forms_of_the_wasm_find_the_same_and_this_browser_loads_the_relaxed_one() {
    scenario("forms", Gpu::None, |page| {
        shapes_alone(page)?;
        // A folder whose glue hears the opposite, as a browser without relaxed SIMD says it, and that has no other form.
        for file in SCRIPTS.iter().chain(&[GLUE, PLAIN]) {
            let mut bytes = std::fs::read(page.dist.join(file)).with_context(|| format!("{file} is not there"))?;
            if *file == GLUE {
                let glue = String::from_utf8(bytes)?;
                ensure!(glue.matches("WebAssembly.validate(").count() == 1, "the glue makes no choice");
                bytes = glue.replace("WebAssembly.validate(", "!WebAssembly.validate(").into_bytes();
            }
            page.server.put(&format!("plain/{file}"), Extra { bytes, ..Extra::default() });
        }
        page.open(BLANK)?;
        let (url, weights) = (page.server.url(""), weights());
        let relaxed = outcome(page, &format!("detected('{url}detector.js', '{weights}')"))?;
        ensure!(page.server.answers(RELAXED) == [200] && page.server.answers(PLAIN).is_empty());
        let plain = outcome(page, &format!("detected('{url}plain/detector.js', '{weights}')"))?;
        ensure!(page.server.answers(&format!("plain/{PLAIN}")) == [200]);
        let (numbers, others) = (numbers(&relaxed)?, numbers(&plain)?);
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
