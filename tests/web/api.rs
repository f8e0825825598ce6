//! `detector.js` as another page uses it: from an empty page of the same origin, with a script of the test.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use ssd::Arch;
use ssd::postprocess::postprocess;
use ssd::weights::read_header;
use ssd_tests::drawn;
use ssd_tests::fresh::fresh_network;
use wasmparser::{ExternalKind, Operator, Parser, Payload, TypeRef};

use super::page::{Gpu, Page, scenario};
use super::server::{BLANK, Extra};
use super::shipped::{Shipped, default_model};

/// Defines, in the page: `Detector`, `weights` and `sample` (addresses), `picture()` (the sample in a canvas), and
/// `rejection(promise)` (name and message of its error).
fn prepare(page: &mut Page) -> Result<()> {
    let Shipped { weights, sample } = default_model(page)?;
    let address = |path: &std::path::Path| path.strip_prefix(&page.dist).map(|path| path.display().to_string());
    let script = format!(
        "(async () => {{
            ({{ Detector: window.Detector }} = await import(new URL('./detector.js', location.href)));
            window.weights = '{}';
            window.picture = async () => {{
                const image = new Image();
                image.src = '{}';
                await image.decode();
                const canvas = document.createElement('canvas');
                Object.assign(canvas, {{ width: image.naturalWidth, height: image.naturalHeight }});
                canvas.getContext('2d').drawImage(image, 0, 0);
                return canvas;
            }};
            window.rejection = async (promise) => {{
                try {{ await promise }} catch ({{ name, message }}) {{ return {{ name, message }} }}
                return {{ name: 'none', message: 'it did not reject' }};
            }};
        }})()",
        address(&weights)?,
        address(&sample)?,
    );
    page.open(BLANK)?;
    page.eval(&script).map(drop)
}

#[test]
fn a_detector_takes_every_source_and_calls_at_once() {
    scenario("detector", Gpu::Emulated, |page| {
        prepare(page)?;
        let info = page.eval(
            "(async () => {
                window.stages = [];
                window.detector = await Detector.load({ weights, onProgress: ({ stage }) => stages.push(stage) });
                return detector.info;
            })()",
        )?;
        ensure!(info["backend"] == "webgpu", "no WebGPU: {info}");
        ensure!(info["labels"].as_array().is_some_and(|labels| !labels.is_empty()), "no labels: {info}");
        ensure!(info["arch"].is_string() && info["inputSize"].is_number(), "incomplete: {info}");
        ensure!(page.eval("stages.includes('weights')")? == true, "no progress was reported");

        let results = page.eval(
            "(async () => {
                const canvas = await picture();
                const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                const bitmap = await createImageBitmap(canvas);
                const offscreen = new OffscreenCanvas(canvas.width, canvas.height);
                offscreen.getContext('2d').drawImage(canvas, 0, 0);
                const frame = new VideoFrame(canvas, { timestamp: 0 });
                const sources = [canvas, data, bitmap, offscreen];
                const results = await Promise.all(sources.map((source) => detector.detect(source)));
                results.push(await detector.detect(frame));
                frame.close();
                return { results, width: canvas.width, height: canvas.height };
            })()",
        )?;
        let first = &results["results"][0];
        ensure!(!list(&first["detections"]).is_empty(), "nothing was detected");
        ensure!(
            first["width"] == results["width"] && first["height"] == results["height"],
            "not in pixels of the source"
        );
        // The same pixels in four ways; a video frame's went through another colour space.
        for other in &list(&results["results"])[1..4] {
            ensure!(other["detections"] == first["detections"], "{other} differs from {first}");
        }
        ensure!(
            list(&results["results"][4]["detections"]).len() == list(&first["detections"]).len(),
            "the frame differs"
        );
        for time in ["preprocess", "network", "postprocess", "readback", "total"] {
            ensure!(first["timing"][time].as_f64().is_some_and(|ms| ms >= 0.0), "no time for {time}");
        }

        let label = &first["detections"][0]["label"];
        let options = json!({ "score": 0.01, "classes": [label], "maxDetections": 2 });
        let chosen = page.eval(&format!("picture().then((canvas) => detector.detect(canvas, {options}))"))?;
        let chosen = list(&chosen["detections"]);
        ensure!((1..=2).contains(&chosen.len()) && chosen.iter().all(|d| &d["label"] == label), "filter: {chosen:?}");
        ensure!(first["detections"][0]["classIndex"].as_u64() >= Some(1), "class 0 is background");
        Ok(())
    });
}

