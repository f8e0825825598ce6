//! `bench`: how fast a detector is on this machine, as a table or as JSON.
//!
//! The measuring is done in `ssd_train::bench`.

use std::process::ExitCode;

use clap::Parser;
use ssd_train::archs;
use ssd_train::bench::day::{self, DayArgs};
use ssd_train::bench::{self, BenchArgs};
use ssd_train::cli;
use ssd_train::failure::Failure;

/// Measure how fast a detector is, layer by layer and as a whole, compared with Burn and with the device's peak.
///
/// Times are milliseconds, medians after a warm-up; on a GPU, by its own clock. GFLOP count a multiply-add as two. The
/// peak is measured in the same run. Predictions are compared with Burn's on the CPU: if they are wrong, so are the
/// times, and the exit code is 1. Without --weights the network gets random weights, which take as long.
#[derive(Parser)]
#[command(after_help = "Examples:
  bench                                             the paper's network on the first GPU, or on the CPU
  bench --arch ssd300-mobilenet-v2-lite --device cpu
  bench --weights best.safetensors --batch 8 --json > bench.json
  bench --methods --no-burn                         every method for each convolution
  bench --day day/                                  all of this for all networks, in six minutes: for a card that is
                                                    lent; day/measured.rs is the table of methods, corrected

Exit code: 0 done, 1 failed while running or wrong predictions, 2 bad usage or bad input.")]
struct Args {
    #[command(flatten)]
    bench: BenchArgs,
    #[command(flatten)]
    day: DayArgs,
    /// Print one JSON document on stdout instead of the table; everything else goes to stderr
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    if args.bench.arch.as_deref() == Some("list") {
        return if args.json { cli::print_json(&archs::list()) } else { cli::print_text(&archs::table()) };
    }
    if let Some(folder) = &args.day.day {
        let report = day::run(&args.day, folder, &args.bench.device)?;
        if args.json {
            cli::print_json(&report)?;
        } else {
            cli::print_text(&day::markdown(&report))?;
        }
        return report.verdict().map_err(Failure::Run);
    }
    let report = bench::run(&args.bench)?;
    if args.json {
        cli::print_json(&report)?;
    } else {
        cli::print_text(&bench::text(&report))?;
    }
    report.verdict().map_err(Failure::Run)
}
