//! The page's list of modules to fetch early: what its scripts import by way of others, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::verdict;
use crate::{scripts, shell};

pub fn check() -> Result<()> {
    let root = shell::root();
    verdict(&violations(&scripts::text(&root.join("index.html"))?, &root.join("web")))
}

fn violations(html: &str, web: &Path) -> Vec<String> {
    let listed = names(html, "<link rel=\"modulepreload\" href=\"./");
    let wanted = indirect(&names(html, "<script type=\"module\" src=\"./"), web);
    let missing = wanted.difference(&listed).map(|name| format!("index.html: no modulepreload of {name}"));
    let idle = listed.difference(&wanted).map(|name| format!("index.html: the modulepreload of {name} is for nothing"));
    missing.chain(idle).collect()
}

/// What the scripts of a page import by way of others. What they import themselves is found at once.
fn indirect(starts: &BTreeSet<String>, web: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut direct = starts.clone();
    for start in starts {
        all.extend(scripts::graph(web, start));
        direct.extend(scripts::imports(&scripts::text(&web.join(start)).unwrap_or_default()).map(str::to_owned));
    }
    &all - &direct
}

/// The addresses after each `beginning`, up to a quote.
fn names(html: &str, beginning: &str) -> BTreeSet<String> {
    html.split(beginning).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn the_page_has_the_list_that_its_scripts_need() {
        check().unwrap();
    }

    #[test]
    fn the_list_is_what_modules_import_by_way_of_others() {
        let web = tempfile::tempdir().unwrap();
        for (name, text) in [("main.js", "import \"./a.js\";"), ("a.js", "import \"./b.js\";"), ("b.js", "")] {
            std::fs::write(web.path().join(name), text).unwrap();
        }
        let start = "<script type=\"module\" src=\"./main.js\"></script>";
        let preload = |name| format!("<link rel=\"modulepreload\" href=\"./{name}\" />");
        assert!(violations(&format!("{start}{}", preload("b.js")), web.path()).is_empty());
        let found = violations(&format!("{start}{}", preload("a.js")), web.path());
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
