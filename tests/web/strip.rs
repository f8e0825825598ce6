//! Several pictures: the strip, its keys, folders, and detection in all of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use ssd_data::seeded::seeded;
use ssd_data::shapes;

use super::foreign::CPU;
use super::page::{Gpu, PATIENCE, Page, SOON, scenario};
use super::shipped::shapes_alone;
use super::weights::is_sentence;

/// The names of the pictures that have elements, in order.
const NAMES: &str = "[...document.querySelectorAll('#pictures [role=option]')].map(({ title }) => title).sort( \
                     new Intl.Collator(undefined, { numeric: true }).compare).join()";

#[test]
fn several_pictures_have_a_strip_with_keys_and_the_number_of_objects_in_each() {
    scenario("strip", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let mut files = scenes(folder.path(), &["b/2.png", "b/12.png", "b/10.png", "b/3.png"])?;
        for name in ["4.jpg", "notes.txt"] {
            files.push(folder.path().join(name));
            std::fs::write(folder.path().join(name), "no picture")?;
        }
        open_shapes(page)?;
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        page.choose_all("#file", &paths)?;
        page.wait_for(
            "window.lastResult && document.querySelector('#status').textContent.startsWith('1 of 5: ')",
            SOON,
        )?;
        ensure!(page.text(NAMES)? == "2.png,3.png,4.jpg,10.png,12.png", "the strip has {}", page.text(NAMES)?);

        // What cannot be read is said, and nothing else is on show in its place.
        page.press("ArrowRight")?;
        page.wait_for_status("2 of 5: ")?;
        page.press("ArrowRight")?;
        let error = page.wait_for_error()?;
        ensure!(error.starts_with("4.jpg is not a picture") && error.ends_with('.'), "about 4.jpg: {error}");
        ensure!(page.eval("document.querySelector('#view img')")?.is_null(), "another picture is on show");
        page.press("End")?;
        page.wait_for_status("5 of 5: ")?;
        ensure!(page.error()?.is_empty(), "the error stays: {}", page.error()?);
        page.press("Home")?;
        page.wait_for_status("1 of 5: ")?;
        let chosen = page.text("document.querySelector('#pictures [aria-selected=true]').title")?;
        ensure!(chosen == "2.png", "{chosen} is selected");

        detect_all(page)?;
        let said = page.text("document.querySelector('#status').textContent")?;
        ensure!(said.starts_with("5 pictures, ") && said.ends_with("; 1 cannot be used"), "all together: {said}");
        let (shown, counted) = (page.detections()?.len().to_string(), count_of(page, "2.png")?);
        ensure!(shown == counted, "{shown} objects are on show, and the strip says {counted}");

        // Other settings: what was counted no longer holds.
        page.slide("#score", 1.0)?;
        page.wait_for("document.querySelector('#pictures [title=\"10.png\"]').textContent === ''", SOON)?;
        detect_all(page)?;
        ensure!(count_of(page, "10.png")? == "0", "{} objects with a score above 1", count_of(page, "10.png")?);

        page.click("#strip-close")?;
        let closed = "document.querySelector('#strip').hidden && document.querySelector('#view img') != null";
        ensure!(page.eval(closed)? == true, "the strip is not closed, or its picture is");
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}

#[test]
fn a_folder_that_is_chosen_or_dropped_gives_its_pictures_by_path() {
    scenario("folder", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let set = folder.path().join("set");
        scenes(&set, &["9.png", "10.png", "far/away/9.png"])?;
        // What else is in a data set: labels, and what file managers leave.
        for name in ["9.txt", "._9.png", "classes.txt"] {
            std::fs::write(set.join(name), "0 0.5 0.5 0.1 0.1")?;
        }
        open_shapes(page)?;
        for dropped in [false, true] {
            if dropped {
                page.drop_paths(&[&set])?;
            } else {
                page.choose("#folder", &set)?;
            }
            page.wait_for_status("1 of 3: ")?;
            ensure!(page.text(NAMES)? == "9.png,10.png,far/away/9.png", "dropped {dropped}: {}", page.text(NAMES)?);
            page.click("#strip-close")?;
            page.eval("document.querySelector('#status').textContent = ''")?;
        }
        // A folder without pictures.
        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty)?;
        for name in ["a.txt", "b.txt"] {
            std::fs::write(empty.join(name), "a")?;
        }
        page.drop_paths(&[&empty])?;
        let error = page.wait_for_error()?;
        ensure!(is_sentence(&error) && error.contains("2 files"), "not a sentence: {error}");
        Ok(())
    });
}