#[test]
fn what_cannot_be_done_rejects_by_name_and_with_a_sentence() {
    scenario("rejections", Gpu::Emulated, |page| {
        prepare(page)?;
        page.eval("Detector.load({ weights }).then((detector) => { window.detector = detector; })")?;
        for (name, call) in [
            ("SourceInvalid", "detector.detect(new Image())"),
            ("SourceInvalid", "detector.detect('a picture')"),
            ("WeightsInvalid", "Detector.load({ weights: 'missing.safetensors' })"),
            ("WeightsInvalid", "Detector.load({ weights: new ArrayBuffer(100) })"),
            ("WeightsInvalid", "Detector.load({ weights: new Blob(['hello']) })"),
            ("SourceInvalid", "Detector.load({ weights, backend: 'gpu' })"),
            ("SourceInvalid", "Detector.load({ weights, precision: 'f64' })"),
            ("SourceInvalid", "picture().then((canvas) => detector.detect(canvas, { score: 2 }))"),
            ("SourceInvalid", "picture().then((canvas) => detector.detect(canvas, { nms: 'none' }))"),
            ("SourceInvalid", "picture().then((canvas) => detector.detect(canvas, { classes: ['unicorn'] }))"),
        ] {
            rejects(page, name, call)?;
        }
        // A refused source does not stop the next one.
        let result = page.eval("picture().then((canvas) => detector.detect(canvas))")?;
        ensure!(!list(&result["detections"]).is_empty(), "nothing was detected after the refusals");

        rejects(
            page,
            "Disposed",
            "picture().then((c) => { const call = detector.detect(c); detector.dispose(); return call; })",
        )?;
        rejects(page, "Disposed", "picture().then((canvas) => detector.detect(canvas))").map(drop)
    });
}

/// The wasm lists the options that it knows when it refuses one, so that they can be compared with those of the types.
#[test]
fn an_unknown_option_is_refused_by_name_and_the_known_ones_are_those_of_the_types() {
    scenario("options", Gpu::None, |page| {
        prepare(page)?;
        page.eval("Detector.load({ weights, backend: 'cpu' }).then((detector) => { window.detector = detector; })")?;
        let types = std::fs::read_to_string(page.dist.join("detector.d.ts"))?;
        let load = "Detector.load({ weights, backend: 'cpu', treshold: 0.5 })";
        let detect = "picture().then((canvas) => detector.detect(canvas, { treshold: 0.5 }))";
        // What the page's side of the detector keeps for itself.
        let kept: &[&str] = &["onProgress", "signal"];
        for (interface, kept, call) in [("LoadOptions", kept, load), ("DetectOptions", &[], detect)] {
            let message = rejects(page, "SourceInvalid", call)?;
            let mut names = message.split('`').skip(1).step_by(2);
            ensure!(names.next() == Some("treshold"), "the unknown one is not named: {message}");
            let known: BTreeSet<&str> = names.chain(kept.iter().copied()).collect();
            let typed = fields(&types, interface)?;
            ensure!(known == typed, "{interface} has {typed:?}, the detector knows {known:?}");
        }
        // What cannot be sent to the worker is named, too.
        let call = "picture().then((canvas) => detector.detect(canvas, { other: new AbortController().signal }))";
        ensure!(rejects(page, "SourceInvalid", call)?.contains("`other`"));

        let same = page.eval(
            "(async () => {
                const canvas = await picture();
                const given = { score: null, iou: undefined, nms: null, topK: undefined, classes: null };
                const results = [await detector.detect(canvas), await detector.detect(canvas, given)];
                return results.map(({ detections }) => detections);
            })()",
        )?;
        ensure!(!list(&same[0]).is_empty() && same[0] == same[1], "null is not the default: {same}");
        Ok(())
    });
}

/// The names of an interface's fields in TypeScript.
fn fields<'a>(types: &'a str, interface: &str) -> Result<BTreeSet<&'a str>> {
    let (_, rest) = types.split_once(&format!("interface {interface} {{\n")).context("the interface is missing")?;
    let (body, _) = rest.split_once("\n}").context("the interface has no end")?;
    let lines = body.lines().filter_map(|line| line.strip_prefix("  "));
    let lines = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_alphabetic()));
    Ok(lines.filter_map(|line| line.split(['?', ':']).next()).collect())
}

