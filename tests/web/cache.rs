//! Weights from a URL: one stream with progress, checked, and fetched once where they are large.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::checkpoint;
use super::foreign::{RECOGNISED, shipped_as_foreign, wait_for_model};
use super::page::{Gpu, PATIENCE, Page, scenario};
use super::server::{BLANK, Extra, Length};

/// More than the least that is cached: with the tensors that training leaves beside the network.
fn large(page: &Page) -> Result<Vec<u8>> {
    checkpoint::safetensors_file(&shipped_as_foreign(page)?.0, 24_000_000)
}

#[test]
fn a_large_file_is_fetched_once_and_found_without_a_network() {
    scenario("cached weights", Gpu::None, |page| {
        let served = Extra { bytes: large(page)?, tag: Some("\"first\""), ..Extra::default() };
        ensure!(served.bytes.len() > 30_000_000, "{} bytes are too few", served.bytes.len());
        page.server.put("large.safetensors", served.clone());
        let visit = |page: &mut Page| -> Result<()> {
            page.open("?backend=cpu&weights=large.safetensors")?;
            wait_for_model(page, "large.safetensors")?;
            let recognised = page.text("document.querySelector('#recognised').textContent")?;
            ensure!(recognised.starts_with(RECOGNISED), "{recognised}");
            page.wait_for(
                "document.querySelector('#cached-text').textContent.startsWith('1 model cached, 30.')",
                PATIENCE,
            )
        };
        visit(page)?;
        ensure!(page.server.answers("large.safetensors") == [200]);
        visit(page)?;
        ensure!(
            page.server.answers("large.safetensors") == [200, 304],
            "{:?}",
            page.server.answers("large.safetensors")
        );

        // New content at the same URL is fetched and replaces the old.
        page.server.put(
            "large.safetensors",
            Extra { bytes: checkpoint_with(page, 24_000_001)?, tag: Some("\"second\""), ..served.clone() },
        );
        visit(page)?;
        ensure!(page.server.answers("large.safetensors") == [200, 304, 200]);

        page.server.put("large.safetensors", Extra { cut: Some(0), ..served });
        visit(page)?;

        page.click("#cached-clear")?;
        page.wait_for("document.querySelector('#cached').hidden", PATIENCE)?;
        page.open("?backend=cpu&weights=large.safetensors")?;
        let error = page.wait_for_error()?;
        ensure!(error.contains("large.safetensors"), "{error}");
        Ok(())
    });
}

fn checkpoint_with(page: &Page, beside: usize) -> Result<Vec<u8>> {
    checkpoint::safetensors_file(&shipped_as_foreign(page)?.0, beside)
}

/// Defines `load(weights, options)`, which returns `{ info }` or `{ name, message }`, with the `progress` of
/// the bytes.
const LOAD: &str = "(async () => {
    const { Detector } = await import(new URL('./detector.js', location.href));
    window.load = async (weights, options) => {
        const progress = [];
        const onProgress = ({ stage, loaded, total }) => stage === 'weights' && progress.push([loaded, total]);
        try {
            const detector = await Detector.load({ weights, backend: 'cpu', onProgress, ...options });
            detector.dispose();
            return { progress, info: detector.info };
        } catch ({ name, message }) {
            return { progress, name, message };
        }
    };
})()";

