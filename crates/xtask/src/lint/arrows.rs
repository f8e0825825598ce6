//! Modules that only some others may import.

use anyhow::Result;

use super::modules::{Modules, Names};
use super::verdict;
use crate::workspace;

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

pub fn check() -> Result<()> {
    let mut violations = Vec::new();
    for (name, root) in workspace::crate_roots()? {
        let rules: Vec<&Rule> = RULES.iter().filter(|rule| rule.library == name).collect();
        if !rules.is_empty() {
            let imports = Modules::read(&root)?.imports();
            violations.extend(rules.iter().flat_map(|rule| broken(rule, imports.iter())));
        }
    }
    verdict(&violations)
}

/// What breaks a rule.
fn broken<'a>(rule: &Rule, imports: impl Iterator<Item = &'a (Names, Names)>) -> Vec<String> {
    let within = |path: &Names, module: &str| path.first().is_some_and(|first| first == module);
    let may = |from: &Names| within(from, rule.module) || rule.importers.iter().any(|importer| within(from, importer));
    let forbidden = imports.filter(|(from, to)| within(to, rule.module) && !may(from) && !from.is_empty());
    forbidden.map(|(from, to)| format!("{}: {} imports {}", rule.library, from.join("::"), to.join("::"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_named_may_import() {
        let names = |path: &str| path.split("::").map(str::to_owned).collect::<Names>();
        let rule = Rule { library: "l", module: "cli", importers: &["run"] };
        let imports = [("run::args", "cli"), ("cli::exit", "cli"), ("data::voc", "cli"), ("data", "run")];
        let imports = imports.map(|(from, to)| (names(from), names(to)));
        assert_eq!(broken(&rule, imports.iter()), ["l: data::voc imports cli"]);
    }
}
