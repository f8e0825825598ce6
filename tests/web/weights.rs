//! Invalid weights: the page's message, and that it keeps working with the ones it has.

use anyhow::{Result, ensure};

use super::page::{Gpu, Page, scenario};
use super::shipped::default_model;

#[test]
fn a_broken_weights_file_is_refused_and_the_previous_detector_works_on() {
    scenario("broken weights", Gpu::Emulated, |page| {
        let folder = tempfile::tempdir()?;
        let shipped = default_model(page)?;
        let whole = std::fs::read(&shipped.weights)?;
        page.open("")?;
        page.wait_for_result()?;

        // Cut in the tensors, cut in the header, and no weights file at all.
        for (name, bytes) in [("cut", &whole[..whole.len() / 2]), ("short", &whole[..40]), ("text", &b"hello"[..])] {
            let file = folder.path().join(format!("{name}.safetensors"));
            std::fs::write(&file, bytes)?;
            page.choose("#weights-file", &file)?;
            let error = page.wait_for_error()?;
            ensure!(is_sentence(&error), "{name}: not a sentence: {error}");

            page.eval("window.lastResult = null")?;
            page.choose("#file", &shipped.sample)?;
            page.wait_for_result()?;
            ensure!(page.error()?.is_empty(), "{name}: the error stays: {}", page.error()?);
        }
        Ok(())
    });
}

#[test]
fn a_missing_weights_address_is_an_error() {
    scenario("missing weights", Gpu::Emulated, |page| {
        page.open("?weights=missing.safetensors")?;
        let error = page.wait_for_error()?;
        ensure!(is_sentence(&error) && error.contains("missing.safetensors"), "does not name the file: {error}");
        ensure!(state(page)? == "error", "the state is {}", state(page)?);
        Ok(())
    });
}

fn state(page: &mut Page) -> Result<String> {
    page.text("document.documentElement.dataset.state")
}

/// One line that begins and ends like a sentence, without an exception's name.
pub fn is_sentence(text: &str) -> bool {
    let exception = text.starts_with("Error") || text.contains("RuntimeError") || text.contains("unreachable");
    !exception && !text.contains('\n') && text.starts_with(char::is_uppercase) && text.ends_with('.')
}
