//! What the project does to itself: build the page, serve it, test everything, lint. Nothing of this ships.
//!
//! One module for each command, named after it. Below them: [`tools`] and [`system`] install what a command lacks,
//! [`relaxed`] makes the second form of the wasm, [`budget`] holds the limits on sizes, [`tally`] counts what passed,
//! [`workspace`] knows crates and files, [`shell`] runs programs.

mod budget;
mod build;
mod lint;
mod offline;
mod package;
mod relaxed;
mod scripts;
mod serve;
mod shell;
mod standalone;
mod system;
mod tally;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, serves and tests the detector; installs what it lacks for that.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the static page into dist/
    Build,
    /// Do what `build` does after `trunk build`, with dist/ as it is
    Finish,
    /// Build the detector alone into dist-package/, for npm, a CDN or another page
    Package(package::Options),
    /// Build the page, serve it and rebuild it when a source changes
    Serve(serve::Options),
    /// Run every test: native, shaders, headless Chromium, size budgets
    Test,
    /// Check imports, lengths, formatting, clippy (native and wasm32), documentation and the licences of dependencies
    Lint,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Build => build::run(),
        Command::Finish => build::finish(),
        Command::Package(options) => package::run(&options),
        Command::Serve(options) => serve::run(&options),
        Command::Test => test::run(),
        Command::Lint => lint::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
