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
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let quoted = ['"', '\''].into_iter().flat_map(|quote| script.split(quote));
    let found: BTreeSet<String> = quoted.filter_map(|text| from(folder, text)).collect();
    files.iter().filter(move |file| found.contains(*file))
}

/// Where a relative way leads from a folder; `None` for one that leads out of all folders.
fn from(folder: &str, way: &str) -> Option<String> {
    let mut place: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in way.split('/') {
        match part {
            "." => {}
            ".." => drop(place.pop()?),
            part => place.push(part),
        }
    }
    Some(place.join("/"))
}

/// A file as text.
pub fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read; build the page first", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn imports_are_those_of_loading() {
        let script = "// a comment\nimport { a } from \"./a.js\";\nimport {\n  b,\n} from \"./b/b.js\";\n\
                      import \"./c.js\";\nconst text = \"./no.js\";\nimport(\"./later.js\");\n";
        assert_eq!(imports(script).collect::<Vec<_>>(), ["a.js", "b/b.js", "c.js"]);
    }

    #[test]
    fn a_graph_has_what_is_imported_by_others_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("a.js", "import { b } from \"./b.js\";"), ("b.js", "import \"./c.js\";import \"./a.js\";")]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(graph(folder.path(), "a.js").into_iter().collect::<Vec<_>>(), ["a.js", "b.js", "c.js"]);
    }

    #[test]
    fn a_file_is_named_by_its_way_from_the_script() {
        let files = ["a.js", "wasm/a.js", "wasm/b.wasm"].map(str::to_owned).into();
        let found = |path, script| named(path, script, &files).map(String::as_str).collect::<Vec<_>>();
        assert_eq!(found("main.js", "\"./wasm/b.wasm\" './a.js' \"x/a.js\""), ["a.js", "wasm/b.wasm"]);
        assert_eq!(found("wasm/a.js", "'b.wasm' \"a.js\""), ["wasm/a.js", "wasm/b.wasm"]);
        assert_eq!(found("wasm/a.js", "\"../a.js\" '../../b.wasm'"), ["a.js"]);
    }
}
