//! The page without a network, and new versions of it.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::page::{Gpu, PATIENCE, Page, SERVICE_WORKER, SOON, scenario};
use super::server::{BLANK, Extra};
use super::shipped::SHAPES;

/// The page with the settings that are quick here.
const CPU: &str = "?backend=cpu";

/// How many files the page keeps.
const KEPT: &str = "caches.keys().then((names) => names.find((name) => name.startsWith('ssd-page'))).then(async (name) \
                    => name ? (await (await caches.open(name)).keys()).length : 0)";

const TITLE: &str = "(document.querySelector('h1')?.textContent.trim() ?? '')";
const UPDATE: &str = "document.querySelector('#update').textContent";

#[test]
fn after_its_first_visit_the_page_works_without_a_network() {
    scenario("offline", Gpu::None, |page| {
        first_visit(page)?;
        let first = page.eval(KEPT)?.as_u64().context("no number")?;
        ensure!(first > 50, "{first} files are kept");
        select(page, SHAPES)?;
        page.wait_for(&format!("({KEPT}).then((count) => count === {first} + 1)"), SOON)?;
        ensure!(page.eval("caches.open('ssd-weights').then((cache) => cache.keys()).then((all) => all.length)")? == 0);

        page.server.set_down(true);
        page.open(&format!("{CPU}&score=0.3"))?;
        page.wait_for_result()?;
        ensure!(!page.detections()?.is_empty(), "nothing is found in the sample");
        select(page, SHAPES)?;
        let picture = "[...document.querySelectorAll('#samples img')].every((img) => img.naturalWidth)";
        page.wait_for(picture, SOON)?;
        page.open("bench.html")?;
        ensure!(page.text("document.title")?.starts_with("SSD"), "the measuring page does not open");
        Ok(())
    });
}

#[test]
fn a_new_version_is_announced_starts_when_asked_and_is_never_mixed_with_the_old_one() {
    scenario("new version", Gpu::None, |page| {
        first_visit(page)?;
        let html = std::fs::read_to_string(page.dist.join("index.html"))?.replace("<h1>SSD ", "<h1>New ");
        let old = sum_of(page, "index.html")?;
        page.server.put("index.html", Extra { bytes: html.into_bytes(), ..Extra::default() });
        let new = sum_of(page, "index.html?new")?;
        ensure!(old != new, "the hash is the same");

        // A server that is half-way: the list is new, and a file is neither the old nor the new one.
        serve_worker(page, |text| text.replace(&old, &"0".repeat(64)))?;
        let update = "navigator.serviceWorker.getRegistration().then(async (registration) => {
            const over = new Promise((resolve) => registration.addEventListener('updatefound', () => {
                const { installing } = registration;
                installing.addEventListener('statechange', () => resolve(installing.state));
            }));
            await registration.update();
            return over;
        })";
        ensure!(page.eval(update)? == "redundant", "a version with a wrong file was installed");
        ensure!(page.text(UPDATE)?.is_empty(), "it was announced: {}", page.text(UPDATE)?);

        serve_worker(page, |text| text.replace(&old, &new))?;
        visit(page)?;
        page.wait_for(&format!("{UPDATE}.startsWith('A new version is ready.')"), SOON)?;
        visit(page)?;
        ensure!(page.text(TITLE)?.starts_with("SSD"), "the new version started unasked");

        // Another page of the old version is open, here in a frame.
        page.wait_for(&format!("{UPDATE} !== ''"), SOON)?;
        let frame = format!(
            "new Promise((onload) => document.body.append(Object.assign(document.createElement('iframe'), \
             {{ src: './{BLANK}', onload: () => onload(1) }})))"
        );
        page.eval(&frame)?;
        page.click("#update button")?;
        page.wait_for(&format!("{UPDATE}.includes('closed')"), SOON)?;
        ensure!(page.eval("document.querySelectorAll('#update button').length")? == 1, "it cannot be started any more");

        visit(page)?;
        page.wait_for(&format!("{UPDATE} !== ''"), SOON)?;
        page.click("#update button")?;
        page.wait_for(&format!("{TITLE}.startsWith('New')"), SOON)?;
        page.wait_for_result()?;
        Ok(())
    });
}

/// Opens the page with its service worker, until that keeps the page. It serves it from the next visit on.
fn first_visit(page: &mut Page) -> Result<()> {
    serve_worker(page, |text| text)?;
    visit(page)?;
    page.wait_for("navigator.serviceWorker.ready.then(() => true)", PATIENCE)
}

fn visit(page: &mut Page) -> Result<()> {
    page.open(CPU)?;
    page.wait_for_result()
}

/// Serves the built service worker with a change.
fn serve_worker(page: &Page, change: impl Fn(String) -> String) -> Result<()> {
    let text = std::fs::read_to_string(page.dist.join(SERVICE_WORKER))?;
    ensure!(text.contains("\"index.html\""), "dist/ is not what `cargo xtask build` makes: sw.js lists no files");
    page.server.put(SERVICE_WORKER, Extra { bytes: change(text).into_bytes(), ..Extra::default() });
    Ok(())
}

/// The SHA-256 of a file as the server has it.
fn sum_of(page: &mut Page, name: &str) -> Result<String> {
    page.text(&format!(
        "Promise.all([import(new URL('./storage.js', location.href)), fetch('./{name}', {{ cache: 'reload' }})]).then( \
         async ([{{ sha256 }}, answer]) => sha256(await answer.arrayBuffer()))"
    ))
}

/// Chooses a model in the menu, and waits for it.
pub fn select(page: &mut Page, model: &str) -> Result<()> {
    let menu = format!(
        "(() => {{ const menu = document.querySelector('#model'); menu.value = {0}; \
         menu.dispatchEvent(new Event('change')); }})()",
        json!(model)
    );
    page.eval(&menu)?;
    page.wait_for(&format!("document.querySelector('#weights').textContent === {}", json!(model)), PATIENCE)
}
