//! `cargo xtask build`: the static page in `dist/`. What goes into it stands in `Trunk.toml` and `index.html`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::budget::{self, Shrunk};
use crate::{shell, system, tools};

/// Builds the page, after installing what that takes.
pub fn run() -> Result<Shrunk> {
    tools::ensure_page_tools()?;
    shell::step("build the page into dist/", || shell::run(&mut trunk(&["build"])))?;
    let shrunk = system::ensure_wasm_opt().and_then(|wasm_opt| shell::step("shrink the wasm", || shrink(&wasm_opt)));
    if let Err(error) = &shrunk {
        eprintln!("The page works, but its wasm is a fifth larger than need be: {error:#}.");
    }
    Ok(if shrunk.is_ok() { Shrunk::Yes } else { Shrunk::No })
}

/// Rewrites the wasm of `dist/` to do the same in less. It names the features that it uses, and no others may be
/// switched on: with typed function references binaryen 108 writes a smaller file that browsers refuse.
fn shrink(wasm_opt: &Path) -> Result<()> {
    for path in budget::files(&shell::root().join("dist/wasm"), "wasm")? {
        let smaller = path.with_extension("smaller");
        let mut command = shell::command(&wasm_opt.to_string_lossy(), &["-Oz"]);
        shell::run(command.arg(&path).arg("-o").arg(&smaller))?;
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
