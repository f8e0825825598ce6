//! `detector.js` far from its page: from another site, in a worker, in a sandbox, under a content security policy.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::page::{Gpu, Page, scenario};
use super::server::{BLANK, Extra, Server};
use super::shipped::{SHAPES, shapes_alone};
use super::weights::is_sentence;

/// What a site sends that lets all others read its files.
const SHARED: &str = "Access-Control-Allow-Origin: *\r\n";

/// `detected(module, weights)` in any realm: loads the module, and says what it detects in a picture that is drawn, or
/// how it rejects.
const DETECTED: &str = "async function detected(module, weights, base) {
    const { Detector } = await import(module);
    const canvas = new OffscreenCanvas(300, 300);
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#ccc';
    pen.fillRect(0, 0, 300, 300);
    pen.fillStyle = '#c22';
    pen.fillRect(90, 90, 120, 120);
    try {
        const address = base ? new URL(weights, base) : weights;
        const detector = await Detector.load({ weights: address, backend: 'cpu' });
        const { detections } = await detector.detect(canvas, { score: 0.1 });
        detector.dispose();
        return { detections };
    } catch ({ name, message }) {
        return { name, message };
    }
}";

/// The address of the model of drawn shapes on a server.
pub fn weights() -> String {
    format!("models/{SHAPES}.safetensors")
}

/// Evaluates a call of `detected`.
pub fn outcome(page: &mut Page, call: &str) -> Result<Value> {
    page.eval(&format!("(() => {{ {DETECTED}; return {call}; }})()"))
}

