//! A still picture: the sample at the start, a user's, and the settings.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use serde_json::Value;
use ssd::{CornerBox, Detection};
use ssd_data::seeded::seeded;
use ssd_data::shapes;
use ssd_train::detect::detector::Detector;
use ssd_train::detect::engine::EngineArgs;
use ssd_train::device::choice::{DeviceChoice, DeviceKind};

use super::page::{Gpu, scenario};
use super::shipped::shapes_alone;

/// The limit from a click on a link to boxes on the sample picture, on an emulated adapter.
const FIRST_BOXES: Duration = Duration::from_secs(20);

#[test]
fn the_sample_is_detected_without_a_click() {
    scenario("sample picture", Gpu::Emulated, |page| {
        let start = Instant::now();
        page.open("")?;
        page.wait_for_result()?;
        let took = start.elapsed();
        eprintln!("first boxes after {:.1} s", took.as_secs_f64());

        let items = page.detections()?;
        ensure!(!items.is_empty(), "nothing was detected in the sample picture");
        for item in &items {
            ensure!(is_label_and_percent(item), "`{item}` is not of the form `LABEL NN%`");
        }
        ensure!(page.server.missing().is_empty(), "the page asked for {:?}", page.server.missing());
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        let status = page.text("document.querySelector('#status[role=status]').textContent")?;
        ensure!(
            status.contains(&items.len().to_string()),
            "the status does not count the {} boxes: {status}",
            items.len()
        );
        ensure!(took < FIRST_BOXES, "the first boxes took {took:?}, the limit is {FIRST_BOXES:?}");
        Ok(())
    });
}

/// The native detector runs on the CPU, with the same weights.
#[test]
fn an_uploaded_picture_gives_the_boxes_of_the_native_detector() {
    scenario("upload", Gpu::Emulated, |page| {
        let folder = tempfile::tempdir()?;
        let cpu = DeviceChoice { kind: DeviceKind::Cpu, index: 0 };
        let detector = Detector::load(&shapes_alone(page)?.weights, &cpu, EngineArgs::default(), 1)?;
        page.open("")?;
        page.wait_for_result()?;

        let mut compared = 0;
        // Square like the network's input, wide, and tall: the last two are stretched on the way in and back.
        for (width, height) in [(300, 300), (480, 320), (240, 400)] {
            let (scene, _) = shapes::scene(width, height, &mut seeded(&[20, u64::from(width)]));
            let file = folder.path().join(format!("{width}.png"));
            scene.save(&file)?;
            page.eval("window.lastResult = null")?;
            page.choose("#file", &file)?;
            page.wait_for_result()?;
            let shown = shown(&page.eval("window.lastResult.detections")?)?;
            let native = native(&detector, &scene)?;
            let floor = detector.header().score + 0.01;
            compared += counterparts(&native, &shown, floor)?;
            counterparts(&shown, &native, floor)?;
        }
        ensure!(compared > 0, "the native detector finds nothing in any of the scenes, so nothing was compared");
        eprintln!("{compared} detections agree");
        Ok(())
    });
}

#[test]
fn the_score_slider_changes_the_list() {
    scenario("sliders", Gpu::Emulated, |page| {
        page.open("")?;
        page.wait_for_result()?;
        let before = page.detections()?;
        ensure!(!before.is_empty(), "nothing was detected in the sample picture");

        page.slide("#score", 1.0)?;
        page.wait_for("document.querySelectorAll('#detections li').length === 0", Duration::from_secs(30))?;
        ensure!(page.text("location.search")?.contains("score=1"), "the address does not keep the setting");

        page.slide("#score", 0.01)?;
        let all = format!("document.querySelectorAll('#detections li').length >= {}", before.len());
        page.wait_for(&all, Duration::from_secs(30))?;

        page.slide("#max", 1.0)?;
        page.wait_for("document.querySelectorAll('#detections li').length === 1", Duration::from_secs(30))
    });
}

