//! Models that the user keeps in the browser: available on the next visit, without a request, until they are forgotten.

use anyhow::{Result, ensure};

use super::checkpoint;
use super::foreign::{CPU, result, shipped_as_foreign, wait_for_model, written};
use super::page::{Gpu, PATIENCE, Page, scenario};
use super::server::Extra;
use super::shipped::{INDEX, SHAPES};
use super::weights::is_sentence;

/// Hides the shipped model, as without a network.
fn hide_shipped(page: &Page) {
    page.server.put(INDEX, Extra { cut: Some(0), ..Default::default() });
}

#[test]
fn a_kept_model_is_there_on_the_next_visit_until_it_is_forgotten() {
    scenario("kept model", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let (foreign, names) = shipped_as_foreign(page)?;
        let theirs = written(folder.path(), "theirs.pth", &checkpoint::pth_file(&foreign)?)?;
        let labels = written(folder.path(), "labels.txt", names.join("\n").as_bytes())?;
        page.open(CPU)?;
        let own = result(page)?;
        ensure!(hidden(page, "#keep")? && hidden(page, "#kept")?, "the shipped model can be kept");

        // Nothing is kept unasked.
        page.choose_all("#weights-file", &[&theirs, &labels])?;
        wait_for_model(page, "theirs.pth")?;
        page.open(CPU)?;
        page.wait_for_result()?;
        ensure!(menu(page)? == [SHAPES], "{:?}", menu(page)?);

        page.choose_all("#weights-file", &[&theirs, &labels])?;
        wait_for_model(page, "theirs.pth")?;
        page.wait_for("!document.querySelector('#keep').hidden", PATIENCE)?;
        let says = page.text("document.querySelector('#keep').textContent")?;
        ensure!(says.contains(" MB)"), "it does not state the size: {says}");
        page.click("#keep")?;
        page.wait_for("document.querySelectorAll('#kept li').length === 1", PATIENCE)?;
        ensure!(hidden(page, "#keep")?, "a kept model can be kept again");

        // Without the shipped model the page starts with a kept one, and requests no weights.
        hide_shipped(page);
        page.open(CPU)?;
        wait_for_model(page, "theirs.pth")?;
        ensure!(result(page)? == own, "{} differs from {own}", result(page)?);
        ensure!(page.server.missing().is_empty(), "requested {:?}", page.server.missing());

        // The same file opened again takes another name, and is known to be kept.
        page.choose_all("#weights-file", &[&theirs, &labels])?;
        wait_for_model(page, "theirs.pth (2)")?;
        page.wait_for("!document.querySelector('#keep').hidden", PATIENCE)?;
        page.click("#keep")?;
        page.wait_for("document.querySelector('#keep').hidden", PATIENCE)?;
        ensure!(page.eval("document.querySelectorAll('#kept li').length")? == 1, "it is kept twice");

        page.click("#kept button")?;
        page.wait_for("!document.querySelector('#kept').checkVisibility()", PATIENCE)?;
        // It is still in use, and can be kept again.
        ensure!(!hidden(page, "#keep")?, "what was forgotten cannot be kept again");
        ensure!(page.error()?.is_empty(), "{}", page.error()?);
        page.open(CPU)?;
        let error = page.wait_for_error()?;
        ensure!(is_sentence(&error) && error.contains(INDEX), "{error}");
        Ok(())
    });
}

#[test]
fn a_kept_model_that_is_damaged_or_gone_ends_in_a_sentence_and_is_forgotten() {
    scenario("damaged kept model", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let (foreign, _) = shipped_as_foreign(page)?;
        page.open(CPU)?;
        page.wait_for_result()?;
        for (name, classes) in [("one.pth", "a"), ("two.pth", "b")] {
            let file = written(folder.path(), name, &checkpoint::pth_file(&foreign)?)?;
            let labels = (1..=6).map(|class| format!("{classes}{class}\n")).collect::<String>();
            let labels = written(folder.path(), "labels.txt", labels.as_bytes())?;
            page.choose_all("#weights-file", &[&file, &labels])?;
            wait_for_model(page, name)?;
            page.wait_for("!document.querySelector('#keep').hidden", PATIENCE)?;
            page.click("#keep")?;
            page.wait_for("document.querySelector('#keep').hidden", PATIENCE)?;
        }
        page.open(CPU)?;
        page.wait_for_result()?;
        page.wait_for("document.querySelectorAll('#kept li').length === 2", PATIENCE)?;
        ensure!(menu(page)? == [SHAPES, "one.pth", "two.pth"], "{:?}", menu(page)?);

        // One loses a byte, the other goes altogether, without the page's knowledge.
        let damage = "(async () => {
            const name = (await caches.keys()).find((name) => name.startsWith('ssd-models'));
            const cache = await caches.open(name);
            for (const request of await cache.keys()) {
                const file = await cache.match(request);
                if (file.headers.get('x-note').includes('two')) { await cache.delete(request); continue; }
                const whole = await file.blob();
                await cache.put(request, new Response(whole.slice(0, whole.size - 1), file));
            }
        })()";
        page.eval(damage)?;
        for name in ["one.pth", "two.pth"] {
            page.eval(&format!(
                "(() => {{ const menu = document.querySelector('#model'); menu.value = '{name}'; \
                 menu.dispatchEvent(new Event('change')); }})()"
            ))?;
            let error = page.wait_for_error()?;
            ensure!(is_sentence(&error) && error.contains(name) && error.contains("forgotten"), "{name}: {error}");
            ensure!(!menu(page)?.contains(&name.to_owned()), "{name} is still in the menu");
            ensure!(
                page.text("document.querySelector('#weights').textContent")? == SHAPES,
                "the previous model is gone"
            );
            page.eval("document.querySelector('#reset').click()")?;
            page.wait_for_result()?;
        }
        ensure!(hidden(page, "#kept")?, "a forgotten model is listed");
        Ok(())
    });
}

#[test]
fn without_room_nothing_is_kept_and_a_sentence_says_why() {
    scenario("no room", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let (foreign, _) = shipped_as_foreign(page)?;
        let theirs = written(folder.path(), "theirs.pth", &checkpoint::pth_file(&foreign)?)?;
        page.open(CPU)?;
        page.wait_for_result()?;
        page.limit_storage(1_000_000)?;
        page.choose("#weights-file", &theirs)?;
        wait_for_model(page, "theirs.pth")?;
        page.wait_for("!document.querySelector('#keep').hidden", PATIENCE)?;
        page.click("#keep")?;
        let error = page.wait_for_error()?;
        ensure!(is_sentence(&error) && error.contains("theirs.pth") && error.contains("uota"), "{error}");
        ensure!(hidden(page, "#kept")? && !hidden(page, "#keep")?, "something was kept");
        Ok(())
    });
}

fn hidden(page: &mut Page, element: &str) -> Result<bool> {
    Ok(page.eval(&format!("document.querySelector('{element}').checkVisibility()"))? == false)
}

fn menu(page: &mut Page) -> Result<Vec<String>> {
    Ok(serde_json::from_value(page.eval("[...document.querySelector('#model').options].map(({ value }) => value)")?)?)
}
