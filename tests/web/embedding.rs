//! A detector's life in another page: loads that are aborted or doubled, and more calls than it can answer.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::checkpoint;
use super::foreign::shipped_as_foreign;
use super::page::{Gpu, PATIENCE, Page, scenario};
use super::server::{BLANK, Extra};
use super::shipped::{SHAPES, Shipped, default_model, shapes_alone};

/// Defines, in the page: `Detector`, `weights` (the address of the model of shapes) and `rejection(promise)`.
fn prepare(page: &mut Page) -> Result<Shipped> {
    let shipped = shapes_alone(page)?;
    page.open(BLANK)?;
    page.eval(&format!(
        "(async () => {{
            ({{ Detector: window.Detector }} = await import(new URL('./detector.js', location.href)));
            window.weights = 'models/{SHAPES}.safetensors';
            window.rejection = (promise) => promise.then(() => 'it did not reject', (error) => error);
        }})()"
    ))?;
    Ok(shipped)
}

#[test]
fn a_signal_aborts_a_load_at_every_stage() {
    scenario("abort at every stage", Gpu::Emulated, |page| {
        prepare(page)?;
        let (foreign, _) = shipped_as_foreign(page)?;
        page.server.put("theirs.pth", Extra { bytes: checkpoint::pth_file(&foreign)?, ..Extra::default() });
        let outcome = page.eval(
            "(async () => {
                const outcome = {};
                const abortAt = async (stage, backend, file = weights) => {
                    const stop = new AbortController();
                    const reason = { stage };
                    const after = [];
                    const onProgress = (progress) => {
                        if (stop.signal.aborted) after.push(progress.stage);
                        else if (progress.stage === stage) stop.abort(reason);
                    };
                    const options = { weights: file, backend, signal: stop.signal, onProgress };
                    const error = await rejection(Detector.load(options));
                    await new Promise((done) => setTimeout(done, 100));
                    const right = error === reason && !after.length;
                    outcome[`${backend} ${stage}`] = right ? 'aborted' : String(error) + after;
                };
                const stages = ['weights', 'runtime', 'parse', 'device', 'upload', 'ready'];
                for (const stage of stages) await abortAt(stage, 'cpu');
                for (const stage of ['device', 'compile']) await abortAt(stage, 'webgpu');
                await abortAt('weights', 'auto');
                await abortAt('convert', 'cpu', 'theirs.pth');
                const error = await rejection(Detector.load({ weights, signal: AbortSignal.abort('before') }));
                outcome.before = error === 'before' ? 'aborted' : String(error);
                return outcome;
            })()",
        )?;
        let outcome = outcome.as_object().context("no outcome")?;
        ensure!(outcome.len() == 11 && outcome.values().all(|what| what == "aborted"), "{outcome:?}");
        Ok(())
    });
}

/// As React's StrictMode does it: an effect, its clean-up and the effect again, at once.
#[test]
fn loads_of_one_address_at_a_time_share_a_download() {
    scenario("shared download", Gpu::None, |page| {
        let bytes = std::fs::read(prepare(page)?.weights)?;
        for name in ["aborted", "both", "left"] {
            let slow = Extra { bytes: bytes.clone(), pause: Duration::from_secs(1), ..Extra::default() };
            page.server.put(name, slow);
        }
        let loaded = page.eval(
            "(async () => {
                const load = (weights, signal, onProgress) =>
                    Detector.load({ weights, backend: 'cpu', signal, onProgress });
                const cleanUp = new AbortController();
                const first = rejection(load('aborted', cleanUp.signal));
                cleanUp.abort('clean-up');
                const second = await load('aborted');
                // Aborted in the middle of the download, by one of two.
                const middle = new AbortController();
                // One comes when the download has just ended, and takes what it brought.
                let late = null;
                const onProgress = ({ stage }) => { if (stage === 'runtime') late ??= load('both'); };
                const three = [rejection(load('both', middle.signal)), load('both'), load('both', null, onProgress)];
                setTimeout(() => middle.abort('middle'), 500);
                const [gone, ...both] = [...await Promise.all(three), await late];
                const sizes = await Promise.all([second, ...both].map((detector) => detector.file()));
                return [await first, gone, ...sizes.map(({ size }) => size)];
            })()",
        )?;
        let size = bytes.len();
        ensure!(loaded == json!(["clean-up", "middle", size, size, size, size]), "{loaded}");
        for name in ["aborted", "both"] {
            ensure!(page.server.answers(name) == [200], "{name}: {:?}", page.server.answers(name));
        }

        // A download that nobody waits for ends.
        let ended = page.eval(
            "(async () => {
                const load = (weights, signal) => Detector.load({ weights, backend: 'cpu', signal });
                const stop = new AbortController();
                const seen = [];
                const { fetch } = window;
                window.fetch = (url, options) => {
                    options.signal.addEventListener('abort', () => seen.push('ended'));
                    return fetch(url, options);
                };
                const left = rejection(load('left', stop.signal));
                setTimeout(() => stop.abort('left'), 300);
                await left;
                await new Promise((done) => setTimeout(done, 3000));
                return seen;
            })()",
        )?;
        ensure!(ended == json!(["ended"]), "{ended}");
        Ok(())
    });
}