#[test]
fn of_thousands_of_pictures_few_have_elements_and_a_run_can_be_stopped_and_goes_on() {
    scenario("thousands of pictures", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let one = scenes(folder.path(), &["one.png"])?;
        page.server.put("one.png", super::server::Extra { bytes: std::fs::read(&one[0])?, ..Default::default() });
        open_shapes(page)?;
        // The page keeps the promise: with thousands of files the browser collects garbage, the awaited one too.
        page.eval(
            "window.dropped = (async () => {
                const blob = await (await fetch('one.png')).blob();
                const dataTransfer = new DataTransfer();
                for (let i = 0; i < 4000; i += 1) {
                    dataTransfer.items.add(new File([blob], `${i}.png`, { type: 'image/png' }));
                }
                document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
            })()",
        )?;
        page.wait_for_status("1 of 4000: ")?;
        page.press("End")?;
        page.wait_for_status("4000 of 4000: ")?;
        let elements = "document.querySelectorAll('#pictures [role=option]').length";
        page.wait_for(&format!("{elements} < 40"), SOON)?;

        let known = |page: &mut Page| -> Result<u64> {
            let text = page.text("document.querySelector('#strip-text').textContent")?;
            Ok(text.split(' ').next().unwrap_or_default().parse()?)
        };
        page.click("#all")?;
        page.wait_for("parseInt(document.querySelector('#strip-text').textContent) >= 12", PATIENCE)?;
        page.click("#all")?;
        page.wait_for("document.querySelector('#all').textContent === 'Detect all'", SOON)?;
        // The strip shows what is known a frame later.
        let frames = Duration::from_millis(500);
        std::thread::sleep(frames);
        let stopped = known(page)?;
        std::thread::sleep(frames);
        ensure!((12..400).contains(&stopped) && known(page)? == stopped, "{stopped} detected, then {}", known(page)?);
        page.click("#all")?;
        page.wait_for(&format!("parseInt(document.querySelector('#strip-text').textContent) > {stopped}"), PATIENCE)?;
        ensure!(page.error()?.is_empty(), "the page shows an error: {}", page.error()?);
        Ok(())
    });
}

/// The page with the model of shapes.
pub fn open_shapes(page: &mut Page) -> Result<PathBuf> {
    let weights = shapes_alone(page)?.weights;
    page.open(CPU)?;
    page.wait_for_result()?;
    Ok(weights)
}

/// Scenes of shapes, drawn into files of these names.
pub fn scenes(folder: &Path, names: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (seed, name) in (60..).zip(names) {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap_or(folder))?;
        let (scene, _) = shapes::scene(400, 300, &mut seeded(&[seed]));
        scene.save(&file)?;
        files.push(file);
    }
    Ok(files)
}

/// Presses "Detect all" and waits for its end.
pub fn detect_all(page: &mut Page) -> Result<()> {
    page.click("#all")?;
    page.wait_for("document.querySelector('#all').textContent === 'Detect all'", PATIENCE)?;
    page.wait_for("document.documentElement.dataset.state === 'ready'", PATIENCE)
}

fn count_of(page: &mut Page, name: &str) -> Result<String> {
    page.text(&format!("document.querySelector('#pictures [title=\"{name}\"]').textContent"))
}
