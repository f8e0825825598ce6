//! Video files: played, stepped, scrubbed, and detected frame by frame into files that are read back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ssd_tests::fresh::fresh_network;

use super::page::{Gpu, PATIENCE, Page, SOON, scenario};
use super::strip::open_shapes;

const FRAMES: usize = 60;
const MANY: usize = 1_000;

/// Drops `file`, a File that the script before it made, on the page.
const DROP: &str = "const dataTransfer = new DataTransfer(); \
                    dataTransfer.items.add(file); \
                    const event = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }); \
                    document.body.dispatchEvent(event);";

#[test]
fn every_frame_of_a_video_becomes_a_line_with_its_time_and_a_frame_with_its_boxes() {
    scenario("every frame", Gpu::None, |page| {
        let saved = tempfile::tempdir()?;
        open_shapes(page)?;
        page.save_into(saved.path())?;
        open_drive(page)?;
        page.click("#video-annotated")?;
        page.click("#video-run")?;
        page.wait_for("document.querySelector('#status').textContent.startsWith('Saved ')", PATIENCE)?;
        let lines = String::from_utf8(page.saved(saved.path(), "drive.frames.jsonl")?)?;
        let frames: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        ensure!(frames.len() == FRAMES, "{} lines of {FRAMES} frames", frames.len());
        for (number, frame) in frames.iter().enumerate() {
            let time = frame["time"].as_f64().context("a line without a time")?;
            ensure!(frame["frame"] == number && (time - number as f64 / 25.0).abs() < 0.002, "{number}: {frame}");
            ensure!(frame["width"] == 320 && frame["image"] == "drive.webm", "{number}: {frame}");
        }
        let found: usize = frames.iter().map(|frame| frame["detections"].as_array().map_or(0, Vec::len)).sum();
        ensure!(found > FRAMES / 2, "only {found} objects in {FRAMES} frames with one");
        let said = page.text("document.querySelector('#status').textContent")?;
        ensure!(said.contains(&format!("{FRAMES} frames, {found} objects")), "the status is {said}");

        // The video with boxes has the same length, and its frames differ.
        let drawn = page.saved(saved.path(), "drive.detections.webm")?;
        page.server.put("drawn.webm", super::server::Extra { bytes: drawn, ..Default::default() });
        page.eval(&format!(
            "(async () => {{ const blob = await (await fetch('drawn.webm')).blob();
              const file = new File([blob], 'drawn.webm', {{ type: 'video/webm' }}); {DROP} }})()"
        ))?;
        page.wait_for("document.querySelector('#view video')?.ariaLabel === 'drawn.webm'", SOON)?;
        let length = page.eval("document.querySelector('#view video').duration")?.as_f64().unwrap_or_default();
        ensure!((length - FRAMES as f64 / 25.0).abs() < 0.05, "the video with boxes lasts {length} s");
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}

#[test]
fn a_thousand_frames_leave_memory_as_it_is() {
    scenario("a thousand frames", Gpu::None, |page| {
        let saved = tempfile::tempdir()?;
        open_shapes(page)?;
        page.save_into(saved.path())?;
        // The smallest network: what is tried is the way of a frame, not the detector.
        let arch = "ssd96-mobilenet-v1-tf-0.25".parse().map_err(anyhow::Error::msg)?;
        let weights = saved.path().join("tiny.safetensors");
        std::fs::write(&weights, fresh_network(arch, &["cat"]))?;
        page.choose("#weights-file", &weights)?;
        page.wait_for("document.querySelector('#weights').textContent === 'tiny.safetensors'", SOON)?;
        open_moving(page, MANY)?;
        // Sampled as it goes; heaps breathe, so the least of a part counts.
        page.eval(
            "window.samples = []; setInterval(() => samples.push([performance.memory.usedJSHeapSize, \
             window.lastResult?.memory.wasm ?? 0]), 200); 0",
        )?;
        page.click("#video-run")?;
        page.wait_for("document.querySelector('#status').textContent.startsWith('Saved ')", PATIENCE)?;
        let lines = String::from_utf8(page.saved(saved.path(), "drive.frames.jsonl")?)?;
        let frames: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let begins = |frame: &Value| frame["time"].as_f64().unwrap_or(-1.0);
        let missed = (0..MANY).find(|number| {
            frames.get(*number).is_none_or(|frame| (begins(frame) - *number as f64 / 25.0).abs() > 0.002)
        });
        ensure!(frames.len() == MANY && missed.is_none(), "{} frames of {MANY}; missed {missed:?}", frames.len());
        let samples: Vec<[f64; 2]> = serde_json::from_value(page.eval("samples")?)?;
        let part = samples.len() / 4;
        ensure!(part >= 3, "only {} samples", samples.len());
        let least = |part: &[[f64; 2]]| part.iter().map(|sample| sample[0]).fold(f64::INFINITY, f64::min);
        let (before, after) = (least(&samples[part..2 * part]), least(&samples[3 * part..]));
        ensure!(after < before + 4e6, "the heap grew from {before} to {after} bytes in half of the frames");
        let wasm = [samples[part][1], samples[samples.len() - 1][1]];
        ensure!(wasm[0] == wasm[1], "the wasm took {wasm:?} bytes");
        Ok(())
    });
}

