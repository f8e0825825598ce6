//! `cargo xtask build`: the static page in `dist/`. What goes into it stands in `Trunk.toml` and `index.html`.

use std::process::Command;

use anyhow::Result;

use crate::{offline, shell, standalone, tools};

/// Builds the page, after installing what that takes. No `wasm-opt`: binaryen 108, which Debian has, writes a file
/// whose tables browsers refuse.
pub fn run() -> Result<()> {
    tools::ensure_page_tools()?;
    shell::step("build the page into dist/", || shell::run(&mut trunk(&["build"])))?;
    finish()
}

/// What Trunk does not do. It works on `dist/` as it is.
pub fn finish() -> Result<()> {
    shell::step("list the page's files for use without a network", offline::write)?;
    shell::step("put the page into one file, too", standalone::write)
}

/// Trunk, kept from asking for news of itself. It takes only `true` or `false` for `NO_COLOR` and would stop at the
/// customary `1`.
pub fn trunk(args: &[&str]) -> Command {
    let mut command = shell::command("trunk", args);
    command.env("TRUNK_SKIP_VERSION_CHECK", "true").env_remove("NO_COLOR");
    command
}
