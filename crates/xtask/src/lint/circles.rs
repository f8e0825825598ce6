//! No two modules import each other, directly or around a circle.
//!
//! The rule holds at each level: modules side by side, each with all that is below it, form no circle. So rooms of a
//! crate form none, nor the files of a room. A module and what is below it are not side by side: a `mod.rs` that
//! declares what its children share, or calls them, is no circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::Result;

use super::modules::{Modules, Names};
use super::verdict;
use crate::workspace;

/// Of modules side by side, which import which, and a pair of modules in them as an example.
type Level = BTreeMap<String, BTreeMap<String, (Names, Names)>>;

pub fn check() -> Result<()> {
    let mut violations = Vec::new();
    for (name, root) in workspace::crate_roots()? {
        let imports = Modules::read(&root)?.imports();
        violations.extend(circles(&imports).iter().map(|circle| format!("{name}: {circle}")));
    }
    verdict(&violations)
}

/// A shortest circle through each module that is in one, once each, as text.
fn circles(imports: &BTreeSet<(Names, Names)>) -> BTreeSet<String> {
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

    fn found(imports: &[(&str, &str)]) -> Vec<String> {
        let names = |path: &str| path.split("::").map(str::to_owned).collect::<Names>();
        let imports = imports.iter().map(|(from, to)| (names(from), names(to))).collect();
        circles(&imports).into_iter().collect()
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