#[test]
fn an_aborted_load_rejects_with_the_signal_s_reason() {
    scenario("abort", Gpu::None, |page| {
        prepare(page)?;
        let outcome = page.eval(
            "(async () => {
                const stop = new AbortController();
                const call = rejection(Detector.load({ weights, signal: stop.signal }));
                stop.abort(Object.assign(new Error('Enough.'), { name: 'Enough' }));
                const late = new AbortController();
                const detector = await Detector.load({ weights, backend: 'cpu', signal: late.signal });
                late.abort();
                const { detections } = await detector.detect(await picture());
                return { aborted: await call, detections };
            })()",
        )?;
        ensure!(outcome["aborted"] == json!({ "name": "Enough", "message": "Enough." }), "{outcome}");
        ensure!(!list(&outcome["detections"]).is_empty(), "a signal reaches beyond the load: {outcome}");
        Ok(())
    });
}

/// As the measuring page does with what onnxruntime-web computes.
#[test]
fn predictions_of_another_runtime_become_the_detections_of_the_native_post_processing() {
    scenario("decode", Gpu::None, |page| {
        prepare(page)?;
        let header = read_header(&std::fs::read(default_model(page)?.weights)?)?;
        let priors = header.priors.priors();
        let numbers = |name: &str, row: usize, spread: f64| -> Vec<f32> {
            (0..(row * priors.len()) as u64).map(|i| ((drawn(name, i) - 0.5) * spread) as f32).collect()
        };
        let (offsets, logits) = (numbers("offsets", 4, 4.0), numbers("logits", header.columns(), 8.0));
        let native =
            postprocess(&offsets, &logits, &priors, header.priors.variances, header.score_activation, &header.params());
        for (name, values) in [("offsets", &offsets), ("logits", &logits)] {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            page.server.put(name, Extra { bytes, ..Extra::default() });
        }
        let outcome = page.eval(
            "(async () => {
                const detector = await Detector.load({ weights, backend: 'cpu' });
                const numbers = async (name) => new Float32Array(await (await fetch(name)).arrayBuffer());
                const [offsets, logits] = [await numbers('offsets'), await numbers('logits')];
                const { detections } = await detector.decode({ offsets, logits, width: 1, height: 1 });
                const short = detector.decode({ offsets, logits: offsets, width: 1, height: 1 });
                return { detections, short: await rejection(short), priors: detector.info.priors };
            })()",
        )?;
        let (known, short) = (&outcome["priors"], &outcome["short"]);
        ensure!(*known == priors.len() && short["name"] == "SourceInvalid", "{known} priors, {short}");
        let decoded = list(&outcome["detections"]);
        ensure!(native.len() > 10 && decoded.len() == native.len(), "{} and {}", native.len(), decoded.len());
        let near = |one: &Value, other: f32| one.as_f64().is_some_and(|one| (one - f64::from(other)).abs() < 1e-5);
        for (native, decoded) in native.iter().zip(decoded) {
            let (corners, shown) = (native.bbox, &decoded["box"]);
            let same = decoded["classIndex"] == native.class
                && near(&decoded["score"], native.score)
                && near(&shown["x"], corners.x1)
                && near(&shown["y"], corners.y1)
                && near(&shown["width"], corners.width())
                && near(&shown["height"], corners.height());
            ensure!(same, "{native:?} became {decoded}");
        }
        Ok(())
    });
}

/// The linker may wrap every export in a call of all static constructors, which costs more than small networks do: then
/// most exports begin with a call of one function.
#[test]
fn a_call_into_the_wasm_runs_no_constructors() {
    scenario("constructors", Gpu::None, |page| {
        let wasm = std::fs::read(page.dist.join("wasm/ssd-web_bg.wasm"))?;
        let first_calls = first_calls_of_exports(&wasm)?;
        let exports = first_calls.len();
        ensure!(exports > 20, "only {exports} functions are exported");
        let mut counts = BTreeMap::new();
        for called in first_calls.into_iter().flatten() {
            *counts.entry(called).or_insert(0) += 1;
        }
        let most = counts.into_values().max().unwrap_or(0);
        ensure!(2 * most < exports, "{most} of {exports} exports begin with a call of one function");
        Ok(())
    });
}

