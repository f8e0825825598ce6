//! “How SSD sees”: its three views, through the page's controls; and what else the page shows of its work.

use std::path::Path;

use anyhow::{Result, ensure};
use ssd_tests::fresh::fresh_weights_file;

use super::foreign::{CPU, wait_for_model};
use super::page::{Gpu, PATIENCE, Page, SOON, scenario};

/// Whether the panel has drawn over the picture.
const SEEN: &str = "document.querySelector('#view').classList.contains('seen')";

/// The detections in the panel's menu, in the form of [`Page::detections`].
const FOUND: &str = "[...document.querySelector('#seeing-found').options].map(({ text }) => text).join()";

#[test]
fn the_panel_explains_each_detection_and_each_feature_map_of_the_picture_on_show() {
    scenario("seeing", Gpu::None, |page| {
        page.open(CPU)?;
        page.wait_for_result()?;
        ensure!(
            page.eval("performance.getEntriesByType('resource').every(({ name }) => !/lab[-/]|seeing-/.test(name))")?
                == true,
            "the lab is loaded before it is asked for"
        );
        page.press("h")?;
        page.wait_for(SEEN, PATIENCE)?;

        // Every prior stands on one of the maps; a map has its cells, and a click on the picture picks one.
        let maps = page.text("document.querySelector('#seeing-map').textContent")?;
        ensure!(maps.starts_with("1: ") && maps.contains("priors"), "the maps are {maps}");
        let heat = drawing(page)?;
        page.eval(
            "(() => {
                const canvas = document.querySelector('#seeing-drawing'), place = canvas.getBoundingClientRect();
                const [clientX, clientY] = [place.left + place.width / 2, place.top + place.height / 2];
                document.querySelector('#seeing-map').selectedIndex = 5;
                document.querySelector('#seeing-map').dispatchEvent(new Event('input'));
                canvas.dispatchEvent(new MouseEvent('click', { clientX, clientY, bubbles: true }));
            })()",
        )?;
        ensure!(says(page)?.starts_with("Row 1, column 1: at best "), "the coarsest map says: {}", says(page)?);
        ensure!(drawing(page)? != heat, "two maps look the same");
        page.click("#detections button")?;
        ensure!(!says(page)?.starts_with("Row 1, column 1:"), "a click on the list leads nowhere: {}", says(page)?);

        // On the CPU the lab finds what the page shows, at any settings.
        ensure!(page.text(FOUND)? == page.detections()?.join(","), "{} are explained", page.text(FOUND)?);
        page.slide("#score", 0.1)?;
        let same = format!(
            "(() => {{ const shown = [...document.querySelectorAll('#detections li')]; return shown.length > 3 && \
             shown.map((item) => item.textContent.trim()).join() === {FOUND}; }})()"
        );
        page.wait_for(&same, PATIENCE)?;

        // From the prior through the decoded box to the end.
        page.click("#seeing-box")?;
        let mut drawn = Vec::new();
        for (step, beginning) in
            [(0, "The prior"), (5, "The offsets"), (12, "All of the way"), (13, "In red"), (14, "After")]
        {
            page.slide("#seeing-step", f64::from(step))?;
            ensure!(says(page)?.starts_with(beginning), "step {step}: {}", says(page)?);
            drawn.push(drawing(page)?);
        }
        ensure!(drawn.windows(2).all(|two| two[0] != two[1]), "two steps look the same");
        let facts = page.text("document.querySelector('#seeing-facts').textContent")?;
        ensure!(facts.contains("Offsets") && facts.contains("pixels"), "the facts are {facts}");

        // At a low minimum score some box has rivals; pointed at, one is drawn alone.
        page.click("#seeing-nms")?;
        let rivals = page.eval(
            "[...document.querySelector('#seeing-found').options].map((_, index) => {
                document.querySelector('#seeing-found').selectedIndex = index;
                document.querySelector('#seeing-found').dispatchEvent(new Event('input'));
                return document.querySelectorAll('#seeing-rivals li').length;
            }).reduce((most, count) => Math.max(most, count))",
        )?;
        ensure!(rivals.as_u64().is_some_and(|count| (2..=12).contains(&count)), "{rivals} rivals at most");
        page.eval(
            "(() => {
                const menu = document.querySelector('#seeing-found');
                const choose = (index) => { menu.selectedIndex = index; menu.dispatchEvent(new Event('input')); };
                const count = () => document.querySelectorAll('#seeing-rivals li').length;
                choose([...menu.options].findIndex((_, index) => { choose(index); return count() > 1; }));
            })()",
        )?;
        let all = drawing(page)?;
        page.eval("document.querySelector('#seeing-rivals button').dispatchEvent(new PointerEvent('pointerenter'))")?;
        ensure!(drawing(page)? != all, "all rivals are drawn, though one is pointed at");
        // A list that is made anew knows nothing of the pointer.
        page.eval("document.querySelector('#seeing-found').dispatchEvent(new Event('input'))")?;
        ensure!(drawing(page)? == all, "rivals stay faint");

        // Another picture, while the panel is open.
        page.slide("#score", 0.5)?;
        page.eval("window.lastResult = null")?;
        page.eval("document.querySelectorAll('#samples button')[2].click()")?;
        page.wait_for_result()?;
        let same = format!("{SEEN} && {}", same.replace("shown.length > 3", "shown.length > 0"));
        page.wait_for(&same, PATIENCE)?;

        page.press("h")?;
        page.wait_for(&format!("!{SEEN} && document.querySelector('#seeing').hidden"), SOON)?;
        ensure!(page.server.missing().is_empty(), "the page asked for {:?}", page.server.missing());
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}

