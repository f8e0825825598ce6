//! Public checkpoints: converted in the page, described in words, and refused in a sentence where they are invalid.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ssd::weights::read_header;
use ssd_tests::workspace_root;

use super::checkpoint::{self, Foreign};
use super::page::{Gpu, PATIENCE, Page, scenario};
use super::server::Extra;
use super::shipped::shapes_alone;
use super::weights::is_sentence;

/// On the CPU, which is faster than an emulated adapter.
pub const CPU: &str = "?backend=cpu";

/// The page's description of the checkpoint made from the shipped model.
pub const RECOGNISED: &str = "pytorch-ssd SSDLite300 with MobileNetV2, 6 classes";

#[test]
fn a_public_checkpoint_detects_what_our_own_file_detects() {
    scenario("public checkpoint", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let (foreign, names) = shipped_as_foreign(page)?;
        let safetensors = written(folder.path(), "theirs.safetensors", &checkpoint::safetensors_file(&foreign, 1000)?)?;
        let pth = written(folder.path(), "theirs.pth", &checkpoint::pth_file(&foreign)?)?;
        let labels = written(folder.path(), "labels.txt", format!("BACKGROUND\n{}\n", names.join("\n")).as_bytes())?;

        page.open(CPU)?;
        page.wait_for_result()?;
        page.choose("#file", &shapes_alone(page)?.sample)?;
        let own = result(page)?;
        ensure!(own.as_array().is_some_and(|list| !list.is_empty()), "our own file detects nothing");
        ensure!(recognised(page)? == "–", "our own file is described as {}", recognised(page)?);

        // Without names the boxes are the same, and the page asks for the names.
        page.choose("#weights-file", &pth)?;
        wait_for_model(page, "theirs.pth")?;
        ensure!(recognised(page)? == format!("{RECOGNISED} (PyTorch, zip)"), "recognised: {}", recognised(page)?);
        let nameless = result(page)?;
        ensure!(without_labels(&nameless) == without_labels(&own), "{nameless} differs from {own}");
        ensure!(page.eval("document.querySelector('#nameless').hidden")? == false, "the page does not ask for names");
        ensure!(page.detections()?.iter().all(|item| item.starts_with("class ")), "{:?}", page.detections()?);

        // Names alone are for the model in use.
        page.choose("#weights-file", &labels)?;
        page.wait_for(&format!("document.querySelector('#classes').textContent === '{}'", names.concat()), PATIENCE)?;
        ensure!(result(page)? == own, "with names {} differs from {own}", result(page)?);

        // Both chosen at once; a tensor that the network lacks is counted.
        page.choose_all("#weights-file", &[&labels, &safetensors])?;
        wait_for_model(page, "theirs.safetensors")?;
        let expected = format!("{RECOGNISED}, 1 of its tensors unused (safetensors)");
        ensure!(recognised(page)? == expected, "recognised: {}", recognised(page)?);
        ensure!(result(page)? == own, "from safetensors {} differs from {own}", result(page)?);

        page.server.put("dropped.pth", Extra { bytes: std::fs::read(&pth)?, ..Extra::default() });
        page.drop_file("dropped.pth", "dropped.pth")?;
        wait_for_model(page, "dropped.pth")?;
        ensure!(without_labels(&result(page)?) == without_labels(&own), "dropped, it differs");
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}

#[test]
fn an_unusable_checkpoint_is_refused_and_the_previous_detector_works_on() {
    scenario("bad checkpoints", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let (foreign, _) = shipped_as_foreign(page)?;
        let whole = checkpoint::pth_file(&foreign)?;
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        let some = checkpoint::safetensors_file(&foreign[1..], 0)?;
        let other = checkpoint::safetensors_file(&[], 100)?;
        let fixtures = workspace_root().join("tests/fixtures/pytorch-files");
        let fixture = |name: &str| std::fs::read(fixtures.join(name)).with_context(|| format!("{name} is not there"));
        // Each names its file and what is wrong with it.
        let cases = [
            ("cut.pth", whole[..whole.len() / 2].to_vec(), "file"),
            ("flipped.pth", flipped, "check sum"),
            ("incomplete.safetensors", some, "missing"),
            ("other.safetensors", other, "no layout that is known"),
            ("evil.pth", fixture("harmful.pth")?, "posix.system"),
            ("names.pth", whole, "2 labels"),
        ];
        page.open(CPU)?;
        page.wait_for_result()?;
        let model = page.text("document.querySelector('#weights').textContent")?;
        for (name, bytes, what) in cases {
            let file = written(folder.path(), name, &bytes)?;
            let two = written(folder.path(), "two.txt", b"cat\ndog\n")?;
            let chosen = if name == "names.pth" { vec![file.as_path(), &two] } else { vec![file.as_path()] };
            page.choose_all("#weights-file", &chosen)?;
            let error = page.wait_for_error()?;
            ensure!(is_sentence(&error) && error.contains(name) && error.contains(what), "{name}: {error}");
            ensure!(
                page.eval(&format!("[...document.querySelector('#model').options].some((o) => o.value === '{name}')"))?
                    == false
            );

            page.eval("window.lastResult = null")?;
            page.choose("#file", &shapes_alone(page)?.sample)?;
            page.wait_for_result()?;
            ensure!(page.text("document.querySelector('#weights').textContent")? == model, "another model is in use");
        }
        Ok(())
    });
}

