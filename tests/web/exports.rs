//! What the page saves, read back by the native programs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use ssd_tests::run::{path_text, run};

use super::page::{Gpu, Page, scenario};
use super::strip::{detect_all, open_shapes, scenes};

const LABELS: [&str; 6] = ["circle", "square", "triangle", "star", "ring", "cross"];

#[test]
fn what_is_saved_of_all_pictures_is_read_back_by_the_native_programs() {
    scenario("exports", Gpu::None, |page| {
        let home = tempfile::tempdir()?;
        let (pictures, saved) = (home.path().join("pictures"), home.path().join("saved"));
        scenes(&pictures, &["7.png", "12.png", "far/30.png"])?;
        let weights = open_shapes(page)?;
        page.save_into(&saved)?;
        page.choose("#folder", &pictures)?;
        page.wait_for_status("1 of 3: ")?;
        page.press("End")?;
        page.wait_for_status("3 of 3: ")?;
        detect_all(page)?;
        let shown = page.eval("window.lastResult.detections")?;

        let all: Value = serde_json::from_slice(&save(page, &saved, "all", "json", "pictures.detections.json")?)?;
        let reports = all.as_array().context("the JSON is no list")?;
        let names: Vec<&str> = reports.iter().filter_map(|report| report["image"].as_str()).collect();
        ensure!(names == ["7.png", "12.png", "far/30.png"], "the JSON has {names:?}");
        let found = |report: &Value| report["detections"].as_array().map_or(0, Vec::len);
        let total: usize = reports.iter().map(found).sum();
        ensure!(total >= 3, "only {total} objects were found in all scenes");
        ensure!(reports.last().map(found) == shown.as_array().map(Vec::len), "the last report is not what is on show");

        let csv = String::from_utf8(save(page, &saved, "all", "csv", "pictures.detections.csv")?)?;
        ensure!(csv.lines().count() == total + 1, "{total} objects are {csv}");
        ensure!(csv.lines().all(|line| line.split(',').count() == 10), "not ten columns: {csv}");

        let coco = save(page, &saved, "all", "coco", "pictures.coco.json")?;
        measure_coco(home.path(), reports, &coco)?;

        // Labels beside the pictures, and a whole data set: what the page found is what the native detector finds.
        let labels = unzipped(&save(page, &saved, "all", "yolo", "pictures.yolo.zip")?)?;
        let paths: Vec<&str> = labels.iter().map(|(path, _)| path.as_str()).collect();
        ensure!(paths == ["classes.txt", "labels/7.txt", "labels/12.txt", "labels/far/30.txt"], "YOLO: {paths:?}");
        write_all(&pictures, &labels)?;
        measure_set(&weights, &pictures, "yolo", total)?;
        page.click("#save-pictures")?;
        let set = unzipped(&save(page, &saved, "all", "voc", "pictures.voc.zip")?)?;
        let whole = home.path().join("whole");
        write_all(&whole, &set)?;
        ensure!(
            std::fs::read(whole.join("JPEGImages/7.png"))? == std::fs::read(pictures.join("7.png"))?,
            "another picture"
        );
        measure_set(&weights, &whole, "voc", total)?;

        let drawn = unzipped(&save(page, &saved, "all", "png", "pictures.detections.zip")?)?;
        for (name, bytes) in &drawn {
            let (drawn, plain) =
                (image::load_from_memory(bytes)?.to_rgb8(), image::open(pictures.join(name))?.to_rgb8());
            ensure!(drawn.dimensions() == plain.dimensions() && drawn != plain, "{name} has no boxes or another size");
        }
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}

#[test]
fn one_picture_is_saved_and_copied() {
    scenario("export of one picture", Gpu::None, |page| {
        let saved = tempfile::tempdir()?;
        open_shapes(page)?;
        page.save_into(saved.path())?;
        let name = page.text("document.querySelector('#view img').alt")?;
        let stem = name.split('.').next().unwrap_or_default();
        let json = save(page, saved.path(), "one", "json", &format!("{stem}.detections.json"))?;
        let report: Value = serde_json::from_slice(&json)?;
        ensure!(report[0]["image"] == name.as_str(), "{report} is not of {name}");
        let boxes = page.eval(
            "window.lastResult.detections.map(({ box: { x, y, width, height } }) => [x, y, x + width, y + height])",
        )?;
        let written: Vec<&Value> =
            report[0]["detections"].as_array().into_iter().flatten().map(|found| &found["box"]).collect();
        ensure!(!written.is_empty() && json!(written) == boxes, "{report} does not have the boxes {boxes}");
        let png = save(page, saved.path(), "one", "png", &format!("{stem}.detections.png"))?;
        ensure!(image::load_from_memory(&png)?.width() == report[0]["width"], "another width");

        for (button, kind) in [("copy", "image/png"), ("text", "text/plain")] {
            page.eval("document.querySelector('#status').textContent = ''")?;
            page.click("#save-open")?;
            page.click(&format!("#save-{button}"))?;
            page.wait_for("document.querySelector('#status').textContent.includes('copied')", Duration::from_secs(20))?;
            let copied = page.text(&format!(
                "navigator.clipboard.read().then(async ([item]) => {{
                    const blob = await item.getType('{kind}');
                    return '{kind}' === 'text/plain' ? blob.text() : `${{(await createImageBitmap(blob)).width}}`;
                }})"
            ))?;
            let whole =
                if button == "text" { String::from_utf8(json.clone())? } else { report[0]["width"].to_string() };
            ensure!(copied == whole, "{kind}: {copied} was copied instead of {whole}");
        }
        Ok(())
    });
}