#[test]
fn from_another_site_in_a_worker_and_in_a_sandbox_the_detector_detects_the_same() {
    scenario("origins", Gpu::None, |page| {
        shapes_alone(page)?;
        let far = Server::start(&page.dist)?;
        far.head(SHARED);
        let (own, other) = (page.server.url(""), far.url(""));
        let (near, weights) = (format!("{own}detector.js"), weights());
        let script = format!(
            "{DETECTED}
            onmessage = async ({{ data }}) => postMessage(await detected(...data));"
        );
        page.server.put("embedder.js", Extra { bytes: script.into_bytes(), ..Extra::default() });
        let frame = format!(
            "<!doctype html><script type=module>{DETECTED}
            onmessage = async ({{ data }}) => parent.postMessage(await detected(...data), '*');
            parent.postMessage('here', '*');</script>"
        );
        page.server.put("frame.html", Extra { bytes: frame.into_bytes(), ..Extra::default() });
        page.open(BLANK)?;

        let alone = outcome(page, &format!("detected('{near}', '{weights}')"))?;
        let found = alone["detections"].as_array().map_or(0, Vec::len);
        ensure!(found > 0, "nothing was detected: {alone}");

        // The address of the weights is relative to the document, whatever the module's is; or it is a URL.
        for base in ["", &format!(", '{other}'")] {
            let foreign = outcome(page, &format!("detected('{other}detector.js', '{weights}'{base})"))?;
            ensure!(foreign == alone, "from another site: {foreign}");
        }
        for module in [&own, &other] {
            let in_worker = page.eval(&format!(
                "new Promise((resolve, reject) => {{
                    const worker = new Worker('embedder.js', {{ type: 'module' }});
                    Object.assign(worker, {{ onmessage: ({{ data }}) => resolve(data), onerror: reject }});
                    worker.postMessage(['{module}detector.js', '{weights}']);
                }})"
            ))?;
            ensure!(in_worker == alone, "in a worker, from {module}: {in_worker}");
        }
        // Nothing is of the same origin as this frame.
        let in_frame = page.eval(&format!(
            "new Promise((resolve) => {{
                const frame = document.createElement('iframe');
                Object.assign(frame, {{ sandbox: 'allow-scripts', src: 'frame.html' }});
                onmessage = ({{ data }}) => data !== 'here' ? resolve(data)
                    : frame.contentWindow.postMessage(['{other}detector.js', '{other}{weights}'], '*');
                document.documentElement.append(frame);
            }})"
        ))?;
        ensure!(in_frame == alone, "in a sandboxed frame: {in_frame}");
        let complaints = page.complaints().iter().filter(|text| !text.ends_with("favicon.ico"));
        ensure!(complaints.clone().next().is_none(), "the browser complains: {:?}", complaints.collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn the_documented_policy_is_enough_and_what_a_stricter_one_forbids_is_named() {
    scenario("policies", Gpu::None, |page| {
        shapes_alone(page)?;
        let far = Server::start(&page.dist)?;
        far.head(SHARED);
        let site = far.origin();
        let near = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
        let from_far = format!(
            "default-src 'none'; script-src 'self' {site} 'wasm-unsafe-eval'; worker-src blob:; \
             connect-src 'self' {site}"
        );
        // The module's server, what of its policy is replaced by what, and what an error then names.
        let (own, far) = (page.server.url(""), far.url(""));
        let cases = [
            (&own, "", "", None),
            (&own, " 'wasm-unsafe-eval'", "", Some(("DeviceLost", "'wasm-unsafe-eval' in script-src"))),
            (&own, "worker-src 'self'", "worker-src 'none'", Some(("DeviceLost", "'self' in worker-src"))),
            (&own, "connect-src 'self'", "connect-src 'none'", Some(("WeightsInvalid", "'self' in connect-src"))),
            (&far, "", "", None),
            (&far, " 'wasm-unsafe-eval'", "", Some(("DeviceLost", "'wasm-unsafe-eval' in script-src"))),
            (&far, "worker-src blob:", "worker-src 'self'", Some(("DeviceLost", "blob: in worker-src"))),
            (&far, &format!("connect-src 'self' {site}"), "connect-src 'self'", Some(("DeviceLost", &site))),
        ];
        for (from, part, instead, expected) in cases {
            let policy = if from == &own { near } else { &from_far }.replace(part, instead);
            let script = format!(
                "{DETECTED}
                window.outcome = detected('{from}detector.js', '{}');",
                weights()
            );
            page.server.put("embedder.js", Extra { bytes: script.into_bytes(), ..Extra::default() });
            let html = "<!doctype html><script type=module src=embedder.js></script>";
            let header = format!("Content-Security-Policy: {policy}\r\n");
            let meta = format!("<meta http-equiv=Content-Security-Policy content=\"{policy}\">{html}");
            // With every file, as a server says it; and by a meta element, which says nothing to a worker of a file.
            let by_page = from == &far && expected.is_none();
            for (html, header) in [(html, header.as_str()), (&meta, "")].into_iter().take(1 + usize::from(by_page)) {
                page.server.head(header);
                page.server.put("strict.html", Extra { bytes: html.into(), ..Extra::default() });
                page.open("strict.html")?;
                let outcome = page.eval("window.outcome")?;
                let message = outcome["message"].as_str().unwrap_or_default();
                match expected {
                    None => ensure!(outcome["detections"].is_array(), "{policy}: {outcome}"),
                    Some((name, what)) => {
                        ensure!(outcome["name"] == name && message.contains(what), "{policy}: {outcome}");
                        ensure!(message.contains("Content Security Policy") && is_sentence(message), "{message}");
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn what_does_not_load_rejects_by_name_and_with_the_reason() {
    scenario("reasons", Gpu::None, |page| {
        shapes_alone(page)?;
        let closed = Server::start(&page.dist)?;
        // Folders that lack a file.
        for (folder, lacking) in [("worker-less", "worker.js"), ("program-less", "wasm/ssd-web_bg.wasm")] {
            for file in SCRIPTS.iter().chain(&["wasm/ssd-web.js"]).filter(|file| **file != lacking) {
                let bytes = std::fs::read(page.dist.join(file)).with_context(|| format!("{file} is not there"))?;
                page.server.put(&format!("{folder}/{file}"), Extra { bytes, ..Extra::default() });
            }
        }
        page.open(BLANK)?;
        page.eval(
            "(async () => {
                ({ Detector: window.Detector } = await import(new URL('./detector.js', location.href)));
                window.rejection = async (promise) => {
                    try { await promise } catch ({ name, message }) { return { name, message } }
                    return { name: 'none', message: 'it did not reject' };
                };
            })()",
        )?;
        let weights = weights();
        let (far, no_site) = (closed.url(&weights), "http://127.0.0.1:1/x");
        for (name, what, call) in [
            ("WeightsInvalid", "neither", "Detector.load()".to_owned()),
            ("WeightsInvalid", "neither", "Detector.load(null)".to_owned()),
            ("WeightsInvalid", "neither", "Detector.load({ weights: 5 })".to_owned()),
            ("WeightsInvalid", "neither", "Detector.load({ weights: () => {} })".to_owned()),
            ("WeightsInvalid", "URL", "Detector.load({ weights: 'http://[' })".to_owned()),
            ("WeightsInvalid", "CORS", format!("Detector.load({{ weights: '{far}' }})")),
            ("WeightsInvalid", "CORS", format!("Detector.load({{ weights: new URL('{no_site}') }})")),
            ("WeightsInvalid", "SHA-256", format!("Detector.load({{ weights: '{weights}', sha256: 'ab' }})")),
            ("SourceInvalid", "signal", format!("Detector.load({{ weights: '{weights}', signal: 5 }})")),
            ("SourceInvalid", "onProgress", format!("Detector.load({{ weights: '{weights}', onProgress: 5 }})")),
            (
                "DeviceLost",
                "answered 404",
                format!("import('./worker-less/detector.js').then((m) => m.Detector.load({{ weights: '{weights}' }}))"),
            ),
            (
                "DeviceLost",
                "program",
                format!(
                    "import('./program-less/detector.js').then((m) => m.Detector.load({{ weights: '{weights}' }}))"
                ),
            ),
            (
                "DeviceLost",
                "no workers here",
                format!(
                    "(async () => {{
                        const {{ Worker }} = window;
                        delete window.Worker;
                        await Detector.load({{ weights: '{weights}' }}).finally(() => {{ window.Worker = Worker; }});
                    }})()"
                ),
            ),
        ] {
            let error = page.eval(&format!("rejection({})", call.replace("'./", "location.href + '/../")))?;
            let message = error["message"].as_str().unwrap_or_default();
            ensure!(error["name"] == name && message.contains(what), "{call}: {error}");
            ensure!(is_sentence(message), "{call}: {message}");
        }
        page.eval(&format!(
            "Detector.load({{ weights: '{weights}', backend: 'cpu' }}).then((loaded) => {{ window.detector = loaded }})"
        ))?;
        for call in ["decode(null)", "decode({})", "decode({ offsets: [], logits: () => {} })", "detect(null)"] {
            let error = page.eval(&format!("rejection(detector.{call})"))?;
            ensure!(error["name"] == "SourceInvalid", "{call}: {error}");
        }
        Ok(())
    });
}

/// The scripts of the detector.
pub const SCRIPTS: [&str; 7] =
    ["detector.js", "pictures.js", "spawn.js", "support.js", "weights.js", "worker.js", "storage.js"];
