//! `cargo xtask build`: the static page in `dist/`. What goes into it stands in `Trunk.toml` and `index.html`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::budget::{self, Shrunk};
use crate::{shell, system, tools};

/// What the wasm uses of the language beyond its first version, as `wasm-opt` calls it: rustc's defaults, simd128, and
/// what wasm-bindgen adds.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

/// Builds the page, after installing what that takes.
pub fn run() -> Result<Shrunk> {
    tools::ensure_page_tools()?;
    shell::step("build the page into dist/", || shell::run(&mut trunk(&["build"])))?;
    let shrunk = system::ensure_wasm_opt().and_then(|wasm_opt| shell::step("shrink the wasm", || shrink(&wasm_opt)));
    if let Err(error) = &shrunk {
        eprintln!("The page works, but its wasm is a third larger than need be: {error:#}.");
    }
    Ok(if shrunk.is_ok() { Shrunk::Yes } else { Shrunk::No })
}

/// Rewrites the wasm of `dist/` to do the same in less.
fn shrink(wasm_opt: &Path) -> Result<()> {
    for path in budget::files(&shell::root().join("dist/wasm"), "wasm")? {
        let smaller = path.with_extension("smaller");
        let mut command = shell::command(&wasm_opt.to_string_lossy(), &FEATURES);
        shell::run(command.arg("-Oz").arg(&path).arg("-o").arg(&smaller))?;
        fs::rename(&smaller, &path).with_context(|| format!("{} cannot be replaced", path.display()))?;
    }
    Ok(())
}

/// Trunk, kept from asking for news of itself. It takes only `true` or `false` for `NO_COLOR` and would stop at the
/// customary `1`.
pub fn trunk(args: &[&str]) -> Command {
    let mut command = shell::command("trunk", args);
    command.env("TRUNK_SKIP_VERSION_CHECK", "true").env_remove("NO_COLOR");
    command
}
