//! `cargo xtask lint`: what a reviewer would otherwise have to say. No test runs here.

mod arrows;
mod dependencies;
mod lengths;
mod modules;
mod preloads;
mod tokens;

use anyhow::{Result, bail};

use crate::tally::Tally;
use crate::workspace::{self, SELECTION};
use crate::{shell, tools};

/// How the crate itself is built; see Cargo.toml.
const XTASK: [&str; 4] = ["-p", "xtask", "--profile", "xtask"];

/// The rules on text, formatting, clippy, documentation, licences; all of them, even after one fails.
pub fn run() -> Result<()> {
    let cargo = |args: &[&[&str]]| shell::run(&mut shell::command("cargo", &args.concat()));
    let strict = ["--", "-D", "warnings"];
    let mut tally = Tally::default();
    quick(&mut tally);
    tally.step("dependencies of crates", dependencies::check);
    tally.step("clippy, xtask", || cargo(&[&["clippy", "--all-targets"], &XTASK, &strict]));
    tally.step("clippy, native", || cargo(&[&["clippy", "--all-targets"], &SELECTION, &strict]));
    tally.step("clippy, wasm32", || {
        tools::ensure_page_tools()?;
        let crates: Vec<&str> = workspace::on_wasm().flat_map(|name| ["-p", name]).collect();
        cargo(&[&["clippy", "--target", tools::WASM_TARGET], &crates, &strict])
    });
    tally.step("documentation", || {
        [&XTASK[..], &SELECTION].iter().try_for_each(|selection| {
            let args = [&["doc", "--no-deps", "--document-private-items"], *selection].concat();
            shell::run(shell::command("cargo", &args).env("RUSTDOCFLAGS", "-D warnings"))
        })
    });
    if shell::find("cargo-deny").is_some() {
        tally.step("licences and advisories", || cargo(&[&["deny", "check"]]));
    } else {
        tally.skip("licences and advisories: cargo-deny is not installed");
    }
    tally.finish()
}

/// What needs no compiler: a part of `cargo xtask test`, too.
pub fn quick(tally: &mut Tally) {
    tally.step("formatting", || shell::run(&mut shell::command("cargo", &["fmt", "--all", "--check"])));
    tally.step("import circles", arrows::check_circles);
    tally.step("forbidden imports", arrows::check_rules);
    tally.step("modules to fetch early", preloads::check);
    tally.step("lengths of lines and documents", lengths::check);
}

/// Fails with every violation, each on a line of its own, or says that there are none.
fn verdict(violations: &[String]) -> Result<()> {
    violations.iter().for_each(|violation| eprintln!("{violation}"));
    match violations.len() {
        0 => Ok(()),
        1 => bail!("1 violation, named above"),
        count => bail!("{count} violations, named above"),
    }
}
