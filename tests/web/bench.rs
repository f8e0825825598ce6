//! The measuring page: its measurements of our engines, and its messages where it cannot measure. Times on an emulated
//! adapter are only checked to exist.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::page::{Gpu, PATIENCE, Page, scenario};

/// The shortest measurement that still leaves the first run out.
const QUICK: &str = "bench.html?engines=own,cpu&runs=2&warmup=1&start=1";

#[test]
fn our_engines_are_measured_and_missing_ones_are_reported() {
    scenario("bench", Gpu::Emulated, |page| {
        // By URL parameters, as a script would.
        page.open(QUICK)?;
        let result = wait_for_measurement(page)?;
        check(&result, &["own", "cpu"])?;
        let (own, cpu) = (&result["engines"][0], &result["engines"][1]);
        ensure!(own["readbackBytes"].as_u64().is_some_and(|bytes| (1..=8192).contains(&bytes)), "read back: {own}");
        ensure!(result["comparedWith"] == "own", "compared with {}", result["comparedWith"]);
        let agreement = &cpu["agreement"];
        ensure!(agreement["agrees"] == true && agreement["pairs"].as_u64() > Some(0), "they disagree: {agreement}");
        ensure!(result["software"] == true, "an emulated adapter passes for a graphics card: {}", result["adapter"]);
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        nothing_from_elsewhere(page)?;

        // By the form, with a folder that holds no runtime: its engines fail, in their rows and in the text, and no
        // other one.
        page.eval("Object.assign(document.querySelector('#ort'), { value: './gone/' })")?;
        page.eval("Object.assign(document.querySelector('#onnx'), { value: './gone.onnx' })")?;
        for engine in ["own", "ort-webgpu", "ort-wasm"] {
            page.click(&format!("#engines [value={engine}]"))?;
        }
        page.click("#form [type=submit]")?;
        let result = wait_for_measurement(page)?;
        check(&result, &["cpu"])?;
        let rows = page.eval("[...document.querySelectorAll('#rows td.failed')].map((cell) => cell.textContent)")?;
        let (rows, text) = (texts(&rows), page.text("document.querySelector('#text').textContent")?);
        let missing = page.server.missing();
        ensure!(rows.len() == 2 && missing.len() == 2, "the page says {rows:?}, it asked for {missing:?}");
        for ((row, asked), file) in rows.iter().zip(&missing).zip(["ort.webgpu.min.mjs", "ort.wasm.min.mjs"]) {
            ensure!(is_sentence(row) && row.contains(&format!("/gone/ holds no {file}")), "not a sentence: {row}");
            ensure!(text.contains(row), "the text lacks it: {row}");
            ensure!(asked.ends_with(&format!("/gone/{file}")), "it asked for {asked}");
        }
        nothing_from_elsewhere(page)?;

        // Where there is nothing to measure with, the page shows the reason.
        page.eval("document.querySelector('#weights').value = './gone.safetensors'")?;
        page.click("#form [type=submit]")?;
        fails_with(page, "./gone.safetensors could not be fetched")?;
        page.open("bench.html?engines=own&runs=0&warmup=1&start=1")?;
        fails_with(page, "Runs: ")
    });
}

/// Burn's own forward, in a wasm of its own. On an emulated adapter a frame takes many seconds: there are two.
#[test]
fn burns_engine_on_webgpu_finds_what_our_kernels_find() {
    scenario("bench-burn", Gpu::Emulated, |page| {
        page.open(
            "bench.html?engines=own,burn&weights=./models/shapes.safetensors&picture=wide.jpg&runs=1&warmup=1&start=1",
        )?;
        let result = wait_for_measurement(page)?;
        check(&result, &["own", "burn"])?;
        let agreement = &result["engines"][1]["agreement"];
        ensure!(agreement["agrees"] == true && agreement["pairs"].as_u64() > Some(0), "they disagree: {agreement}");
        nothing_from_elsewhere(page)
    });
}

/// Waits for the end of a measurement and returns its result, or the page's message as an error.
fn wait_for_measurement(page: &mut Page) -> Result<Value> {
    let state = wait_for_end(page)?;
    let error = page.error()?;
    ensure!(state == "done" && error.is_empty(), "{state}, the page shows an error: {error}");
    page.eval("window.benchResult")
}

fn wait_for_end(page: &mut Page) -> Result<String> {
    page.wait_for("['done', 'error'].includes(document.documentElement.dataset.state)", PATIENCE)?;
    page.text("document.documentElement.dataset.state")
}

/// The first engines of a result are these, all measured, with detections and with ordered times.
fn check(result: &Value, engines: &[&str]) -> Result<()> {
    for (index, name) in engines.iter().enumerate() {
        let entry = &result["engines"][index];
        ensure!(entry["engine"] == *name && entry["error"].is_null(), "{name} was not measured: {entry}");
        for stage in ["preprocess", "network", "postprocess", "readback", "total"] {
            let [min, median, p95] = ["min", "median", "p95"].map(|of| entry["stages"][stage][of].as_f64());
            // Tiny times may round to zero, but not the network's and not the total.
            let some = median > Some(0.0) || !["network", "total"].contains(&stage);
            ensure!(min >= Some(0.0) && min <= median && median <= p95 && some, "{name}, {stage}: {}", entry["stages"]);
        }
        for time in ["loadMs", "firstMs"] {
            ensure!(entry[time].as_f64() > Some(0.0), "{name} has no {time}: {entry}");
        }
        ensure!(entry["detections"].as_array().is_some_and(|list| !list.is_empty()), "{name} detects nothing: {entry}");
    }
    Ok(())
}

/// All that the page loaded came from its own folder. What its worker loads is not listed there; no name but this
/// machine's resolves, so that it could need nothing else.
fn nothing_from_elsewhere(page: &mut Page) -> Result<()> {
    let loaded = page.eval("performance.getEntriesByType('resource').map(({ name }) => name)")?;
    let (loaded, home) = (texts(&loaded), page.server.url(""));
    ensure!(loaded.iter().any(|url| url.ends_with("/bench.js")), "the list of loaded files is incomplete: {loaded:?}");
    let foreign: Vec<_> = loaded.iter().filter(|url| !url.starts_with(&home)).collect();
    ensure!(foreign.is_empty(), "loaded from elsewhere: {foreign:?}");
    Ok(())
}

/// The requested measurement ends in one sentence with these words, and without a result.
fn fails_with(page: &mut Page, words: &str) -> Result<()> {
    let (state, error) = (wait_for_end(page)?, page.error()?);
    ensure!(state == "error" && is_sentence(&error) && error.contains(words), "{state}, not a sentence: {error}");
    ensure!(page.eval("window.benchResult == null")? == true, "a result of a measurement that failed");
    Ok(())
}

fn is_sentence(text: &str) -> bool {
    !text.is_empty() && !text.contains('\n') && text.ends_with('.')
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