/// Saves through the dialog; the bytes of the file, which has to have that name.
fn save(page: &mut Page, folder: &Path, scope: &str, button: &str, name: &str) -> Result<Vec<u8>> {
    page.click("#save-open")?;
    page.click(&format!("#save-{scope}"))?;
    page.click(&format!("#save-{button}"))?;
    let bytes = page.saved(folder, name)?;
    page.wait_for(
        &format!("document.querySelector('#status').textContent === 'Saved {name}.'"),
        Duration::from_secs(5),
    )?;
    Ok(bytes)
}

/// The detections, measured against themselves as ground truth, are without a fault.
fn measure_coco(folder: &Path, reports: &[Value], results: &[u8]) -> Result<()> {
    let ids = [7, 12, 30];
    let images: Vec<Value> =
        ids.iter().zip(reports).map(|(id, report)| json!({ "id": id, "file_name": report["image"] })).collect();
    let categories: Vec<Value> =
        (1..).zip(LABELS).map(|(id, name): (u32, _)| json!({ "id": id, "name": name })).collect();
    let mut annotations = Vec::new();
    for (id, report) in ids.iter().zip(reports) {
        for found in report["detections"].as_array().context("a report without detections")? {
            let side = |place: usize| found["box"][place].as_f64().unwrap_or_default();
            let bbox = [side(0), side(1), side(2) - side(0), side(3) - side(1)];
            let number = annotations.len() + 1;
            annotations.push(json!({ "id": number, "image_id": id, "category_id": found["class"], "bbox": bbox }));
        }
    }
    let truth = json!({ "images": images, "annotations": annotations, "categories": categories });
    let (truth_path, results_path) = (folder.join("truth.json"), folder.join("results.json"));
    std::fs::write(&truth_path, serde_json::to_vec(&truth)?)?;
    std::fs::write(&results_path, results)?;
    let (truth, results) = (path_text(&truth_path), path_text(&results_path));
    let measured = run("eval", &["--ground-truth", truth, "--detections", results, "--json"]).done().json();
    ensure!(measured["coco"]["ap"] == 1.0, "COCO results against themselves: {measured}");
    Ok(())
}

/// A saved data set has all objects, and the native detector finds them where they are.
fn measure_set(weights: &Path, set: &Path, format: &str, total: usize) -> Result<()> {
    let arguments = ["--weights", path_text(weights), "--data", path_text(set), "--format", format, "--device", "cpu"];
    let measured = run("eval", &[&arguments[..], &["--json"]].concat()).done().json();
    let truths: u64 = measured["per_class"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|class| class["ground_truths"].as_u64())
        .sum();
    ensure!(
        measured["images"] == 3 && truths == total as u64,
        "{format}: not {total} objects in 3 pictures: {measured}"
    );
    let map = measured["voc_all_point"].as_f64().context("no mAP")?;
    ensure!(map > 0.99, "{format}: the native detector has {map}, its own boxes have 1");
    Ok(())
}

/// Writes files into a folder, by their paths in it.
pub fn write_all(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

/// The files of a ZIP without compression, by its directory, checked.
pub fn unzipped(zip: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let number = |at: usize, count: usize| -> Result<usize> {
        let bytes = zip.get(at..at + count).context("the ZIP is cut")?;
        Ok(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    let end = zip.len().checked_sub(22).context("no ZIP")?;
    ensure!(number(end, 4)? == 0x0605_4b50, "no end of a ZIP's directory");
    let (mut at, mut files) = (number(end + 16, 4)?, Vec::new());
    for _ in 0..number(end + 10, 2)? {
        ensure!(number(at, 4)? == 0x0201_4b50 && number(at + 10, 2)? == 0, "no entry, or a compressed one");
        let (crc, size, length) = (number(at + 16, 4)?, number(at + 24, 4)?, number(at + 28, 2)?);
        let name = String::from_utf8(zip[at + 46..at + 46 + length].to_vec())?;
        let local = number(at + 42, 4)?;
        ensure!(number(local, 4)? == 0x0403_4b50 && number(local + 14, 4)? == crc, "{name}: no such file");
        let start = local + 30 + number(local + 26, 2)? + number(local + 28, 2)?;
        let bytes = zip.get(start..start + size).context("the ZIP is cut")?.to_vec();
        ensure!(crc32(&bytes) == crc, "{name} has another checksum");
        files.push((name, bytes));
        at += 46 + length;
    }
    Ok(files)
}

/// CRC-32 bit by bit, as the standard has it.
fn crc32(bytes: &[u8]) -> usize {
    let step = |rest: u32, _| if rest & 1 == 1 { rest >> 1 ^ 0xedb8_8320 } else { rest >> 1 };
    let rest = bytes.iter().fold(u32::MAX, |rest, byte| (0..8).fold(rest ^ u32::from(*byte), step));
    !rest as usize
}