/// Counts the pictures that are held: bitmaps that were made and not answered, and copies of video frames.
const COUNTED: &str = "(() => {
    window.count = { made: 0, answered: 0, most: 0, frames: 0, mostFrames: 0 };
    const { createImageBitmap } = window;
    window.createImageBitmap = (source) => {
        count.made += 1;
        count.most = Math.max(count.most, count.made - count.answered);
        return createImageBitmap(source);
    };
    const { clone, close } = VideoFrame.prototype;
    const copies = new WeakSet();
    VideoFrame.prototype.clone = function () {
        const copy = clone.call(this);
        copies.add(copy);
        count.mostFrames = Math.max(count.mostFrames, ++count.frames);
        return copy;
    };
    VideoFrame.prototype.close = function () {
        if (copies.has(this)) count.frames -= 1;
        close.call(this);
    };
    // A thousand calls, some every few milliseconds: what differs among their outcomes, and the results.
    window.outrun = async (detector, call) => {
        const results = new Set();
        const calls = [];
        for (let frame = 0; frame < 1000; frame += 1) {
            calls.push(call(frame).then((result) => {
                if (!results.has(result)) count.answered += 1;
                results.add(result);
                return 'done';
            }, ({ name, message }) => `${name}: ${message}`));
            if (frame % 4 === 0) await new Promise((done) => setTimeout(done, 1));
        }
        const outcomes = await Promise.all(calls);
        const other = [...new Set(outcomes)].filter((outcome) => outcome !== 'done');
        const memory = [...results].map(({ memory }) => memory.wasm);
        return { other, last: outcomes[999], answers: results.size, memory: memory.slice(1) };
    };
})()";

#[test]
fn a_thousand_calls_that_outrun_the_detector_hold_a_few_pictures() {
    scenario("outrun", Gpu::None, |page| {
        prepare(page)?;
        page.eval(COUNTED)?;
        page.eval(
            "(async () => {
                window.detector = await Detector.load({ weights, backend: 'cpu' });
                window.canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
                window.pen = canvas.getContext('2d');
                window.draw = (frame) => {
                    pen.fillStyle = `hsl(${frame} 80% 50%)`;
                    pen.fillRect(0, 0, 320, 240);
                };
                draw(0);
                window.video = Object.assign(document.createElement('video'), { muted: true });
                video.srcObject = canvas.captureStream();
                setTimeout(() => draw(1), 50);
                await video.play();
            })()",
        )?;
        let calls = [
            ("video", 3, "detector.detect(video)"),
            ("canvas", 8, "(draw(frame), detector.detect(canvas))"),
            (
                "frames",
                3,
                "(() => { const f = new VideoFrame(canvas, { timestamp: frame }); \
                           const call = detector.detect(f); f.close(); return call; })()",
            ),
        ];
        for (source, most, call) in calls {
            page.eval("Object.assign(count, { made: 0, answered: 0, most: 0 })")?;
            let outcome = page.eval(&format!("outrun(detector, (frame) => {call})"))?;
            let count = page.eval("count")?;
            let other = outcome["other"].as_array().context("no outcomes")?;
            let gave_way = |what: &Value| what.as_str().is_some_and(|text| text.starts_with("SourceInvalid: A newer"));
            ensure!(
                other.len() == usize::from(source == "frames") && other.iter().all(gave_way),
                "{source}: {outcome}"
            );
            ensure!(outcome["last"] == "done", "{source}: the newest is not answered: {outcome}");
            ensure!(count["most"].as_u64() <= Some(most), "{source}: {count}");
            ensure!(count["mostFrames"].as_u64() <= Some(2) && count["frames"] == 0, "{source}: {count}");
            let answers = outcome["answers"].as_u64().unwrap_or(1000);
            ensure!(count["made"] == answers && answers < 500, "{source}: {answers} answers, {count}");
            let memory = outcome["memory"].as_array().context("no memory")?;
            ensure!(memory.windows(2).all(|pair| pair[0] == pair[1]), "{source}: {memory:?}");
            eprintln!("{source}: {answers} answers to 1000 calls");
        }
        Ok(())
    });
}

