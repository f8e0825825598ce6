//! Tracks in the page and in `tracker.js`: the same as natively, with numbers, trails, counts and a gate.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ssd_track::{Detection, Rect, Rules, Tracker};

use super::page::{Gpu, PATIENCE, SOON, scenario};
use super::strip::open_shapes;
use super::video::open_drive;

const FRAMES: usize = 20;

/// Two objects that pass through each other, 25 frames a second; of one, the score is low at times.
fn detections(frame: usize) -> [(Rect, f64); 2] {
    let (x, weak) = (10.0 * frame as f64, frame % 5 == 4);
    let score = if weak { 0.25 } else { 0.75 };
    [(Rect::new(x, 40.0, x + 60.0, 140.0), score), (Rect::new(190.0 - x, 52.0, 250.0 - x, 152.0), 0.75)]
}

#[test]
fn a_page_of_ones_own_tracks_as_the_native_programs_do() {
    scenario("tracker", Gpu::None, |page| {
        page.open("example.html?backend=cpu")?;
        let frames: Vec<Value> = (0..FRAMES)
            .map(|frame| {
                let found = detections(frame).map(|(bbox, score)| {
                    let sides = [bbox.x1, bbox.y1, bbox.width(), bbox.height()];
                    serde_json::json!([score, sides])
                });
                Value::from(found.to_vec())
            })
            .collect();
        let script = format!(
            "(async () => {{
                const {{ Tracker }} = await import('./tracker.js');
                await Tracker.load();
                const tracker = new Tracker({{ lostSeconds: 2 }});
                const line = tracker.countAt([{{ x: 125, y: 300 }}, {{ x: 125, y: 0 }}]);
                const frames = {}.map((found, frame) => tracker.update(found.map(([score, box]) => {{
                    const [x, y, width, height] = box;
                    return {{ label: 'dog', classIndex: 1, score, box: {{ x, y, width, height }} }};
                }}), frame / 25));
                const refused = [];
                for (const wrong of [() => tracker.update([], 0), () => tracker.set({{ lostMinutes: 1 }})]) {{
                    try {{ wrong(); }} catch (error) {{ refused.push(error.message); }}
                }}
                const [counts, passed, at] = [tracker.counts(), tracker.passed(line), tracker.at(1)];
                tracker.dispose();
                return {{ frames, counts, passed, at, refused }};
            }})()",
            Value::from(frames)
        );
        let seen = page.eval(&script)?;

        let mut native = Tracker::new(Rules { lost_seconds: 2.0, ..Rules::default() })?;
        for frame in 0..FRAMES {
            let found = detections(frame).map(|(bbox, score)| Detection { bbox, class: 1, score });
            let numbers = native.update(&found, frame as f64 / 25.0)?;
            let there = seen["frames"][frame].as_array().context("a frame")?;
            let theirs: Vec<Option<u64>> = there.iter().map(|found| found["track"].as_u64()).collect();
            ensure!(theirs == numbers, "frame {frame}: {theirs:?}, natively {numbers:?}");
            for (track, found) in native.tracks().iter().zip(there) {
                same(track.bbox(), &found["smooth"])?;
                ensure!(found["trail"].as_array().map(Vec::len) == Some(track.trail().len()), "{found}");
            }
        }
        let predicted = seen["at"].as_array().context("predictions")?;
        ensure!(predicted.len() == native.at(1.0).count(), "{predicted:?}");
        for ((_, bbox), found) in native.at(1.0).zip(predicted) {
            same(bbox, &found["smooth"])?;
        }
        let counts = serde_json::json!([{ "label": "dog", "classIndex": 1, "now": 2, "total": 2 }]);
        ensure!(seen["counts"] == counts, "{}", seen["counts"]);
        let passed = serde_json::json!([{ "label": "dog", "classIndex": 1, "forward": 1, "back": 1 }]);
        ensure!(seen["passed"] == passed, "{}", seen["passed"]);
        let gates = page.eval(
            "import('./gate.js').then(({ gate }) => ['0.5,0.5,0.5,0.5', '0,0,1,0,0.5', '0,0,1,2', '0,0,1,1', '']
                .map((text) => gate().parse(text)))",
        )?;
        ensure!(gates == serde_json::json!([null, null, null, "0,0,1,1", null]), "of the address it takes {gates}");
        let refused = seen["refused"].to_string();
        ensure!(refused.contains("A frame at 0 s") && refused.contains("lost_minutes"), "{refused}");
        Ok(())
    });
}

/// Whether a box of the page is the native one.
fn same(native: Rect, found: &Value) -> Result<()> {
    let sides = [native.x1, native.y1, native.width(), native.height()];
    for (name, side) in ["x", "y", "width", "height"].into_iter().zip(sides) {
        let theirs = found[name].as_f64().context("a side")?;
        ensure!((theirs - side).abs() < 1e-9, "{name} is {theirs}, natively {side}");
    }
    Ok(())
}

#[test]
fn objects_of_a_video_have_numbers_trails_and_counts_and_a_gate_moves_by_keys() {
    scenario("tracks", Gpu::None, |page| {
        open_shapes(page)?;
        page.click("#track")?;
        page.eval(
            "(() => { const menu = document.querySelector('#gate'); menu.value = 'line'; \
             menu.dispatchEvent(new Event('input')); })()",
        )?;
        open_drive(page)?;
        page.click("#video-play")?;
        let followed = "window.lastResult?.detections.some(({ confirmed, trail }) => confirmed && trail.length > 2)";
        page.wait_for(followed, PATIENCE)?;
        let counted = page.text("document.querySelector('#tracks-counts').textContent")?;
        ensure!(counted.contains('↦'), "the counts are {counted}");
        let listed = page.text("document.querySelector('#detections button[data-track]').textContent")?;
        ensure!(listed.ends_with('%') && !listed.contains('#'), "an item of the list is {listed}");
        // Boxes move between results, on the screen alone.
        let places = page.eval(
            "(async () => {
                const pen = document.querySelector('#overlay').getContext('2d');
                const places = new Set();
                pen.strokeRect = function (x) { places.add(x); };
                const results = new Set();
                for (let i = 0; i < 40; i += 1) {
                    await new Promise(requestAnimationFrame);
                    results.add(window.lastResult);
                }
                delete pen.strokeRect;
                return places.size > 2 * results.size;
            })()",
        )?;
        ensure!(places == true, "boxes stand still between results");
        page.click("#video-play")?;
        page.wait_for("document.documentElement.dataset.state === 'ready'", SOON)?;

        page.eval("document.querySelector('.gate-corner').focus()")?;
        let time = page.eval("document.querySelector('#view video').currentTime")?;
        page.press("ArrowLeft")?;
        let gate = page.text("new URLSearchParams(location.search).get('gate')")?;
        ensure!(gate == "0.48,0.95,0.5,0.05", "the gate is at {gate}");
        ensure!(page.eval("document.querySelector('#view video').currentTime")? == time, "the video moved, too");
        page.click("#track")?;
        ensure!(page.eval("document.querySelector('#tracks').hidden")? == true, "counts without tracks");
        ensure!(page.eval("document.querySelector('.gate-corner').hidden")? == true, "a gate without tracks");
        let address = page.text("location.search")?;
        ensure!(!address.contains("track=") && address.contains("gate="), "the address has {address}");
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}
