//! What the workspace consists of: crates for a call of cargo, source files, the model that the page starts with.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

/// All crates but this one (`ssd-web` is empty on this machine), one selection for all calls: another unites features
/// differently, and the tensor library would be built again. Without default features, that is without autotune:
/// software Vulkan would try kernels for minutes. With lent devices, which are tested between two processes.
pub const SELECTION: [&str; 6] =
    ["--workspace", "--exclude", "xtask", "--no-default-features", "--features", "ssd-train/remote"];

/// What the page compiles to wasm32, each with the crates of the workspace that it depends on.
const ON_WASM: [&str; 4] = ["ssd-web", "ssd-web-burn", "ssd-lab", "ssd-track-web"];

/// Burn's engine: its crate and its folder in `dist/`. `web/worker.js` has both names, too.
pub const BURN_CRATE: &str = "ssd-web-burn";
pub const BURN_FOLDER: &str = "burn";

/// Those crates for wasm32 that exist.
pub fn on_wasm() -> impl Iterator<Item = &'static str> {
    ON_WASM.into_iter().filter(|name| has_crate(name))
}

/// Whether `crates/` has that crate.
pub fn has_crate(name: &str) -> bool {
    shell::root().join("crates").join(name).join("Cargo.toml").is_file()
}

/// The root files of all libraries and programs that have modules, with a name for each.
pub fn crate_roots() -> Result<Vec<(String, PathBuf)>> {
    let root = shell::root();
    let mut found = Vec::new();
    for folder in children(&root.join("crates"))? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
        found.extend(files.into_iter().filter(|file| file.is_file()).map(|file| (name.clone(), file)));
    }
    let tests = ["tests/main.rs", "tests/support/lib.rs"].map(|file| (file.to_owned(), root.join(file)));
    Ok(found.into_iter().chain(tests).collect())
}

/// The files with one of these endings in a folder and below it; a file is itself.
pub fn sources(at: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    if at.is_dir() {
        let below: Result<Vec<_>> = children(at)?.iter().map(|child| sources(child, endings)).collect();
        return Ok(below?.concat());
    }
    let wanted = at.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted));
    Ok(if wanted { vec![at.to_path_buf()] } else { Vec::new() })
}

/// A file of the built page.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read; build the page first", path.display()))
}

/// The files in a folder and below it.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let found: Result<Vec<_>> = children(folder)?
        .into_iter()
        .map(|child| if child.is_dir() { files(&child) } else { Ok(vec![child]) })
        .collect();
    Ok(found?.concat())
}

/// The way from a folder to a file in it, as addresses have it.
pub fn way(folder: &Path, file: &Path) -> Result<String> {
    let parts = file.strip_prefix(folder)?.iter().map(|part| part.to_string_lossy());
    Ok(parts.collect::<Vec<_>>().join("/"))
}

/// What a folder holds, by name.
fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The file of the model that the page starts with.
pub fn default_model(models: &Path) -> Result<PathBuf> {
    let list = models.join("index.json");
    let text = fs::read(&list).with_context(|| format!("{} cannot be read", list.display()))?;
    let index: Value = serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", list.display()))?;
    let all = index["models"].as_array();
    let entry = all.and_then(|models| models.iter().find(|model| model["name"] == index["default"]));
    let file = entry.and_then(|entry| entry["file"].as_str());
    Ok(models.join(file.with_context(|| format!("{} does not list its default", list.display()))?))
}
