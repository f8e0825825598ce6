//! `dist/standalone.html`: the page with everything that it needs in one file, which opens by a double-click.
//!
//! The files are embedded as base64, each in a data block with its path; `opener.js` loads them from there. Another
//! file is one more block, so `web/standalone.js` makes such a page with other weights.

mod markup;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{relaxed, scripts, shell, workspace};
use markup::{attribute, replace};

/// What the page is called in `dist/`.
pub const NAME: &str = "standalone.html";

/// The script that stands in the page. The policy knows it by its hash.
const OPENER: &str = include_str!("opener.js");

/// The scripts that only a page from a server has: what keeps it for offline use, and Burn's engine for measuring.
const SERVED_ONLY: [&str; 2] = ["offline.js", "burn/ssd-web-burn.js"];

/// The types of what may be embedded. A page embeds no page.
const TYPES: [(&str, &str); 7] = [
    ("js", "text/javascript"),
    ("css", "text/css"),
    ("wasm", "application/wasm"),
    ("json", "application/json"),
    ("jpg", "image/jpeg"),
    ("svg", "image/svg+xml"),
    ("safetensors", "application/octet-stream"),
];

/// Writes the page from the files of `dist/`.
pub fn write() -> Result<()> {
    let dist = shell::root().join("dist");
    let page = assemble(&dist)?;
    let part = dist.join("standalone.part");
    fs::write(&part, page).with_context(|| format!("{} cannot be written", part.display()))?;
    fs::rename(&part, dist.join(NAME)).with_context(|| format!("{} cannot be renamed", part.display()))
}

fn assemble(dist: &Path) -> Result<String> {
    let mut html = scripts::text(&dist.join("index.html"))?;
    let mut starts = BTreeSet::new();
    html = replace(&html, "<script", "</script>", |tag| {
        let source = attribute(tag, "src").unwrap_or_default().trim_start_matches("./");
        if !SERVED_ONLY.contains(&source) {
            starts.insert(source.to_owned());
        }
        Ok(Some(String::new()))
    })?;
    let mut styles = Vec::new();
    html = replace(&html, "<link", "/>", |tag| link(dist, tag, &mut styles))?;
    // What is not in this file cannot be opened from it.
    html = replace(&html, "<a ", "</a>", |tag| Ok(tag.contains("href=\"./").then(String::new)))?;
    html = replace(&html, "<meta", "/>", |tag| {
        Ok(tag.contains("Content-Security-Policy").then(|| format!("<meta {} />", policy(&styles))))
    })?;
    let mut blocks = String::new();
    for (path, bytes) in embedded(dist, &starts)? {
        blocks.push_str(&block(&path, &bytes, starts.contains(&path))?);
    }
    let (before, after) = html.split_once("</body>").context("index.html has no end of its body")?;
    Ok(format!("{before}{blocks}<script>{OPENER}</script>\n  </body>{after}"))
}

