//! `average`: one detector out of several. The work is [`ssd_train::exchange::average::average`].

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ssd::weights::Provenance;
use ssd_train::arguments::{DtypeName, finite};
use ssd_train::cli;
use ssd_train::console;
use ssd_train::exchange::average::average;
use ssd_train::failure::Failure;
use ssd_train::run::config::file_name;

/// Average detectors weight by weight: the start and the end of a fine-tuning, or several fine-tunings of one start.
///
/// All have to be the same network for the same classes. Measure the result with `eval`: which shares are best is found
/// by trying.
#[derive(Parser)]
#[command(
    override_usage = "average [OPTIONS] IN IN… OUT.safetensors",
    after_help = "Example:
  average start.safetensors runs/fine/last.safetensors mean.safetensors --shares 0.3,0.7

Exit code: 0 done, 1 failed while running, 2 bad usage or bad input."
)]
struct Args {
    /// The detectors, and after them the weights file to write
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How much of each goes into the average, in proportion [default: equal shares]
    #[arg(long, value_name = "X,X", value_delimiter = ',', value_parser = finite)]
    shares: Vec<f64>,
    /// What the numbers are stored as; f16 halves the file, norms stay f32
    #[arg(long, value_enum, default_value = "f16")]
    dtype: DtypeName,
    /// Print one JSON document on stdout, everything else on stderr
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    let (to, files) = args.files.split_last().ok_or_else(|| Failure::input("average takes files; see --help."))?;
    if let Some(same) = files.iter().find(|file| *file == to) {
        return Err(Failure::Input(format!("{} is read; give the file to write another name.", same.display())));
    }
    let made =
        Provenance { source_file: Some(names(files).join(", ")), command: command(args), ..Provenance::default() };
    let report = average(files, &args.shares, to, args.dtype.into(), made)?;
    console::note(&format!("{} is the average of {} files.", to.display(), files.len()));
    if args.json { cli::print_json(&report) } else { Ok(()) }
}

/// The names of files without their folders.
fn names(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|path| file_name(&path.display().to_string())).collect()
}

/// The command that makes the file again.
fn command(args: &Args) -> String {
    let mut command = format!("cargo run --release --bin average -- {}", names(&args.files).join(" "));
    if !args.shares.is_empty() {
        let shares = args.shares.iter().map(f64::to_string).collect::<Vec<_>>();
        command += &format!(" --shares {}", shares.join(","));
    }
    if args.dtype == DtypeName::F32 {
        command += " --dtype f32";
    }
    command
}
