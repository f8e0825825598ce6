//! `bench`: how fast a detector is on this machine, as a table or as JSON.
//!
//! The command line; the measuring is done in `ssd_train::bench`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ssd::Arch;
use ssd_gpu::bench::Budget;
use ssd_train::archs;
use ssd_train::bench::{self, BenchOptions};
use ssd_train::cli;
use ssd_train::detect::engine::EngineArgs;
use ssd_train::device::choice::DeviceChoice;
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
  bench --methods --no-burn                         every method for each convolution: to correct a row of the
                                                    table by which kernels are chosen

Exit code: 0 done, 1 failed while running or wrong predictions, 2 bad usage or bad input.")]
struct Args {
    /// A weights file written by `train` [default: random weights]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arch", "classes"])]
    weights: Option<PathBuf>,
    /// The network to draw weights for; `list` prints the names [default: ssd300-vgg16]
    #[arg(long)]
    arch: Option<String>,
    /// Number of its classes, without background
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1024))]
    classes: u16,
    /// Where to compute: auto, wgpu, vulkan, metal, cuda or cpu, with :INDEX for any but the first
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceChoice,
    #[command(flatten)]
    engine: EngineArgs,
    /// Pictures at once; times are for all of them together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    batch: u16,
    /// Most samples of each measurement, and most frames end to end
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Seconds per measurement, after which it takes no more samples; frames end to end get ten times as long
    #[arg(long, value_name = "X", default_value_t = 0.3)]
    seconds: f64,
    /// Leave out Burn's times, which take longest on a GPU; the predictions are still compared with Burn's on the CPU
    #[arg(long)]
    no_burn: bool,
    /// Also measure every method for each convolution, on a GPU with our kernels
    #[arg(long)]
    methods: bool,
    /// Print one JSON document on stdout instead of the table; everything else goes to stderr
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    if args.arch.as_deref() == Some("list") {
        return if args.json { cli::print_json(&archs::list()) } else { cli::print_text(&archs::table()) };
    }
    let report = bench::run(&options(args)?)?;
    if args.json {
        cli::print_json(&report)?;
    } else {
        cli::print_text(&bench::text(&report))?;
    }
    report.verdict().map_err(Failure::Run)
}

fn options(args: &Args) -> Result<BenchOptions, Failure> {
    if !(args.seconds.is_finite() && args.seconds > 0.0) {
        return Err(Failure::Input(format!("--seconds is {}; it has to be a number above 0.", args.seconds)));
    }
    let arch = args.arch.as_deref().map(str::parse::<Arch>).transpose().map_err(Failure::input)?;
    Ok(BenchOptions {
        weights: args.weights.clone(),
        arch: arch.unwrap_or(Arch::Ssd300Vgg16),
        classes: usize::from(args.classes) + 1,
        device: args.device,
        engine: args.engine,
        batch: usize::from(args.batch),
        budget: Budget { samples: args.runs as usize, seconds: args.seconds },
        burn: !args.no_burn,
        methods: args.methods,
    })
}
