//! Which modules may import which: none each other, directly or around a circle, and some only few.
//!
//! There is no circle at any level: modules side by side, each with all that is below it, form none. So rooms of a
//! crate form none, nor the files of a room. A module and what is below it are not side by side: a `mod.rs` that
//! declares what its children share, or calls them, is no circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::Result;

use super::modules::{Imports, Names, imports};
use super::verdict;

/// A module of a library that few may import: those named, with all that is below them, and programs, which are crates
/// of their own.
struct Rule {
    library: &'static str,
    module: &'static str,
    importers: &'static [&'static str],
}

const RULES: [Rule; 1] = [
    // Exit codes and messages are for doors. What works must not know that there is a command line.
    Rule { library: "ssd-train", module: "cli", importers: &["run"] },
];

/// Of modules side by side, which import which, and a pair of modules in them as an example.
type Level = BTreeMap<String, BTreeMap<String, (Names, Names)>>;

/// No circle in any crate.
pub fn check_circles() -> Result<()> {
    let of = |(name, imports): &(String, Imports)| {
        circles(imports).into_iter().map(|circle| format!("{name}: {circle}")).collect::<Vec<_>>()
    };
    verdict(&imports()?.iter().flat_map(of).collect::<Vec<_>>())
}

/// No import that [`RULES`] forbid.
pub fn check_rules() -> Result<()> {
    let of = |(name, imports): &(String, Imports)| {
        let rules = RULES.iter().filter(|rule| rule.library == name);
        rules.flat_map(|rule| broken(rule, imports)).collect::<Vec<_>>()
    };
    verdict(&imports()?.iter().flat_map(of).collect::<Vec<_>>())
}

/// What breaks a rule.
fn broken(rule: &Rule, imports: &Imports) -> Vec<String> {
    let within = |path: &Names, module: &str| path.first().is_some_and(|first| first == module);
    let may = |from: &Names| within(from, rule.module) || rule.importers.iter().any(|importer| within(from, importer));
    let forbidden = imports.iter().filter(|(from, to)| within(to, rule.module) && !may(from) && !from.is_empty());
    forbidden.map(|(from, to)| format!("{}: {} imports {}", rule.library, from.join("::"), to.join("::"))).collect()
}

/// A shortest circle through each module that is in one, once each, as text.
fn circles(imports: &Imports) -> BTreeSet<String> {
    let mut levels: BTreeMap<Names, Level> = BTreeMap::new();
    for (from, to) in imports {
        let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        if let (Some(importer), Some(imported)) = (from.get(shared), to.get(shared)) {
            let level = levels.entry(from[..shared].to_vec()).or_default();
            let example = (from.clone(), to.clone());
            level.entry(importer.clone()).or_default().insert(imported.clone(), example);
        }
    }
    let of = |level: &Level| -> Vec<String> {
        level.keys().filter_map(|start| Some(text(level, &circle(level, start)?))).collect()
    };
    levels.values().flat_map(of).collect()
}

/// A shortest way from a module back to it, beginning at the first name in it.
fn circle<'a>(level: &'a Level, start: &'a String) -> Option<Vec<&'a String>> {
    let mut reached_from: BTreeMap<&String, &String> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in level.get(at).into_iter().flat_map(BTreeMap::keys) {
            if !reached_from.contains_key(next) {
                reached_from.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    let mut circle = vec![start];
    let mut at = *reached_from.get(start)?;
    while at != start {
        circle.insert(0, at);
        at = reached_from[at];
    }
    let first = circle.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(first, _)| first);
    circle.rotate_left(first);
    Some(circle)
}

/// `a -> b -> a (a::x imports b; b::y imports a)`
fn text(level: &Level, circle: &[&String]) -> String {
    let way: Vec<&str> = circle.iter().chain(circle.first()).map(|name| name.as_str()).collect();
    let example = |step: &[&str]| {
        let (from, to) = &level[step[0]][step[1]];
        format!("{} imports {}", from.join("::"), to.join("::"))
    };
    format!("{} ({})", way.join(" -> "), way.windows(2).map(example).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(pairs: &[(&str, &str)]) -> Imports {
        let names = |path: &str| path.split("::").map(str::to_owned).collect::<Names>();
        pairs.iter().map(|(from, to)| (names(from), names(to))).collect()
    }

    #[test]
    fn only_those_named_may_import() {
        let rule = Rule { library: "l", module: "cli", importers: &["run"] };
        let imports = imports(&[("run::args", "cli"), ("cli::exit", "cli"), ("data::voc", "cli"), ("data", "run")]);
        assert_eq!(broken(&rule, &imports), ["l: data::voc imports cli"]);
    }

    fn found(pairs: &[(&str, &str)]) -> Vec<String> {
        circles(&imports(pairs)).into_iter().collect()
    }

    #[test]
    fn a_circle_is_found_at_its_level_once_with_its_path() {
        let imports = [("c", "a"), ("a::x", "b::y"), ("b::z", "c"), ("d", "a"), ("a::x", "d::q::r")];
        let found = found(&imports);
        let long = "a -> b -> c -> a (a::x imports b::y; b::z imports c; c imports a)";
        assert_eq!(found, [long, "a -> d -> a (a::x imports d::q::r; d imports a)"]);
    }

    #[test]
    fn files_of_one_room_form_circles_too_but_not_with_their_parent() {
        assert_eq!(found(&[("a", "a::x"), ("a::x", "a"), ("a::x::deep", "a::y")]), [""; 0]);
        let circle = "x -> y -> x (a::x::deep imports a::y; a::y imports a::x)";
        assert_eq!(found(&[("a::x::deep", "a::y"), ("a::y", "a::x")]), [circle]);
    }
}