#[test]
fn a_crowd_of_pictures_is_answered_each_with_its_own_result_and_in_order() {
    scenario("crowd", Gpu::None, |page| {
        let sample = prepare(page)?.sample;
        let address = sample.strip_prefix(&page.dist)?.display().to_string();
        let outcome = page.eval(&format!(
            "(async () => {{
                const detector = await Detector.load({{ weights, backend: 'cpu' }});
                const picture = await createImageBitmap(await (await fetch('{address}')).blob());
                const blank = new ImageData(30, 30);
                // One canvas for all: each call sees it as it is then.
                const canvas = new OffscreenCanvas(picture.width, picture.height);
                const pen = canvas.getContext('2d');
                const order = [];
                const counts = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((turn) => {{
                    pen.clearRect(0, 0, canvas.width, canvas.height);
                    if (turn % 2) pen.drawImage(picture, 0, 0);
                    return detector.detect(canvas).then(({{ detections }}) => {{
                        order.push(turn);
                        return detections.length;
                    }});
                }}));
                // More than it holds, of different sources; and one that is disposed of while they wait.
                const many = Array.from({{ length: 12 }}, (_, turn) => detector.detect(turn % 2 ? picture : blank));
                const sizes = (await Promise.all(many)).map(({{ width }}) => width);
                const waiting = Array.from({{ length: 12 }}, () => rejection(detector.detect(blank)));
                detector.dispose();
                const names = new Set((await Promise.all(waiting)).map(({{ name }}) => name));
                return {{ counts, order, sizes, width: picture.width, names: [...names] }};
            }})()"
        ))?;
        let counts = outcome["counts"].as_array().context("no counts")?;
        let right = counts.iter().enumerate().all(|(turn, count)| (turn % 2 == 1) == (count.as_u64() > Some(0)));
        ensure!(right && outcome["order"] == json!([0, 1, 2, 3, 4, 5, 6, 7]), "{outcome}");
        let width = &outcome["width"];
        let sizes: Vec<&Value> = outcome["sizes"].as_array().context("no sizes")?.iter().collect();
        let expected = json!(30);
        ensure!(
            sizes.iter().enumerate().all(|(i, size)| *size == if i % 2 == 1 { width } else { &expected }),
            "{outcome}"
        );
        ensure!(outcome["names"] == json!(["Disposed"]), "{outcome}");
        Ok(())
    });
}

#[test]
fn more_detections_than_fit_are_as_many_as_fit() {
    scenario("many detections", Gpu::None, |page| {
        prepare(page)?;
        let outcome = page.eval(
            "(async () => {
                const detector = await Detector.load({ weights, backend: 'cpu' });
                const picture = new ImageData(300, 300);
                const count = async (maxDetections) => {
                    const options = { score: 0, iou: 1, topK: 512, maxDetections };
                    return (await detector.detect(picture, options)).detections.length;
                };
                const refused = [await rejection(count(0)), await rejection(count(-1)), await rejection(count(NaN))];
                const counts = [await count(512), await count(513), await count(1e9), await count(Infinity)];
                return { counts, refused: refused.map(({ name }) => name) };
            })()",
        )?;
        ensure!(outcome["counts"] == json!([512, 512, 512, 512]), "{outcome}");
        ensure!(outcome["refused"] == json!(["SourceInvalid", "SourceInvalid", "SourceInvalid"]), "{outcome}");
        Ok(())
    });
}

/// The page of the documentation.
#[test]
fn the_example_detects_in_a_chosen_picture() {
    scenario("example", Gpu::None, |page| {
        page.open("example.html")?;
        page.wait_for("!document.querySelector('#file').disabled", PATIENCE)?;
        let sample = default_model(page)?.sample;
        page.choose("#file", &sample)?;
        page.wait_for("document.querySelector('#status').textContent.includes('found in')", PATIENCE)?;
        ensure!(!page.detections()?.is_empty(), "nothing was detected");
        let lines = std::fs::read_to_string(page.dist.join("example.html"))?.lines().count();
        ensure!(lines <= 30, "the example has {lines} lines");
        Ok(())
    });
}
