//! `cargo xtask lint`: what a reviewer would otherwise have to say. No test runs here.

use anyhow::Result;

use crate::test::SELECTION;
use crate::{shell, tally::Tally, tools};

/// Formatting, clippy, documentation, licences; all of them, even after one fails.
pub fn run() -> Result<()> {
    let mut tally = Tally::default();
    tally.step("formatting", format_check);
    tally.step("clippy, native", || {
        let args = [&["clippy"][..], &SELECTION[..], &["-p", "xtask", "--all-targets", "--", "-D", "warnings"]];
        shell::run(&mut shell::command("cargo", &args.concat()))
    });
    tally.step("clippy, wasm32", || {
        tools::ensure_page_tools()?;
        let args = ["clippy", "-p", "ssd-web", "--target", tools::WASM_TARGET, "--", "-D", "warnings"];
        shell::run(&mut shell::command("cargo", &args))
    });
    tally.step("documentation", || {
        let args = [&["doc"][..], &SELECTION[..], &["-p", "xtask", "--no-deps", "--document-private-items"]];
        shell::run(shell::command("cargo", &args.concat()).env("RUSTDOCFLAGS", "-D warnings"))
    });
    if shell::find("cargo-deny").is_some() {
        tally.step("licences and advisories", || shell::run(&mut shell::command("cargo", &["deny", "check"])));
    } else {
        tally.skip("licences and advisories: cargo-deny is not installed");
    }
    tally.finish()
}

/// Whether every file is as rustfmt would write it.
pub fn format_check() -> Result<()> {
    shell::run(&mut shell::command("cargo", &["fmt", "--all", "--check"]))
}
