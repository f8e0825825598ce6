//! Teaching in the page: labels by mouse and keyboard that survive a reload, data sets out and in, and learning.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ssd_data::{Ask, Dataset, Format, XywhPx};

use super::exports::{unzipped, write_all};
use super::foreign::{CPU, wait_for_model};
use super::page::{Gpu, PATIENCE, Page, SOON, scenario};
use super::strip::{open_shapes, scenes};
use super::weights::is_sentence;

/// The boxes on show that are no suggestions, as a screen reader hears them.
pub const BOXES: &str = "[...document.querySelectorAll('#teach-boxes .box:not(.guess)')] \
                     .map(({ ariaLabel }) => ariaLabel).join('; ')";

/// What the thumbnails say: boxes in each picture, `0` where nothing is, nothing where nobody has looked.
const NUMBERS: &str = "[...document.querySelectorAll('#teach-shelf [role=option]')] \
                       .sort((a, b) => a.ariaPosInSet - b.ariaPosInSet).map(({ textContent }) => textContent).join()";

#[test]
fn labels_are_drawn_by_mouse_and_keyboard_undone_and_there_after_a_reload() {
    scenario("labelling", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let files = scenes(folder.path(), &["1.png", "2.png", "3.png"])?;
        open_shapes(page)?;
        page.save_into(folder.path())?; // and the page has the focus
        teach(page)?;
        add(page, &files, 3)?;
        page.click("#teach-suggest")?;

        page.drag("#teach-frame", [0.25, 0.25], [0.5, 0.75])?;
        name(page, "ball")?;
        let drawn = page.text(BOXES)?;
        ensure!(drawn == "ball, 100 × 150 pixels at 100, 75", "drawn by mouse: {drawn}");
        // Inside the selected box a drag moves it; a handle resizes it.
        page.drag("#teach-frame", [0.3, 0.5], [0.4, 0.5])?;
        ensure!(page.text(BOXES)? == "ball, 100 × 150 pixels at 140, 75", "moved: {}", page.text(BOXES)?);
        page.drag("#teach-frame", [0.6, 0.75], [0.7, 0.8])?;
        let resized = page.text(BOXES)?;
        ensure!(resized == "ball, 140 × 165 pixels at 140, 75", "resized: {resized}");

        page.press("n")?;
        page.press("ArrowRight")?;
        page.press("ArrowRight")?;
        page.press("ArrowDown")?;
        let both = format!("{resized}; ball, 133 × 100 pixels at 142, 104");
        ensure!(page.text(BOXES)? == both, "drawn by keyboard: {}", page.text(BOXES)?);
        // Presses of keys in a row are one step, the new box is another.
        shortcut(page, "z", false)?;
        ensure!(page.text(BOXES)?.ends_with("pixels at 134, 100"), "undone: {}", page.text(BOXES)?);
        shortcut(page, "z", false)?;
        ensure!(page.text(BOXES)? == resized, "undone twice: {}", page.text(BOXES)?);
        for _ in 0..2 {
            shortcut(page, "z", true)?;
        }
        ensure!(page.text(BOXES)? == both, "redone: {}", page.text(BOXES)?);

        page.press("Escape")?;
        page.press("c")?;
        page.wait_for(
            &format!("{BOXES} === '{both}' && document.querySelector('#teach-picture').alt === '2.png'"),
            SOON,
        )?;
        page.press("ArrowRight")?;
        page.wait_for("document.querySelector('#teach-picture').alt === '3.png'", SOON)?;
        page.press("e")?;
        page.wait_for(&format!("{NUMBERS} === '2,2,0'"), SOON)?;
        // A class is renamed in all pictures.
        set(page, "#teach-list input", "bowl")?;
        page.press("Home")?;
        let renamed = both.replace("ball", "bowl");
        page.wait_for(&format!("{BOXES} === '{renamed}'"), SOON)?;
        ensure!(page.error()?.is_empty(), "{}", page.error()?);

        page.open(CPU)?;
        page.wait_for_result()?;
        teach(page)?;
        page.wait_for(&format!("{BOXES} === '{renamed}' && {NUMBERS} === '2,2,0'"), SOON)?;
        // Steps back and forth do not wait for the storage, and none overtakes another there.
        page.eval(
            "['clear', 'undo', 'redo', 'undo'].forEach((act) => document.querySelector(`#teach-${act}`).click()); \
             new Promise((resolve) => { setTimeout(resolve, 500); })",
        )?;
        page.wait_for(&format!("{BOXES} === '{renamed}' && {NUMBERS} === '2,2,0'"), SOON)?;
        ensure!(page.error()?.is_empty(), "{}", page.error()?);
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}

#[test]
fn a_labelled_set_is_saved_opened_again_and_read_by_the_native_programs() {
    scenario("data sets of the page", Gpu::None, |page| {
        let home = tempfile::tempdir()?;
        let saved = home.path().join("saved");
        let files = scenes(&home.path().join("pictures"), &["a.png", "b.png", "c.png"])?;
        open_shapes(page)?;
        page.save_into(&saved)?;
        teach(page)?;
        add(page, &files, 3)?;
        page.click("#teach-suggest")?;
        page.drag("#teach-frame", [0.1, 0.2], [0.5, 0.6])?;
        name(page, "cup & saucer")?;
        page.press("Escape")?;
        page.press("ArrowRight")?;
        page.wait_for("document.querySelector('#teach-picture').alt === 'b.png'", SOON)?;
        page.press("e")?;
        page.wait_for(&format!("{NUMBERS} === '1,0,'"), SOON)?;

        for format in ["yolo", "voc", "coco"] {
            set(page, "#teach-format", format)?;
            page.click("#teach-zip")?;
            let file = format!("labels.{format}.zip");
            let content = unzipped(&page.saved(&saved, &file)?)?;
            page.click("#teach-clear")?;
            page.wait_for("document.querySelector('#teach-shelf').hidden", SOON)?;
            // What nobody has labelled is not in the set.
            add(page, &[saved.join(&file)], 2)?;
            page.wait_for(&format!("{NUMBERS} === '1,0' && {BOXES} !== ''"), SOON)?;
            let boxes = page.text(BOXES)?;
            ensure!(boxes == "cup & saucer, 160 × 120 pixels at 40, 60", "{format}: {boxes}");

            let set = home.path().join(format);
            write_all(&set, &content)?;
            let Dataset::Pictures(pictures) = ssd_data::open(&[set.to_string_lossy()], Format::AUTO, Ask::All, None)?
            else {
                anyhow::bail!("{format}: no pictures");
            };
            ensure!(pictures.len() == 2 && pictures.labels() == ["cup & saucer"], "{format}: {:?}", pictures.labels());
            let truths: Vec<XywhPx> =
                (0..2).flat_map(|index| pictures.truths_px(index)).map(|truth| truth.bbox_px).collect();
            let near = |value: f64, wanted: f64| (value - wanted).abs() < 0.01;
            let [truth] = truths[..] else { anyhow::bail!("{format}: {truths:?}") };
            let same = near(truth.x, 40.0) && near(truth.y, 60.0) && near(truth.w, 160.0) && near(truth.h, 120.0);
            ensure!(same, "{format}: {truth:?}");
        }

        // Another picture of the same name does not take its place in a data set.
        let others = scenes(&home.path().join("others"), &["other.png", "a.png"])?;
        add(page, &others[1..], 1)?;
        let named =
            "[...document.querySelectorAll('#teach-shelf [role=option]')].some(({ title }) => title === 'a (2).png')";
        page.wait_for(named, SOON)?;

        let cut = home.path().join("cut.zip");
        std::fs::write(&cut, std::fs::read(saved.join("labels.yolo.zip"))?.get(..2000).context("a short ZIP")?)?;
        page.choose("#teach-file", &cut)?;
        let error = page.wait_for_error()?;
        ensure!(is_sentence(&error) && error.contains("cut.zip "), "not a sentence: {error}");
        Ok(())
    });
}

#[test]
fn drawn_scenes_are_added_as_pictures_without_objects_but_for_those_that_show_one() {
    scenario("drawn scenes", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        open_shapes(page)?;
        teach(page)?;
        add(page, &scenes(folder.path(), &["1.png"])?, 1)?;
        page.click("#teach-suggest")?;
        page.drag("#teach-frame", [0.25, 0.25], [0.5, 0.75])?;
        name(page, "Sheep")?;
        page.click("#teach-scenes")?;
        // Three of each, and not of the sheep on the meadow.
        page.wait_for("document.querySelector('#teach-status').textContent.startsWith('21 pictures added')", SOON)?;
        page.wait_for(&format!("{NUMBERS}.split(',').filter((count) => count !== '0').join() === '1'"), SOON)?;
        ensure!(page.error()?.is_empty(), "{}", page.error()?);
        Ok(())
    });
}

