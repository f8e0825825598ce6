//! What the page's scripts import and name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The modules that a script imports when it is loaded, by their names beside it.
pub fn imports(script: &str) -> impl Iterator<Item = &str> {
    let statements = script.split_inclusive(';').map(str::trim);
    statements.filter_map(|statement| {
        let (before, name) = statement.strip_suffix("\";")?.rsplit_once('"')?;
        let import = before.ends_with("from ") || before.ends_with("import ");
        name.strip_prefix("./").filter(|_| import)
    })
}

/// A module of `folder`, and all that it imports, directly or not. What is not there yet imports nothing: Trunk makes
/// some of it.
pub fn graph(folder: &Path, start: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(name) = open.pop() {
        let text = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        if found.insert(name) {
            open.extend(imports(&text).map(str::to_owned));
        }
    }
    found
}

/// Those of `files` that a script at `path` names in quotes, by their way from its folder: what it imports, fetches or
/// starts as a worker.
pub fn named<'a>(path: &str, script: &str, files: &'a BTreeSet<String>) -> impl Iterator<Item = &'a String> {
    let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    files.iter().filter(move |file| {
        file.strip_prefix(&folder).is_some_and(|name| {
            let quoted = ['"', '\''].map(|quote| [format!("{quote}{name}{quote}"), format!("{quote}./{name}{quote}")]);
            quoted.as_flattened().iter().any(|text| script.contains(text.as_str()))
        })
    })
}

/// A file as text.
pub fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read; build the page first", path.display()))
}