#[test]
fn the_module_takes_checkpoints_from_anywhere_and_returns_a_file_of_ours() {
    scenario("checkpoints in the module", Gpu::None, |page| {
        let (foreign, names) = shipped_as_foreign(page)?;
        page.server.put("theirs.pth", Extra { bytes: checkpoint::pth_file(&foreign)?, ..Extra::default() });
        page.open(super::server::BLANK)?;
        let labels = serde_json::to_string(&names)?;
        let found = page.eval(&format!(
            "(async () => {{
                const {{ Detector }} = await import(new URL('./detector.js', location.href));
                const buffer = await (await fetch('theirs.pth')).arrayBuffer();
                const found = [];
                for (const weights of ['theirs.pth', buffer, new Blob([buffer])]) {{
                    const stages = [];
                    const onProgress = ({{ stage }}) => stages.push(stage);
                    const detector = await Detector.load({{ weights, labels: {labels}, backend: 'cpu', onProgress }});
                    const file = await detector.file();
                    const again = await Detector.load({{ weights: file, backend: 'cpu' }});
                    const [info, size] = [detector.info, file.size];
                    found.push({{ info, again: again.info, size, stages: [...new Set(stages)] }});
                    detector.dispose();
                    again.dispose();
                }}
                return found;
            }})()"
        ))?;
        let found = found.as_array().context("no list")?;
        ensure!(found.len() == 3);
        for each in found {
            let (info, again) = (&each["info"], &each["again"]);
            ensure!(info["recognised"] == format!("{RECOGNISED} (PyTorch, zip)"), "{each}");
            ensure!(info["labels"] == serde_json::json!(names) && again["labels"] == info["labels"], "{each}");
            ensure!(
                again["recognised"].is_null() && info["bytes"] == each["size"] && again["bytes"] == each["size"],
                "{each}"
            );
            let stages = ["weights", "runtime", "parse", "device", "convert", "upload", "ready"];
            ensure!(each["stages"] == serde_json::json!(stages), "{each}");
        }
        ensure!(found[0]["info"]["provenance"]["source_file"] == "theirs.pth", "{}", found[0]);
        Ok(())
    });
}

/// The shipped model of shapes under the names of pytorch-ssd, and its labels. The page starts with it, too.
pub fn shipped_as_foreign(page: &Page) -> Result<(Vec<Foreign>, Vec<String>)> {
    let ours = std::fs::read(shapes_alone(page)?.weights)?;
    Ok((checkpoint::tensors(&ours)?, read_header(&ours)?.labels))
}

/// The detections of the current picture.
pub fn result(page: &mut Page) -> Result<Value> {
    page.wait_for_result()?;
    page.eval("window.lastResult.detections")
}

/// Waits until a model is in use and has a result.
pub fn wait_for_model(page: &mut Page, name: &str) -> Result<()> {
    let over = format!(
        "document.querySelector('#weights').textContent === '{name}' || \
         document.querySelector('#error').textContent !== ''"
    );
    page.wait_for(&over, PATIENCE)?;
    page.wait_for_result()
}

fn recognised(page: &mut Page) -> Result<String> {
    page.text("document.querySelector('#recognised').textContent")
}

fn without_labels(detections: &Value) -> Value {
    let mut detections = detections.clone();
    for found in detections.as_array_mut().into_iter().flatten() {
        found["label"] = Value::Null;
    }
    detections
}

/// A file with that content.
pub fn written(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, bytes)?;
    Ok(path)
}
