//! The list of the page's files in `dist/sw.js`, by which the service worker keeps them for use without a network.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::workspace::BURN_FOLDER;
use crate::{relaxed, scripts, shell, standalone, workspace};

/// What a visitor of the page does not need, beside Burn's engine: the worker itself, the page in one file, and what is
/// for developers.
const LEFT_OUT: [&str; 6] =
    ["sw.js", standalone::NAME, "detector.d.ts", "tracker.d.ts", "example.html", "teach-example.html"];

/// Where models are.
const MODELS: &str = "models/";

/// Models from this size on are kept by `web/storage.js`; `web/support.js` has the same number.
const LARGE: usize = 25_000_000;

/// The hashes of files by their paths: those to keep from the first visit on, and those to keep once they were used.
#[derive(Default)]
struct Lists {
    files: BTreeMap<String, String>,
    later: BTreeMap<String, String>,
}

/// Writes the list of what is in `dist/` into the service worker.
pub fn write() -> Result<()> {
    let (root, dist) = (shell::root(), shell::root().join("dist"));
    let worker = with_lists(&scripts::text(&root.join("web/sw.js"))?, &lists(&dist)?)?;
    fs::write(dist.join("sw.js"), worker).context("dist/sw.js cannot be written")
}

fn lists(dist: &Path) -> Result<Lists> {
    let default = workspace::default_model(&dist.join("models"))?;
    let mut lists = Lists::default();
    for file in workspace::files(dist)? {
        let path = workspace::way(dist, &file)?;
        let bytes = workspace::bytes(&file)?;
        let model = path.starts_with(MODELS) && !path.ends_with(".json");
        let burn = path.split('/').next() == Some(BURN_FOLDER);
        if burn || LEFT_OUT.contains(&path.as_str()) || (model && bytes.len() >= LARGE) {
            continue;
        }
        let list = if model && file != default { &mut lists.later } else { &mut lists.files };
        list.insert(path, format!("{:x}", Sha256::digest(&bytes)));
    }
    Ok(lists)
}

/// The worker's source with these lists in place of its empty ones.
fn with_lists(source: &str, lists: &Lists) -> Result<String> {
    let mut text = source.to_owned();
    let forms = relaxed::forms(lists.files.keys().map(String::as_str));
    for (name, list) in [("FILES", json!(lists.files)), ("LATER", json!(lists.later)), ("FORMS", forms)] {
        let empty = format!("const {name} = {{}};");
        if text.matches(&empty).count() != 1 {
            bail!("web/sw.js has to have the line `{empty}` once");
        }
        text = text.replace(&empty, &format!("const {name} = {};", serde_json::to_string_pretty(&list)?));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn models_are_kept_once_used_large_ones_not_and_all_else_at_once() {
        let dist = tempfile::tempdir().unwrap();
        let large = vec![0; LARGE];
        let index = r#"{"default": "a", "models": [{"name": "a", "file": "a.safetensors"}]}"#;
        for (path, bytes) in [
            ("index.html", &b"<p>"[..]),
            ("sw.js", b""),
            ("standalone.html", b""),
            ("teach-example.html", b""),
            ("wasm/a.wasm", b"abc"),
            ("burn/b.wasm", b"abc"),
            ("models/index.json", index.as_bytes()),
            ("models/a.safetensors", b"a"),
            ("models/b.safetensors", b"b"),
            ("models/c.safetensors", &large),
        ] {
            let path = dist.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let Lists { files, later } = lists(dist.path()).unwrap();
        let names = |list: &BTreeMap<String, String>| list.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&files), ["index.html", "models/a.safetensors", "models/index.json", "wasm/a.wasm"]);
        assert_eq!(names(&later), ["models/b.safetensors"]);
        // FIPS 180-2's first example.
        assert_eq!(files["wasm/a.wasm"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn the_worker_takes_the_lists_and_its_limit_is_that_of_the_cache() {
        let web = shell::root().join("web");
        let lists = Lists { files: [("a.js".to_owned(), "12".to_owned())].into(), later: BTreeMap::new() };
        let worker = with_lists(&scripts::text(&web.join("sw.js")).unwrap(), &lists).unwrap();
        assert!(worker.contains("const FILES = {\n  \"a.js\": \"12\"\n};"), "{worker}");
        assert!(worker.contains("const FORMS = {\n  \"plain\": [],"), "{worker}");
        assert!(with_lists("", &lists).is_err());
        let limit = format!("const CACHED_FROM = {}e6;", LARGE / 1_000_000);
        assert!(scripts::text(&web.join("support.js")).unwrap().contains(&limit), "support.js lacks {limit}");
    }
}