#[test]
fn progress_counts_bytes_and_states_no_unknown_total() {
    scenario("progress", Gpu::None, |page| {
        let bytes = large(page)?;
        let size = bytes.len();
        for (name, length) in [("said", Length::Said), ("unsaid", Length::Unsaid), ("coded", Length::Coded)] {
            page.server.put(name, Extra { bytes: bytes.clone(), length, ..Extra::default() });
        }
        page.open(BLANK)?;
        page.eval(LOAD)?;
        for name in ["said", "unsaid", "coded"] {
            let outcome = page.eval(&format!("load('{name}', {{ cache: false }})"))?;
            ensure!(outcome["info"].is_object(), "{name}: {}", outcome["message"]);
            let steps = steps(&outcome)?;
            ensure!(steps.len() > 10, "{name}: {} steps", steps.len());
            ensure!(steps.is_sorted_by(|a, b| a.0 < b.0), "{name}: not growing: {steps:?}");
            ensure!(steps.last().is_some_and(|(loaded, _)| *loaded == size), "{name}: {:?} of {size}", steps.last());
            let total = (name == "said").then_some(size);
            ensure!(steps[1..].iter().all(|step| step.1 == total), "{name}: {steps:?}");
        }
        ensure!(page.eval("caches.keys()")? == serde_json::json!([]), "cached although the caller forbade it");
        Ok(())
    });
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_broke_if_the_content_is_the_same() {
    scenario("resumed download", Gpu::None, |page| {
        let bytes = large(page)?;
        let size = bytes.len();
        let cut = Extra { bytes, cut: Some(13_000_000), ranges: true, ..Extra::default() };
        page.server.put("tagged", Extra { tag: Some("\"one\""), ..cut.clone() });
        page.server.put("untagged", cut);
        page.open(BLANK)?;
        page.eval(LOAD)?;
        let outcome = page.eval("load('tagged')")?;
        ensure!(outcome["info"].is_object(), "it did not load: {}", outcome["message"]);
        ensure!(page.server.answers("tagged") == [200, 206, 206], "{:?}", page.server.answers("tagged"));
        let steps = steps(&outcome)?;
        ensure!(steps.is_sorted_by(|a, b| a.0 < b.0), "not growing: {steps:?}");
        ensure!(steps.iter().skip(1).all(|step| step.1 == Some(size)), "another total than {size}: {steps:?}");

        // Without a tag nobody knows what the rest belongs to.
        let outcome = page.eval("load('untagged')")?;
        ensure!(outcome["name"] == "WeightsInvalid", "{outcome}");
        ensure!(
            outcome["message"].as_str().is_some_and(|text| text.contains("broke after 13000000 bytes")),
            "{outcome}"
        );
        Ok(())
    });
}

#[test]
fn a_broken_stream_or_other_content_is_refused_in_a_sentence() {
    scenario("broken stream", Gpu::None, |page| {
        let bytes = large(page)?;
        let sum = "0".repeat(64);
        page.server.put("cut", Extra { bytes: bytes.clone(), cut: Some(10_000_000), ..Extra::default() });
        page.server.put("gone", Extra { cut: Some(0), ..Extra::default() });
        page.server.put("other", Extra { bytes, ..Extra::default() });
        page.open(BLANK)?;
        page.eval(LOAD)?;
        let blob =
            format!("fetch('other').then((answer) => answer.blob()).then((blob) => load(blob, {{ sha256: '{sum}' }}))");
        for (call, what) in [
            ("load('cut')".to_owned(), "broke after 10000000 bytes"),
            ("load('gone')".to_owned(), "could not be read"),
            ("load('missing')".to_owned(), "answered 404"),
            (format!("load('other', {{ sha256: '{sum}' }})"), "SHA-256"),
            (blob, "SHA-256"),
        ] {
            let outcome = page.eval(&call)?;
            let message = outcome["message"].as_str().unwrap_or_default();
            ensure!(outcome["name"] == "WeightsInvalid" && message.contains(what), "{call}: {outcome}");
            ensure!(super::weights::is_sentence(message), "{call}: {message}");
        }
        // None of it was cached. The cache has a limit, at which the oldest file goes.
        let left = page.eval(
            "(async () => {
                const storage = await import(new URL('./storage.js', location.href));
                const { listCached, tidy, remember, recall } = storage;
                const counts = [(await listCached()).length];
                const put = async (fill, url) => {
                    await remember({ url }, new Blob([new Uint8Array(26e6).fill(fill)]));
                    counts.push((await listCached()).length);
                };
                for (const fill of [1, 2, 3]) await put(fill, `http://x/${fill}`);
                await put(4, 'http://x/2'); // replaces the earlier file of that address
                await tidy(60e6);
                counts.push((await listCached()).length);
                const left = await Promise.all([1, 2, 3].map((fill) => recall(`http://x/${fill}`)));
                const first = async (note) => note && new Uint8Array(await note.file.arrayBuffer())[0];
                return { counts, left: await Promise.all(left.map(first)) };
            })()",
        )?;
        ensure!(left == serde_json::json!({ "counts": [0, 1, 2, 3, 3, 2], "left": [null, 4, 3] }), "{left}");
        Ok(())
    });
}

fn steps(outcome: &Value) -> Result<Vec<(usize, Option<usize>)>> {
    let list = outcome["progress"].as_array().context("no progress")?;
    let number = |value: &Value| value.as_u64().map(|number| number as usize);
    list.iter().map(|step| Ok((number(&step[0]).context("no number")?, number(&step[1])))).collect()
}