#[test]
fn a_video_is_played_stepped_and_scrubbed() {
    scenario("video", Gpu::None, |page| {
        open_shapes(page)?;
        open_drive(page)?;
        let time = |page: &mut Page| -> Result<f64> {
            page.eval("document.querySelector('#view video').currentTime")?.as_f64().context("no time")
        };
        // Each frame lasts 40 ms, and a step leads into the middle of one.
        for (key, frame) in [("ArrowRight", 1.0), ("ArrowRight", 2.0), ("ArrowLeft", 1.0)] {
            let there = format!("Math.floor(document.querySelector('#view video').currentTime / 0.04) === {frame}");
            page.press(key)?;
            page.wait_for(&there, SOON).with_context(|| format!("{key} to frame {frame}"))?;
            page.wait_for("document.documentElement.dataset.state === 'ready'", SOON)?;
        }
        page.slide("#video-time", 2.0)?;
        page.wait_for("Math.abs(document.querySelector('#view video').currentTime - 2) < 0.05", SOON)?;
        page.eval("window.lastResult = null")?;
        page.click("#video-play")?;
        page.wait_for("window.lastResult && document.querySelector('#view video').currentTime > 2.1", SOON)?;
        page.click("#video-play")?;
        page.wait_for("document.documentElement.dataset.state === 'ready'", SOON)?;
        let paused = time(page)?;
        std::thread::sleep(Duration::from_millis(300));
        ensure!(time(page)? == paused, "it is paused and goes on");

        // What a browser recorded does not say how long it is.
        page.eval(&format!(
            "(async () => {{
                const canvas = Object.assign(document.createElement('canvas'), {{ width: 64, height: 64 }});
                const pen = canvas.getContext('2d');
                const recorder = new MediaRecorder(canvas.captureStream(20));
                const parts = [];
                recorder.ondataavailable = ({{ data }}) => parts.push(data);
                recorder.start();
                for (let i = 0; i < 20; i += 1) {{
                    pen.fillStyle = i % 2 ? 'red' : 'blue';
                    pen.fillRect(0, 0, 64, 64);
                    await new Promise((resolve) => setTimeout(resolve, 50));
                }}
                await new Promise((resolve) => {{ recorder.onstop = resolve; recorder.stop(); }});
                const file = new File(parts, 'recorded.webm', {{ type: 'video/webm' }});
                {DROP}
            }})()"
        ))?;
        page.wait_for("document.querySelector('#view video')?.ariaLabel === 'recorded.webm'", SOON)?;
        let length = page.eval("document.querySelector('#view video').duration")?.as_f64().context("no length")?;
        ensure!((0.3..5.0).contains(&length), "the recorded second lasts {length} s");

        page.eval(&format!("const file = new File(['no video'], 'broken.mp4', {{ type: 'video/mp4' }}); {DROP}"))?;
        let error = page.wait_for_error()?;
        ensure!(error.starts_with("broken.mp4 is not a video") && error.ends_with('.'), "about broken.mp4: {error}");
        Ok(())
    });
}

/// Opens a video of the sample picture moving, 25 frames a second, made by the browser's encoder.
pub fn open_drive(page: &mut Page) -> Result<()> {
    open_moving(page, FRAMES)
}

/// The same with this many frames.
fn open_moving(page: &mut Page, frames: usize) -> Result<()> {
    page.eval(&format!(
        "(async () => {{
            const {{ record }} = await import('./record.js');
            const picture = document.querySelector('#view img');
            const canvas = Object.assign(document.createElement('canvas'), {{ width: 320, height: 320 }});
            const pen = canvas.getContext('2d');
            const recording = record(320, 320);
            for (let i = 0; i < {frames}; i += 1) {{
                pen.drawImage(picture, -(i % 60) / 4, 0, 336, 336);
                await recording.add(canvas, i / 25);
            }}
            const file = new File([await recording.end({frames} / 25)], 'drive.webm', {{ type: 'video/webm' }});
            {DROP}
        }})()"
    ))?;
    page.wait_for("document.querySelector('#view video') != null", SOON)?;
    page.wait_for_result()
}
