//! The tools that turn the wasm crate into a page: which versions, and how they come onto a machine without them.
//!
//! Cargo builds them from the package registry; nothing is fetched from anywhere else. What the operating system has to
//! bring (a browser, software Vulkan) is in [`crate::system`].

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell;

/// A program that cargo installs.
struct Tool {
    package: &'static str,
    program: &'static str,
    version: &'static str,
    /// What its build needs besides.
    args: &'static [&'static str],
}

/// Bundles the page. 0.22 asks for a newer compiler than the one this workspace pins. Without TLS, which is for serving
/// over https and for downloading tools, and without a look for newer versions.
const TRUNK: Tool = Tool { package: "trunk", program: "trunk", version: "0.21.14", args: &["--no-default-features"] };

/// Writes the JavaScript side of the wasm crate. It speaks one format with the crate `wasm-bindgen`, so the versions
/// are equal. Without TLS, which its test runner has for browser drivers. What walks through every function of the page
/// is optimised: that takes a minute otherwise.
const WASM_BINDGEN: Tool = Tool {
    package: "wasm-bindgen-cli",
    program: "wasm-bindgen",
    version: "0.2.130",
    args: &[
        "--no-default-features",
        "--bin=wasm-bindgen",
        "--config=profile.release.package.walrus.opt-level=1",
        "--config=profile.release.package.wasmparser.opt-level=1",
        "--config=profile.release.package.wasm-encoder.opt-level=1",
        "--config=profile.release.package.wasm-bindgen-cli-support.opt-level=1",
    ],
};

/// What the page is compiled for.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Installs what the page needs and this machine lacks: the wasm target, Trunk, wasm-bindgen.
pub fn ensure_page_tools() -> Result<()> {
    ensure_wasm_target()?;
    ensure(&TRUNK)?;
    ensure(&WASM_BINDGEN)
}

fn ensure_wasm_target() -> Result<()> {
    let sysroot = shell::output("rustc", &["--print", "sysroot"])
        .context("rustc does not run; install Rust with rustup, https://rustup.rs")?;
    if Path::new(&sysroot).join("lib/rustlib").join(WASM_TARGET).join("lib").is_dir() {
        return Ok(());
    }
    shell::step(&format!("add the target {WASM_TARGET}"), || {
        shell::run(&mut shell::command("rustup", &["target", "add", WASM_TARGET]))
            .with_context(|| format!("the Rust target {WASM_TARGET} is missing; add it to your toolchain"))
    })
}

fn ensure(tool: &Tool) -> Result<()> {
    let installed = shell::output(tool.program, &["--version"]);
    if installed.as_deref().is_some_and(|text| has_version(text, tool.version)) {
        return Ok(());
    }
    shell::step(&format!("install {} {}", tool.package, tool.version), || install(tool))?;
    match shell::output(tool.program, &["--version"]) {
        Some(text) if has_version(&text, tool.version) => Ok(()),
        _ => bail!(
            "{} {} was installed, but another `{}` comes first on the path; remove that one",
            tool.package,
            tool.version,
            tool.program
        ),
    }
}

/// Prebuilt where `cargo binstall` is at hand. Else built as its authors locked it; where the registry lacks one of
/// those versions, with what the registry has.
fn install(tool: &Tool) -> Result<()> {
    let package = format!("{}@{}", tool.package, tool.version);
    if shell::find("cargo-binstall").is_some() {
        match shell::run(&mut shell::command("cargo", &["binstall", "--no-confirm", &package])) {
            Ok(()) => return Ok(()),
            Err(error) => eprintln!("{error}; building it instead"),
        }
    }
    let args = [&["install", &package], tool.args].concat();
    let locked = shell::run(&mut quick_build(&[&args[..], &["--locked"]].concat()));
    if let Err(error) = locked {
        eprintln!("{error}; trying again without --locked");
        shell::run(&mut quick_build(&args))?;
    }
    Ok(())
}

/// These tools run for seconds and would compile for minutes: no optimisation, many units.
/// One folder for both, so that what they share compiles once and a second attempt goes on where the first ended.
fn quick_build(args: &[&str]) -> std::process::Command {
    let mut cargo = shell::command("cargo", args);
    cargo
        .env("CARGO_TARGET_DIR", shell::target_dir().join("tools"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    cargo
}

/// Whether `trunk 0.21.14` or `wasm-bindgen 0.2.130 (…)` names that version.
fn has_version(text: &str, version: &str) -> bool {
    text.split_whitespace().nth(1) == Some(version)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    /// The pins here and in the manifest are two; a page made from unequal ones does not load.
    #[test]
    fn wasm_bindgen_is_the_crate_that_the_workspace_pins() {
        let manifest = std::fs::read_to_string(shell::root().join("Cargo.toml")).unwrap();
        let pin = format!("wasm-bindgen = \"={}\"", WASM_BINDGEN.version);
        assert!(manifest.lines().any(|line| line == pin), "Cargo.toml lacks the line {pin}");
    }

    #[test]
    fn only_the_pinned_version_will_do() {
        assert!(has_version("trunk 0.21.14", "0.21.14"));
        assert!(has_version("wasm-bindgen 0.2.130 (abc)", "0.2.130"));
        assert!(!has_version("trunk 0.21.140", "0.21.14"));
        assert!(!has_version("", "0.21.14"));
    }
}
