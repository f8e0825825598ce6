//! `cargo xtask package`: the detector alone in `dist-package/`, a folder that npm, a CDN or a page takes as it is. It
//! has no scripts to run and no dependencies.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::{build, shell, workspace};

/// The scripts of the detector, which import each other and nothing else.
pub const SCRIPTS: [&str; 6] = ["detector.js", "pictures.js", "spawn.js", "support.js", "weights.js", "worker.js"];

/// The scripts that it loads for large weights, for tiles, and when it is taught; and those of the tracker, which it
/// does not know.
const ON_DEMAND: [&str; 5] = ["lab-worker.js", "lab.js", "storage.js", "teach.js", "tiles.js"];
const TRACKER: [&str; 2] = ["tracker.js", "tracker.d.ts"];

/// What the build makes of Rust for these scripts.
const GLUE: [&str; 4] = ["burn/ssd-web-burn.js", "lab/ssd-lab.js", "track/ssd-track-web.js", "wasm/ssd-web.js"];
const WASM: [&str; 6] = [
    "burn/ssd-web-burn_bg.wasm",
    "lab/ssd-lab_bg.wasm",
    "lab/ssd-lab_relaxed.wasm",
    "track/ssd-track-web_bg.wasm",
    "wasm/ssd-web_bg.wasm",
    "wasm/ssd-web_relaxed.wasm",
];

/// The types of the detector's interface.
const TYPES: [&str; 1] = ["detector.d.ts"];

/// What comes from the sources, with its name in the package.
const DOCUMENTS: [(&str, &str); 4] = [
    ("docs/embedding.md", "README.md"),
    ("docs/checkpoints.md", "checkpoints.md"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
];

/// The package's name for npm.
const NAME: &str = "ssd-detector";

/// What goes into the package.
#[derive(Args)]
pub struct Options {
    /// Leave out the model that the page starts with
    #[arg(long)]
    no_model: bool,
}

/// Builds the page, and the package from it.
pub fn run(options: &Options) -> Result<()> {
    build::run()?;
    shell::step("put the detector into dist-package/", || assemble(!options.no_model))
}

/// The package from `dist/` as it is. A folder of before is replaced once the new one is whole.
pub fn assemble(with_model: bool) -> Result<()> {
    let root = shell::root();
    let (dist, package, part) = (root.join("dist"), root.join("dist-package"), root.join("dist-package.part"));
    remove(&part)?;
    for name in all() {
        copy(&dist.join(name), &part.join(name))?;
    }
    for (from, name) in DOCUMENTS {
        copy(&root.join(from), &part.join(name))?;
    }
    if with_model {
        let model = workspace::default_model(&dist.join("models"))?;
        let name = model.file_name().context("the default model has no name")?;
        copy(&model, &part.join("models").join(name))?;
    }
    fs::write(part.join("package.json"), manifest()).context("package.json cannot be written")?;
    remove(&package)?;
    fs::rename(&part, &package).with_context(|| format!("{} cannot be renamed", part.display()))
}

/// All that comes from `dist/`, but for the model.
fn all() -> impl Iterator<Item = &'static str> {
    let parts: [&'static [&'static str]; 6] = [&SCRIPTS, &ON_DEMAND, &TRACKER, &GLUE, &WASM, &TYPES];
    parts.into_iter().flatten().copied()
}

/// What npm, CDNs and bundlers read, as text: `types` has to come before `default`. Any file of the package may be
/// imported by its path, as bundlers ask for models.
fn manifest() -> String {
    let (version, licence) = (env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_LICENSE"));
    format!(
        r#"{{
  "name": "{NAME}",
  "version": "{version}",
  "description": "SSD object detection in the browser, on WebGPU",
  "license": "{licence}",
  "type": "module",
  "main": "./detector.js",
  "types": "./detector.d.ts",
  "exports": {{
    ".": {{ "types": "./detector.d.ts", "default": "./detector.js" }},
    "./*": "./*"
  }}
}}
"#
    )
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    fs::copy(from, to).with_context(|| format!("{} cannot be copied; build the page first", from.display()))?;
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use serde_json::Value;

    use super::*;

    /// The paths in quotes that begin with `./`: imports, and addresses of workers.
    fn named(script: &str) -> Vec<&str> {
        script.split('"').skip(1).step_by(2).filter_map(|text| text.strip_prefix("./")).collect()
    }

    #[test]
    fn the_scripts_are_all_that_a_detector_asks_for() {
        let web = shell::root().join("web");
        let mut found = vec!["detector.js".to_owned(), "tracker.js".to_owned()];
        let mut next = 0;
        while next < found.len() {
            // What Trunk makes is no source.
            let text = fs::read_to_string(web.join(&found[next])).unwrap_or_default();
            for name in named(&text) {
                if !found.iter().any(|known| known == name) {
                    found.push(name.to_owned());
                }
            }
            next += 1;
        }
        found.sort();
        let mut listed = [&SCRIPTS[..], &ON_DEMAND, &["tracker.js"], &GLUE].concat();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }

    #[test]
    fn the_manifest_runs_nothing_and_needs_nothing() {
        let manifest: Value = serde_json::from_str(&manifest()).unwrap();
        let keys: Vec<&String> = manifest.as_object().unwrap().keys().collect();
        assert!(keys.iter().all(|key| *key != "scripts" && !key.ends_with("ependencies")), "{keys:?}");
        for path in ["/main", "/types", "/exports/./types", "/exports/./default"] {
            let path = manifest.pointer(path).unwrap().as_str().unwrap().trim_start_matches("./");
            assert!(all().any(|file| file == path), "{path}");
        }
    }
}