#[test]
fn a_live_source_closes_the_panel_and_has_a_plot_of_its_times() {
    scenario("seeing and camera", Gpu::None, |page| {
        page.open(CPU)?;
        page.wait_for_result()?;
        page.click("#seeing-open")?;
        page.wait_for(SEEN, PATIENCE)?;
        page.click("#camera")?;
        let closed = "document.querySelector('#seeing').hidden && document.querySelector('#seeing-open').disabled";
        page.wait_for(&format!("{closed} && !{SEEN}"), PATIENCE)?;
        let plotted = "!document.querySelector('#speed').hidden && \
                       document.querySelector('#speed-network').getAttribute('d').split('M').length > 3";
        page.wait_for(plotted, PATIENCE)?;
        let [spoken, text] = [
            page.text("document.querySelector('#speed-plot').ariaLabel")?,
            page.text("document.querySelector('#speed-text').textContent")?,
        ];
        ensure!(spoken.contains("network") && spoken.ends_with(" ms"), "the plot is called {spoken}");
        ensure!(text.starts_with("The last two minutes: "), "beside the plot stands {text}");

        // The last frame is a picture like any other.
        page.click("#camera")?;
        page.wait_for("!document.querySelector('#seeing-open').disabled", PATIENCE)?;
        page.click("#seeing-open")?;
        page.wait_for(SEEN, PATIENCE)
    });
}

#[test]
fn many_classes_can_be_searched_and_boxes_drawn_in_three_ways() {
    scenario("classes and boxes", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let names: Vec<String> = (1..=30).map(|number| format!("thing {number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        page.open("?backend=cpu&boxes=plain")?;
        page.wait_for_result()?;
        let search = "document.querySelector('#classes-search')";
        ensure!(page.eval(&format!("{search}.hidden"))? == true, "twenty classes have a search");
        ensure!(page.text("document.querySelector('#boxes').value")? == "plain", "the address is not heeded");

        let boxes = |page: &mut Page| page.text("document.querySelector('#overlay').toDataURL()");
        let mut drawn = vec![boxes(page)?];
        for (style, address) in [("filled", "?backend=cpu&boxes=filled"), ("named", "?backend=cpu&boxes=named")] {
            page.eval("window.before = window.lastResult")?;
            page.eval(&format!(
                "(() => {{ const menu = document.querySelector('#boxes'); menu.value = '{style}'; \
                 menu.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
            ))?;
            drawn.push(boxes(page)?);
            ensure!(page.text("location.search")? == address, "the address is {}", page.text("location.search")?);
            ensure!(page.eval("window.before === window.lastResult")? == true, "a style detects anew");
        }
        ensure!(drawn[0] != drawn[1] && drawn[1] != drawn[2] && drawn[0] != drawn[2], "two styles look the same");

        let weights = fresh_weights_file(folder.path(), &names);
        page.choose("#weights-file", &weights)?;
        wait_for_model(page, file_name(&weights))?;
        ensure!(page.eval(&format!("{search}.hidden"))? == false, "thirty classes have no search");
        // A letter that is a key elsewhere is text here.
        page.eval(&format!("{search}.focus()"))?;
        page.press("h")?;
        ensure!(
            page.eval("document.querySelector('#seeing').hidden")? == true,
            "a letter in the search opens the panel"
        );
        page.eval(&format!("{search}.value = 'THING 2'; {search}.dispatchEvent(new Event('input'))"))?;
        let shown = "[...document.querySelectorAll('#classes label')].filter(({ hidden }) => !hidden).length";
        ensure!(page.eval(shown)? == 11, "2 and 20 to 29 are eleven, not {}", page.eval(shown)?);
        let chosen = "document.querySelectorAll('#classes :checked').length";
        ensure!(page.eval(chosen)? == 30, "the search changes the choice");
        Ok(())
    });
}

fn says(page: &mut Page) -> Result<String> {
    page.text("document.querySelector('#seeing-says').textContent")
}

/// The panel's drawing over the picture.
fn drawing(page: &mut Page) -> Result<String> {
    page.text("document.querySelector('#seeing-drawing').toDataURL()")
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
