//! `tests/wasm` for the browser: a test program of its own, so that the page does not carry what only a test needs.

use std::path::PathBuf;

use anyhow::Result;

use crate::{shell, tools};

/// The profile that is quickest to build and still fast where it computes.
const PROFILE: &str = "serve";

/// Builds it, after installing what that takes. Returns the folder of the wasm and its glue.
pub fn build() -> Result<PathBuf> {
    tools::ensure_page_tools()?;
    let args = ["build", "--profile", PROFILE, "-p", "ssd-wasm-tests", "--target", tools::WASM_TARGET];
    shell::run(&mut shell::command("cargo", &args))?;
    let wasm = shell::target_dir().join(tools::WASM_TARGET).join(PROFILE).join("ssd_wasm_tests.wasm");
    let folder = shell::target_dir().join("wasm-tests");
    let mut bindgen = shell::command("wasm-bindgen", &["--target", "web", "--out-dir"]);
    shell::run(bindgen.arg(&folder).arg(wasm))?;
    Ok(folder)
}