/// What stands in place of a link: styles and the icon themselves. The others are for servers.
fn link(dist: &Path, tag: &str, styles: &mut Vec<String>) -> Result<Option<String>> {
    let file = || dist.join(attribute(tag, "href").unwrap_or_default());
    Ok(Some(match attribute(tag, "rel") {
        Some("stylesheet") => {
            let style = scripts::text(&file())?;
            let element = format!("<style>{style}</style>");
            styles.push(style);
            element
        }
        Some("icon") => {
            let data = BASE64_STANDARD.encode(workspace::bytes(&file())?);
            format!(r#"<link rel="icon" href="data:image/svg+xml;base64,{data}" />"#)
        }
        _ => String::new(),
    }))
}

/// The policy: this script, these styles, and what the opener makes of the blocks. Other sites as in the page itself.
fn policy(styles: &[String]) -> String {
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    let styles: Vec<String> = styles.iter().map(|style| hash(style)).collect();
    let (opener, styles) = (hash(OPENER), styles.join(" "));
    format!(
        "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {opener} blob: \
         'wasm-unsafe-eval'; worker-src blob:; style-src {styles}; connect-src https: http: data: blob:; \
         img-src https: http: blob: data:; media-src blob: mediastream:; base-uri 'none'; form-action 'none'\""
    )
}

/// The files to embed: the scripts that the page starts, what they name, the default model and the samples for it.
fn embedded(dist: &Path, starts: &BTreeSet<String>) -> Result<BTreeMap<String, Vec<u8>>> {
    let there = embeddable(dist)?;
    let mut found = BTreeMap::new();
    let mut open: Vec<String> = starts.iter().cloned().collect();
    while let Some(path) = open.pop() {
        if SERVED_ONLY.contains(&path.as_str()) || found.contains_key(&path) {
            continue;
        }
        let mut bytes = workspace::bytes(&dist.join(&path))?;
        if path.ends_with(".js") {
            // One form of the wasm, which any browser takes.
            let script = relaxed::without_choice(&path, &String::from_utf8_lossy(&bytes));
            open.extend(scripts::named(&path, &script, &there).cloned());
            bytes = script.into_bytes();
        }
        found.insert(path, bytes);
    }
    let (model, samples) = ("models/index.json", "samples/index.json");
    let (index, labels) = default_alone(&json(found.get(model))?)?;
    let samples_alone = fitting(&json(found.get(samples))?, &labels);
    let files = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|entry| entry["file"].as_str().map(str::to_owned)).collect()
    };
    for (folder, list) in [("models", &index["models"]), ("samples", &samples_alone)] {
        for name in files(list) {
            let path = format!("{folder}/{name}");
            let bytes = workspace::bytes(&dist.join(&path))?;
            found.insert(path, bytes);
        }
    }
    found.insert(model.to_owned(), serde_json::to_vec(&index)?);
    found.insert(samples.to_owned(), serde_json::to_vec(&samples_alone)?);
    Ok(found)
}

fn json(bytes: Option<&Vec<u8>>) -> Result<Value> {
    serde_json::from_slice(bytes.context("no script names models/index.json and samples/index.json")?)
        .context("a list of dist/ is no JSON")
}

/// The list of models with its default alone, and the labels of that.
fn default_alone(index: &Value) -> Result<(Value, Vec<Value>)> {
    let models = index["models"].as_array().into_iter().flatten();
    let Some(model) = models.into_iter().find(|model| model["name"] == index["default"]) else {
        bail!("models/index.json does not list its default");
    };
    let labels = model["labels"].as_array().cloned().unwrap_or_default();
    Ok((json!({ "default": index["default"], "models": [model] }), labels))
}

/// The samples that show something with one of these labels.
fn fitting(samples: &Value, labels: &[Value]) -> Value {
    let shows =
        |sample: &&Value| sample["classes"].as_array().is_some_and(|all| all.iter().any(|c| labels.contains(c)));
    samples.as_array().into_iter().flatten().filter(shows).cloned().collect()
}

/// The files of `dist/` that may be embedded, by their way from there.
fn embeddable(dist: &Path) -> Result<BTreeSet<String>> {
    let files = workspace::files(dist)?.into_iter().filter(|file| kind(file).is_ok());
    files.map(|file| workspace::way(dist, &file)).collect()
}

/// A file as a data block, compressed where that makes it a tenth smaller.
fn block(path: &str, bytes: &[u8], start: bool) -> Result<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    let small = encoder.finish()?;
    let compressed = small.len() * 10 < bytes.len() * 9;
    let data = BASE64_STANDARD.encode(if compressed { &small } else { bytes });
    let (start, gzip) = (if start { " data-start" } else { "" }, if compressed { " data-gzip" } else { "" });
    let kind = kind(Path::new(path))?;
    Ok(format!("<script type=\"text/base64\" data-path=\"{path}\" data-type=\"{kind}\"{gzip}{start}>{data}</script>\n"))
}