#[test]
fn storage_that_is_full_says_so_and_keeps_what_is_there() {
    scenario("full storage", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let files = scenes(folder.path(), &["1.png", "2.png"])?;
        open_shapes(page)?;
        let used = page.eval("navigator.storage.estimate().then(({ usage }) => usage)")?.as_u64().unwrap_or_default();
        let [first, second] = [&files[0], &files[1]].map(|file| file.metadata().map(|data| data.len()));
        page.limit_storage(used + first? + second? / 2)?;
        teach(page)?;
        add(page, &files[..1], 1)?;
        page.choose("#teach-file", &files[1])?;
        let error = page.wait_for_error()?;
        ensure!(is_sentence(&error) && error.contains("storage is full"), "not a sentence: {error}");
        page.open(CPU)?;
        page.wait_for_result()?;
        teach(page)?;
        page.wait_for("document.querySelectorAll('#teach-shelf [role=option]').length === 1", SOON)
    });
}

#[test]
fn the_page_learns_from_four_pictures_stops_goes_on_and_uses_what_it_learned() {
    scenario("learning in the page", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let saved = folder.path().join("saved");
        let files = scenes(folder.path(), &["1.png", "2.png", "3.png", "4.png"])?;
        open_shapes(page)?;
        page.save_into(&saved)?;
        teach(page)?;
        add(page, &files, 4)?;
        // What the model of shapes suggests is accepted under one name.
        for number in 1..=4 {
            let shown = format!("document.querySelector('#teach-picture').alt === '{number}.png'");
            page.wait_for(&format!("{shown} && !document.querySelector('#teach-accept').hidden"), PATIENCE)?;
            page.press("a")?;
            page.press("ArrowRight")?;
        }
        page.wait_for(&format!("{NUMBERS}.split(',').every((count) => count > 0)"), SOON)?;
        let labels = page.eval("[...document.querySelectorAll('#teach-list input')].map(({ value }) => value)")?;
        set(page, "#teach-steps", "50")?;
        page.click("#teach-learn")?;
        page.wait_for("document.querySelector('#teach-stage').textContent.startsWith('Step ')", PATIENCE)?;
        page.click("#teach-stop")?;
        page.wait_for("document.documentElement.dataset.teach === 'paused'", SOON)?;
        let stopped = page.text("document.querySelector('#teach-stage').textContent")?;
        ensure!(stopped.starts_with("Stopped: Step "), "{stopped}");
        page.click("#teach-stop")?;
        page.wait_for("document.documentElement.dataset.teach === 'done'", PATIENCE)?;
        ensure!(page.error()?.is_empty(), "{}", page.error()?);
        page.wait_for("document.querySelector('#model').value.endsWith('.safetensors')", PATIENCE)?;
        let model = page.text("document.querySelector('#model').value")?;

        // The file is that of a model like any other.
        page.click("#teach-download")?;
        page.saved(&saved, &model)?;
        page.click("#teach-close")?;
        page.choose("#weights-file", &saved.join(&model))?;
        wait_for_model(page, &model)?;
        page.wait_for_result()?;
        let known =
            page.eval("[...document.querySelectorAll('#classes label')].map(({ textContent }) => textContent)")?;
        ensure!(sorted(&known) == sorted(&labels), "the new model knows {known}, taught were {labels}");
        Ok(())
    });
}

