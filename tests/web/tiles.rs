//! Large pictures in windows: the same boxes as natively, in the page and in a page of one's own.

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use image::imageops::replace;
use serde_json::{Value, json};
use ssd::tiles::{Tiles, windows};
use ssd_data::seeded::seeded;
use ssd_data::shapes;
use ssd_train::detect::detector::Detector;
use ssd_train::detect::engine::EngineArgs;
use ssd_train::detect::tiled;
use ssd_train::device::choice::{DeviceChoice, DeviceKind};

use super::page::{Gpu, PATIENCE, SOON, scenario};
use super::pictures::{Found, counterparts, from_native, shown};
use super::shipped::{SHAPES, shapes_alone};

/// Six scenes side by side: what is in them is small in the whole.
fn canvas() -> RgbImage {
    let mut canvas = RgbImage::new(720, 480);
    for index in 0..6 {
        let (scene, _) = shapes::scene(240, 240, &mut seeded(&[16, index]));
        replace(&mut canvas, &scene, (index % 3 * 240) as i64, (index / 3 * 240) as i64);
    }
    canvas
}

fn native(detector: &Detector, picture: &RgbImage, tiles: Tiles) -> Result<Vec<Found>> {
    let params = detector.header().params();
    let (found, _) = tiled::detect(detector, picture, &params, (tiles, 1), &mut |_, _| {})?;
    let labels = &detector.header().labels;
    Ok(found.iter().map(|found| from_native(found, labels, picture.width(), picture.height())).collect())
}

#[test]
fn a_picture_in_windows_has_the_boxes_of_the_native_detector() {
    scenario("tiles", Gpu::None, |page| {
        let cpu = DeviceChoice { kind: DeviceKind::Cpu, index: 0 };
        let detector = Detector::load(&shapes_alone(page)?.weights, &cpu, EngineArgs::default(), 1)?;
        let (picture, folder) = (canvas(), tempfile::tempdir()?);
        let file = folder.path().join("canvas.png");
        picture.save(&file)?;
        let expected = native(&detector, &picture, Tiles::Auto)?;
        let count = windows([720, 480], detector.header().input_size, Tiles::Auto).len();
        ensure!(count > 3, "the canvas has {count} windows");

        // The page, by its address: as natively, and with more than the whole picture has.
        page.open("?backend=cpu&tiles=auto")?;
        page.wait_for_result()?;
        page.eval("window.lastResult = null")?;
        page.choose("#file", &file)?;
        page.wait_for("window.lastResult?.width === 720", PATIENCE)?;
        let found = shown(&page.eval("window.lastResult.detections")?)?;
        let floor = detector.header().score + 0.01;
        let compared = counterparts(&expected, &found, floor)?;
        counterparts(&found, &expected, floor)?;
        ensure!(compared > 0, "the native detector finds nothing on the canvas");
        page.eval("window.lastResult = null")?;
        page.click("#tiles")?;
        page.wait_for("!!window.lastResult", PATIENCE)?;
        let whole = shown(&page.eval("window.lastResult.detections")?)?;
        ensure!(whole.len() < found.len(), "{} objects in the whole, {} in windows", whole.len(), found.len());
        ensure!(!page.text("location.search")?.contains("tiles"), "the address keeps the switch");

        // A change ends a run that is under way, and its result is not shown.
        page.eval("window.lastResult = null")?;
        page.click("#tiles")?;
        page.click("#tiles")?;
        page.wait_for("window.lastResult && document.documentElement.dataset.state === 'ready'", SOON)?;
        ensure!(page.error()?.is_empty(), "{}", page.error()?);

        // The detector of a page of one's own.
        let script = format!(
            "(async () => {{
                const {{ Detector }} = await import('./detector.js');
                const detector = await Detector.load({{ weights: './models/{SHAPES}.safetensors', backend: 'cpu' }});
                const source = document.querySelector('#view img');
                const heard = [];
                const onProgress = ({{ done, total }}) => heard.push([done, total]);
                const result = await detector.detect(source, {{ tiles: 3, onProgress }});
                const stop = new AbortController();
                const refused = [];
                for (const options of [
                    {{ tiles: 0 }},
                    {{ tiles: 'all' }},
                    {{ tiles: 2, tile: 1 }},
                    {{ tiles: 9, signal: stop.signal, onProgress: () => stop.abort(new Error('Enough.')) }},
                ]) {{
                    await detector.detect(source, options).catch(({{ message }}) => refused.push(message));
                }}
                const [one, plain] = await Promise.all([1, null].map((tiles) => detector.detect(source, {{ tiles }})));
                detector.dispose();
                const same = JSON.stringify(one.detections) === JSON.stringify(plain.detections);
                return {{ result, heard, refused, same }};
            }})()"
        );
        let outcome = page.eval(&script)?;
        let result = &outcome["result"];
        ensure!(
            result["width"] == 720 && result["height"] == 480,
            "a size of {} x {}",
            result["width"],
            result["height"]
        );
        let found = shown(&result["detections"])?;
        let expected = native(&detector, &picture, Tiles::Along(3))?;
        counterparts(&expected, &found, floor)?;
        counterparts(&found, &expected, floor)?;
        let all = windows([720, 480], detector.header().input_size, Tiles::Along(3)).len() + 1;
        let heard = outcome["heard"].as_array().context("progress")?;
        ensure!(heard.len() == all && heard.last() == Some(&json!([all, all])), "{heard:?}");
        let refused = outcome["refused"].as_array().context("refusals")?;
        let says =
            |index: usize, text: &str| refused.get(index).and_then(Value::as_str).is_some_and(|it| it.contains(text));
        let known = says(0, "\"0\" is neither auto") && says(1, "\"all\"") && says(2, "`tile`") && says(3, "Enough.");
        ensure!(known && refused.len() == 4, "{refused:?}");
        ensure!(outcome["same"] == true, "one window is not the whole picture");
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}
