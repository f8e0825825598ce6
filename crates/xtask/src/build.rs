//! `cargo xtask build`: the static page in `dist/`. What goes into it stands in `Trunk.toml` and `index.html`; Burn's
//! engine, which only measuring asks for, is built here, so that a page to develop with does without its minutes.

use std::process::Command;

use anyhow::Result;

use crate::workspace::{BURN_CRATE, BURN_FOLDER};
use crate::{offline, relaxed, shell, standalone, tools};

/// Builds the page, after installing what that takes. No `wasm-opt`: binaryen 108, which Debian has, writes a file
/// whose tables browsers refuse.
pub fn run() -> Result<()> {
    tools::ensure_page_tools()?;
    shell::step("build the page into dist/", || shell::run(&mut trunk(&["build"])))?;
    finish()
}

/// What Trunk does not do.
pub fn finish() -> Result<()> {
    shell::step("build Burn's engine into dist/burn/", burn_engine)?;
    shell::step("make the wasm's plain form", relaxed::write)?;
    shell::step("list the page's files for use without a network", offline::write)?;
    shell::step("put the page into one file, too", standalone::write)
}

/// The wasm and its glue, with the page's profile, as Trunk makes those of the page.
fn burn_engine() -> Result<()> {
    let (target, profile) = (tools::WASM_TARGET, "page");
    let args = ["build", "--package", BURN_CRATE, "--lib", "--target", target, "--profile", profile];
    shell::run(&mut shell::command("cargo", &args))?;
    let wasm = shell::target_dir().join(target).join(profile).join(BURN_CRATE.replace('-', "_") + ".wasm");
    let folder = shell::root().join("dist").join(BURN_FOLDER);
    let mut glue = shell::command("wasm-bindgen", &["--target", "web", "--no-typescript", "--out-name", BURN_CRATE]);
    shell::run(glue.arg("--out-dir").arg(folder).arg(wasm))
}

/// Trunk, kept from asking for news of itself. It takes only `true` or `false` for `NO_COLOR` and would stop at the
/// customary `1`.
pub fn trunk(args: &[&str]) -> Command {
    let mut command = shell::command("trunk", args);
    command.env("TRUNK_SKIP_VERSION_CHECK", "true").env_remove("NO_COLOR");
    command
}
