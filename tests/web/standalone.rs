//! The page in one file, opened from the disk.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::offline::select;
use super::page::{Gpu, Page, SOON, scenario};
use super::shipped::{self, SHAPES};

/// The page in one file, by its address on the disk.
fn address(file: &Path, parameters: &str) -> Result<String> {
    let file = file.canonicalize().with_context(|| format!("{} is not there", file.display()))?;
    Ok(format!("file://{}?{parameters}", file.display()))
}

#[test]
fn the_page_in_one_file_detects_from_the_disk_and_asks_nobody() {
    scenario("one file", Gpu::None, |page| {
        page.visit(&address(&page.dist.join("standalone.html"), "backend=cpu")?)?;
        page.wait_for_result()?;
        ensure!(!page.detections()?.is_empty(), "nothing is found in the sample");
        page.wait_for("[...document.querySelectorAll('#samples img')].every((img) => img.naturalWidth)", SOON)?;
        let links = page.eval("document.querySelectorAll('[href^=\".\"], [src^=\".\"]').length")?;
        ensure!(links == 0, "{links} links lead out of the file");

        page.slide("#score", 0.25)?;
        page.wait_for("location.search.includes('score=0.25')", SOON)?;
        let picture = shipped::default_model(page)?.sample;
        page.choose("#file", &picture)?;
        let name = picture.file_name().context("a sample has no name")?.to_string_lossy().into_owned();
        page.wait_for(&format!("document.querySelector('#view img').alt === '{name}' && !!window.lastResult"), SOON)?;

        // It also keeps models, although a page from the disk has no address that caches take.
        let shapes = page.dist.join("models/shapes.safetensors");
        page.choose("#weights-file", &shapes)?;
        page.wait_for("!document.querySelector('#keep').hidden", SOON)?;
        page.click("#keep")?;
        page.wait_for_status("Kept as shapes.safetensors")?;
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}

#[test]
fn the_page_in_one_file_runs_on_webgpu() {
    scenario("one file on WebGPU", Gpu::Emulated, |page| {
        page.visit(&address(&page.dist.join("standalone.html"), "backend=webgpu")?)?;
        page.wait_for_result()?;
        ensure!(page.text("document.querySelector('#backend').textContent")?.starts_with("WebGPU"), "no WebGPU");
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}

#[test]
fn a_page_that_is_saved_with_another_model_opens_with_that_and_saves_itself() {
    scenario("one file with another model", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        page.save_into(folder.path())?;
        page.open("?backend=cpu")?;
        page.wait_for_result()?;
        copies_the_commands(page)?;
        select(page, SHAPES)?;
        for name in ["from-the-server.html", "from-the-disk.html"] {
            page.click("#save-page")?;
            page.wait_for_status("shapes.html, ")?;
            page.saved(folder.path(), "shapes.html")?;
            std::fs::rename(folder.path().join("shapes.html"), folder.path().join(name))?;
            page.visit(&address(&folder.path().join(name), "backend=cpu&score=0.2")?)?;
            page.wait_for_result()?;
            let seen = "[document.querySelector('#weights').textContent, document.querySelector('#model').length]";
            ensure!(page.eval(seen)? == json!([SHAPES, 1]), "{}", page.eval(seen)?);
        }
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}

/// The card of the model has its making one click away.
fn copies_the_commands(page: &mut Page) -> Result<()> {
    let knows = "document.querySelector('#knows summary').textContent";
    ensure!(page.text(knows)?.ends_with(" classes"), "it knows {}", page.text(knows)?);
    let in_sight = "document.querySelector('#made-by').checkVisibility()";
    ensure!(page.eval(in_sight)? == false, "the commands are in sight");
    page.click("#making summary")?;
    ensure!(page.eval(in_sight)? == true, "the commands stay hidden");
    page.click("#copy-commands")?;
    page.wait_for("document.querySelector('#copy-commands').textContent === 'Copied'", SOON)?;
    let (copied, commands) =
        (page.text("navigator.clipboard.readText()")?, page.text("document.querySelector('#made-by').textContent")?);
    ensure!(copied == commands && copied.contains("--bin train"), "copied: {copied}");
    Ok(())
}