fn kind(path: &Path) -> Result<&'static str> {
    let ending = path.extension().unwrap_or_default();
    let row = TYPES.iter().find(|(known, _)| ending == *known);
    Ok(row.with_context(|| format!("{} is of no type that a page may embed", path.display()))?.1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    const HTML: &str = r#"<head>
        <meta http-equiv="Content-Security-Policy" content="default-src 'self'" />
        <link rel="icon" type="image/svg+xml" href="./icon.svg" /><link rel="stylesheet" href="./style.css" />
        <link rel="manifest" href="./manifest.webmanifest" /><link rel="modulepreload" href="./worker.js" />
        <script type="module" src="./main.js"></script><script type="module" src="./offline.js"></script>
        </head><body><p>Text <a href="./bench.html">elsewhere</a></p></body>"#;

    /// A built page in small.
    fn dist() -> tempfile::TempDir {
        let dist = tempfile::tempdir().unwrap();
        let index = r#"{"default": "b", "models": [{"name": "a", "file": "a.safetensors", "labels": ["y"]},
            {"name": "b", "file": "b.safetensors", "labels": ["x"]}]}"#;
        let samples = r#"[{"file": "1.jpg", "classes": ["x"]}, {"file": "2.jpg", "classes": ["y"]}]"#;
        for (path, text) in [
            ("index.html", HTML),
            ("icon.svg", "<svg/>"),
            ("style.css", "p { color: red }"),
            (
                "main.js",
                "new Worker(new URL(\"./worker.js\")); fetch(\"./models/index.json\"); open(\"./standalone.html\")",
            ),
            (
                "worker.js",
                "import init from \"./wasm/glue.js\"; fetch(\"./samples/index.json\"); \"./burn/ssd-web-burn.js\"",
            ),
            ("burn/ssd-web-burn.js", ""),
            ("offline.js", "register(\"./sw.js\")"),
            ("unused.js", ""),
            ("standalone.html", "of before"),
            ("wasm/glue.js", "new URL('glue_bg.wasm', import.meta.url)"),
            ("wasm/glue_bg.wasm", "\0asm"),
            ("models/index.json", index),
            ("models/a.safetensors", "a"),
            ("models/b.safetensors", "b"),
            ("samples/index.json", samples),
            ("samples/1.jpg", "one"),
            ("samples/2.jpg", "two"),
        ] {
            let path = dist.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dist
    }

    #[test]
    fn what_the_scripts_name_is_embedded_with_the_default_model_and_its_samples() {
        let dist = dist();
        let found = embedded(dist.path(), &["main.js".to_owned()].into()).unwrap();
        let paths: Vec<&str> = found.keys().map(String::as_str).collect();
        let scripts = ["main.js", "models/b.safetensors", "models/index.json", "samples/1.jpg", "samples/index.json"];
        assert_eq!(paths, [&scripts[..], &["wasm/glue.js", "wasm/glue_bg.wasm", "worker.js"]].concat());
        let index: Value = serde_json::from_slice(&found["models/index.json"]).unwrap();
        assert_eq!(index["models"].as_array().unwrap().len(), 1, "{index}");
        assert_eq!(index["models"][0]["name"], "b");
    }

    #[test]
    fn nothing_in_the_page_is_outside_of_it_and_its_policy_knows_what_is_inside() {
        let dist = dist();
        let page = assemble(dist.path()).unwrap();
        for outside in ["src=", "href=\"./", "default-src 'self'", "modulepreload", "manifest", "offline"] {
            assert!(!page.replace(OPENER, "").contains(outside), "{outside} in {page}");
        }
        for inside in
            ["<style>p { color: red }</style>", "data-path=\"main.js\" data-type=\"text/javascript\" data-start"]
        {
            assert!(page.contains(inside), "{inside} not in {page}");
        }
        for text in [OPENER, "p { color: red }"] {
            let hash = BASE64_STANDARD.encode(Sha256::digest(text));
            assert!(page.contains(&format!("'sha256-{hash}'")), "the policy lacks the hash of {text}");
        }
        assert!(!page.contains("unsafe-inline") && !page.contains("'unsafe-eval'"), "{page}");
    }

    #[test]
    fn a_block_holds_its_file_and_is_compressed_where_that_helps() {
        let text = "many words ".repeat(100);
        let page = block("a.js", text.as_bytes(), false).unwrap();
        let data = page.split('>').nth(1).and_then(|rest| rest.split('<').next()).unwrap();
        let mut read = String::new();
        GzDecoder::new(&BASE64_STANDARD.decode(data).unwrap()[..]).read_to_string(&mut read).unwrap();
        assert!(read == text && page.contains(" data-gzip>"), "{page}");
        let small = block("b.wasm", b"\0asm", true).unwrap();
        assert!(!small.contains("data-gzip") && small.contains(" data-start>AGFzbQ==<"), "{small}");
        assert!(block("page.html", b"", false).is_err());
    }
}