#[test]
fn settings_are_shared_by_the_address_and_reset_together() {
    scenario("settings", Gpu::None, |page| {
        let shown = "['score', 'iou', 'nms', 'topk', 'max'].map((id) => document.getElementById(id).value).join()";
        page.open("?backend=cpu&score=0.01&nms=soft&topk=1")?;
        page.wait_for_result()?;
        ensure!(page.text(shown)? == "0.01,0.45,soft,1,200", "the controls show {}", page.text(shown)?);
        // One candidate of each class leaves no two detections of one class.
        let labels = "window.lastResult.detections.map(({ label }) => label)";
        let few: Vec<String> = serde_json::from_value(page.eval(labels)?)?;
        let distinct = few.iter().collect::<std::collections::BTreeSet<_>>();
        ensure!(!few.is_empty() && distinct.len() == few.len(), "{few:?} with one candidate of each class");

        let more = format!("window.lastResult?.detections.length > {}", few.len());
        page.slide("#topk", 300.0)?;
        page.wait_for(&more, Duration::from_secs(30))?;
        let soft = page.eval("window.lastResult.detections")?;
        page.eval("window.lastResult = null")?;
        page.eval(
            "(() => { const menu = document.querySelector('#nms'); menu.value = 'hard'; \
             menu.dispatchEvent(new Event('input', { bubbles: true })); })()",
        )?;
        page.wait_for_result()?;
        ensure!(page.eval("window.lastResult.detections")? != soft, "hard and soft suppression give the same");
        let address = page.text("location.search")?;
        ensure!(address == "?backend=cpu&score=0.01&nms=hard&topk=300", "the address is {address}");

        page.click("#reset")?;
        ensure!(page.text("location.search")? == "?backend=cpu", "the address keeps {}", page.text("location.search")?);
        ensure!(page.text(shown)? == "0.5,0.45,hard,400,200", "after a reset: {}", page.text(shown)?);
        Ok(())
    });
}

/// A detection in pixels, from either side.
pub struct Found {
    label: String,
    score: f32,
    bbox: CornerBox,
}

/// What the page shows.
pub fn shown(detections: &Value) -> Result<Vec<Found>> {
    let list = detections.as_array().context("the result holds no list of detections")?;
    list.iter()
        .map(|found| {
            let number =
                |value: &Value| value.as_f64().map(|v| v as f32).with_context(|| format!("incomplete: {found}"));
            let side = |name: &str| number(&found["box"][name]);
            let (x, y) = (side("x")?, side("y")?);
            let bbox = CornerBox::new(x, y, x + side("width")?, y + side("height")?);
            let label = found["label"].as_str().unwrap_or_default().to_owned();
            Ok(Found { label, score: number(&found["score"])?, bbox })
        })
        .collect()
}

/// What the native detector finds in a picture.
pub fn native(detector: &Detector, picture: &RgbImage) -> Result<Vec<Found>> {
    let (found, _) = detector.detect(picture, &detector.header().params())?;
    let labels = &detector.header().labels;
    Ok(found.iter().map(|found| from_native(found, labels, picture.width(), picture.height())).collect())
}

/// One of them, in pixels.
pub fn from_native(found: &Detection, labels: &[String], width: u32, height: u32) -> Found {
    let label = labels.get(found.class.wrapping_sub(1)).cloned().unwrap_or_default();
    Found { label, score: found.score, bbox: found.bbox.scaled(width as f32, height as f32) }
}

/// Each of `these` above the floor is among `those`, up to the last digits. Nearer to the threshold, one side may see
/// it and the other not. Returns the number compared.
pub fn counterparts(these: &[Found], those: &[Found], floor: f32) -> Result<usize> {
    let sure: Vec<&Found> = these.iter().filter(|found| found.score > floor).collect();
    for one in &sure {
        let same = |other: &&Found| {
            other.label == one.label && (other.score - one.score).abs() < 0.01 && other.bbox.iou(&one.bbox) > 0.98
        };
        let list = || those.iter().map(|o| format!("{} {:.3} {:?}", o.label, o.score, o.bbox)).collect::<Vec<_>>();
        if those.iter().find(same).is_none() {
            bail!("{} {:.3} {:?} has no counterpart in {:#?}", one.label, one.score, one.bbox, list());
        }
    }
    Ok(sure.len())
}

fn is_label_and_percent(item: &str) -> bool {
    let Some((label, percent)) = item.rsplit_once(' ') else { return false };
    let digits = percent.strip_suffix('%').unwrap_or_default();
    !label.is_empty() && digits.parse::<u32>().is_ok_and(|value| value <= 100)
}

#[test]
fn the_helpers_tell_right_from_wrong() {
    assert!(is_label_and_percent("traffic light 97%"));
    assert!(!is_label_and_percent("97%") && !is_label_and_percent("cat 0.97") && !is_label_and_percent(" 97%"));
    let found =
        |x: f32, score: f32| Found { label: "disc".into(), score, bbox: CornerBox::new(x, 0.0, x + 100.0, 100.0) };
    assert!(counterparts(&[found(0.0, 0.9)], &[found(0.5, 0.905)], 0.5).is_ok_and(|count| count == 1));
    assert!(counterparts(&[found(0.0, 0.9)], &[found(2.0, 0.9)], 0.5).is_err(), "the box is elsewhere");
    assert!(counterparts(&[found(0.0, 0.9)], &[found(0.0, 0.88)], 0.5).is_err(), "the score is another");
    assert!(counterparts(&[found(0.0, 0.4)], &[], 0.5).is_ok_and(|count| count == 0), "below the floor");
}