/// For each exported function of a wasm the function that its first instruction calls, if it is a call.
fn first_calls_of_exports(wasm: &[u8]) -> Result<Vec<Option<u32>>> {
    let (mut imported, mut exported, mut first_calls) = (0, Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    exported.extend((export.kind == ExternalKind::Func).then_some(export.index as usize));
                }
            }
            Payload::CodeSectionEntry(body) => first_calls.push(match body.get_operators_reader()?.read()? {
                Operator::Call { function_index } => Some(function_index),
                _ => None,
            }),
            _ => {}
        }
    }
    let own = exported.into_iter().filter_map(|index| index.checked_sub(imported));
    Ok(own.filter_map(|index| first_calls.get(index).copied()).collect())
}

#[test]
fn frames_leave_memory_as_it_is_and_read_back_little() {
    scenario("memory", Gpu::Emulated, |page| {
        prepare(page)?;
        let results = page.eval(
            "(async () => {
                const detector = await Detector.load({ weights, backend: 'webgpu' });
                const canvas = await picture();
                const results = [];
                for (let frame = 0; frame < 24; frame += 1) {
                    const { memory, readbackBytes } = await detector.detect(canvas, { score: 0.01 });
                    results.push({ ...memory, readbackBytes });
                }
                detector.dispose();
                return results;
            })()",
        )?;
        let results = list(&results);
        ensure!(results.len() == 24);
        for result in &results[10..] {
            ensure!(result == &results[10], "frame 10 left {}, a later one {result}", results[10]);
            ensure!(result["readbackBytes"].as_u64().is_some_and(|bytes| bytes <= 8192), "{result}");
            ensure!(result["gpu"].as_f64().is_some_and(|bytes| bytes > 1e6), "{result}");
        }
        Ok(())
    });
}

/// The paper's network in f32: its weights are in memory as the file has them and once more as tensors, of which the
/// packed ones and the maps then take the place.
#[test]
fn a_large_file_takes_little_more_than_twice_its_size_on_the_cpu() {
    scenario("large", Gpu::None, |page| {
        let labels: Vec<String> = (1..=20).map(|number| format!("class {number}")).collect();
        let bytes = fresh_network(Arch::Ssd300Vgg16, &labels.iter().map(String::as_str).collect::<Vec<_>>());
        let size = bytes.len() as f64;
        ensure!(size > 100e6);
        page.server.put("large.safetensors", Extra { bytes, ..Extra::default() });
        prepare(page)?;
        let memory = page.eval(
            "Detector.load({ weights: 'large.safetensors', backend: 'cpu' }).then(async (detector) => {
                const { memory } = await detector.detect(await picture());
                detector.dispose();
                return memory.wasm;
            })",
        )?;
        let times = memory.as_f64().context("memory is a number")? / size;
        eprintln!("{times:.2} times the file's size");
        ensure!(times <= 2.2, "{times} times the file's size");
        Ok(())
    });
}

/// As `twins` does it natively, on another driver.
#[test]
fn every_kernel_agrees_with_its_twin_in_this_browser() {
    scenario("kernels", Gpu::Emulated, |page| {
        prepare(page)?;
        let report =
            page.eval("Detector.load({ weights, backend: 'webgpu' }).then((detector) => detector.selfTest())")?;
        let cases = list(&report["cases"]);
        ensure!(!cases.is_empty(), "no kernel was tested: {report}");
        let failed: Vec<&Value> = cases.iter().filter(|case| case["ok"] != true).collect();
        ensure!(failed.is_empty() && report["failed"] == 0, "{failed:#?}");
        ensure!(report["passed"] == cases.len(), "the sum is wrong: {report}");
        eprintln!("{} kernel cases agree", cases.len());
        Ok(())
    });
}

/// A call rejects with a sentence under that name. Returns the sentence.
fn rejects(page: &mut Page, name: &str, call: &str) -> Result<String> {
    let error = page.eval(&format!("rejection({call})"))?;
    ensure!(error["name"] == name, "{call} should reject with {name}: {error}");
    let message = error["message"].as_str().unwrap_or_default();
    ensure!(message.starts_with(char::is_uppercase) && message.ends_with('.'), "not a sentence: {message}");
    Ok(message.to_owned())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
