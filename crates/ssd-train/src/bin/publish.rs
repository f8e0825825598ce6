//! `publish`: puts a trained weights file into the page. The work is [`ssd_train::exchange::publish::publish`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use ssd_train::cli;
use ssd_train::console;
use ssd_train::exchange::publish::{Measured, publish, start_with};
use ssd_train::failure::Failure;

/// Add a weights file to those that the page ships.
///
/// Copies it to web/models/NAME.safetensors, replacing any older one, and lists it in web/models/index.json.
#[derive(Parser)]
#[command(after_help = "Example:
  eval --weights runs/shapes/best.safetensors --data shapes:1 --json > measured.json
  publish --weights runs/shapes/best.safetensors --name shapes --measured measured.json --data shapes:1 --split val

Exit code: 0 done, 1 failed while running, 2 bad usage or bad input.")]
struct Args {
    /// The weights file, written by `train`
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// The model's name in the page
    #[arg(long)]
    name: String,
    /// The output of `eval --json` for it
    #[arg(long, value_name = "FILE", requires_all = ["data", "split"])]
    measured: Option<PathBuf>,
    /// The data set it was measured on
    #[arg(long)]
    data: Option<String>,
    /// The split of that data set
    #[arg(long)]
    split: Option<String>,
    /// Terms of use of the weights
    #[arg(long, default_value = "MIT OR Apache-2.0")]
    licence: String,
    /// Let the page start with this model
    #[arg(long)]
    default: bool,
    /// The page's folder of models
    #[arg(long, value_name = "DIR", default_value = "web/models")]
    into: PathBuf,
}

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    let measured = match (&args.measured, &args.data, &args.split) {
        (Some(path), Some(data), Some(split)) => Measured::from_report(&read_report(path)?, data, split),
        _ => Measured::default(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if args.name.is_empty() || !args.name.chars().all(plain) {
        return Err(Failure::Input("--name takes letters, digits, '-', '_' and '.'; it becomes a file name.".into()));
    }
    let created = std::fs::create_dir_all(&args.into);
    created.map_err(|error| Failure::Input(format!("cannot create the folder {}: {error}", args.into.display())))?;
    let entry = publish(&args.weights, &args.into, &args.name, measured, &args.licence).map_err(Failure::input)?;
    if args.default {
        start_with(&args.into, &args.name).map_err(Failure::input)?;
    }
    console::note(&format!("{} ({} bytes) is in {}.", entry.file, entry.bytes, args.into.display()));
    Ok(())
}

fn read_report(path: &Path) -> Result<serde_json::Value, Failure> {
    let wrong = |error: String| {
        Failure::Input(format!("cannot use {}: {error}; give the output of `eval --json`.", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}
