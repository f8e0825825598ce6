//! What the dependencies of a crate must not bring, however deep.

use anyhow::{Context, Result};

use super::verdict;
use crate::{shell, tools, workspace};

/// A crate as the page compiles it, and what must not be in its tree. (`safetensors` itself brings `tempfile`.)
const FORBIDDEN: [(&str, &[&str]); 1] = [("ssd-learn", &["wgpu", "rayon", "clap", "indicatif"])];

pub fn check() -> Result<()> {
    let mut violations = Vec::new();
    for (name, forbidden) in FORBIDDEN.into_iter().filter(|(name, _)| workspace::has_crate(name)) {
        let args =
            ["tree", "-p", name, "--target", tools::WASM_TARGET, "-e", "normal", "--prefix", "none", "-f", "{p}"];
        let tree = shell::output("cargo", &args).with_context(|| format!("`cargo tree -p {name}` failed"))?;
        violations.extend(found(&tree, forbidden).iter().map(|found| format!("{name} depends on {found}")));
    }
    verdict(&violations)
}

/// Those of the names that a tree has, one crate a line: `name version …`.
fn found<'a>(tree: &str, names: &[&'a str]) -> Vec<&'a str> {
    let has = |name: &&str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    names.iter().copied().filter(has).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_found_by_its_whole_name() {
        let tree = "ssd-learn v0.0.0 (/x)\nburn v0.22.1\nwgpu-types v30.0.1\nrayon v1.10.0\n";
        assert_eq!(found(tree, &["wgpu", "rayon", "clap"]), ["rayon"]);
    }
}