fn sorted(list: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names
}

/// Opens teaching by its key.
pub fn teach(page: &mut Page) -> Result<()> {
    page.press("t")?;
    page.wait_for("document.documentElement.dataset.teach === 'ready'", SOON)
}

/// Adds files, which give that many pictures.
pub fn add(page: &mut Page, files: &[PathBuf], count: usize) -> Result<()> {
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    page.choose_all("#teach-file", &paths)?;
    let status = format!("document.querySelector('#teach-status').textContent.startsWith('{count} picture')");
    page.wait_for(&status, SOON)?;
    page.wait_for("document.querySelector('#teach-picture').naturalWidth > 0", SOON)
}

/// Sets the value of a control, as a user would.
pub fn set(page: &mut Page, control: &str, value: &str) -> Result<()> {
    let script = format!(
        "(() => {{ const control = document.querySelector('{control}'); control.value = '{value}'; \
         for (const type of ['input', 'change']) control.dispatchEvent(new Event(type, {{ bubbles: true }})); }})()"
    );
    page.eval(&script).map(drop)
}

/// Names the selected box.
fn name(page: &mut Page, label: &str) -> Result<()> {
    set(page, "#teach-name", label)?;
    page.eval("document.querySelector('#teach-boxes .selected').focus()").map(drop)
}

/// Presses a key with Ctrl.
fn shortcut(page: &mut Page, key: &str, shift: bool) -> Result<()> {
    let script = format!(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', \
         {{ key: '{key}', ctrlKey: true, shiftKey: {shift}, bubbles: true, cancelable: true }}))"
    );
    page.eval(&script).map(drop)
}
