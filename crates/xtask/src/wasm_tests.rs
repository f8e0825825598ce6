//! `tests/wasm` for the browser: a test program of its own, so that the page does not carry what only a test needs.

use anyhow::Result;

use crate::{shell, tools};

/// The profile that is quickest to build and still fast where it computes.
const PROFILE: &str = "serve";

/// Builds it into `wasm-tests` of the target folder, after installing what that takes.
pub fn build() -> Result<()> {
    tools::ensure_page_tools()?;
    let args = ["build", "--profile", PROFILE, "-p", "ssd-wasm-tests", "--target", tools::WASM_TARGET];
    shell::run(&mut shell::command("cargo", &args))?;
    let wasm = shell::target_dir().join(tools::WASM_TARGET).join(PROFILE).join("ssd_wasm_tests.wasm");
    let mut bindgen = shell::command("wasm-bindgen", &["--target", "web", "--out-dir"]);
    shell::run(bindgen.arg(shell::target_dir().join("wasm-tests")).arg(wasm))
}
