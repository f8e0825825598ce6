//! `bench`: how fast a detector is on a device, layer by layer and as a whole, beside Burn and beside what the device
//! can do.
//!
//! Outline: a network and a device → the device's peaks → the pipeline that `detect` has there, part by part → the same
//! network by Burn → their predictions compared → frames end to end → a [`Report`], as JSON or as a table. The parts
//! are measured by [`ssd_gpu::bench`]; [`day`] does this for all networks, and more.

mod cpu_peak;
pub mod day;
mod frame;
mod measure;
mod report;
mod subject;
mod table;
mod tracks;

use std::path::PathBuf;

use measure::{Setup, measure};
use report::Peak;
pub use report::Report;
use ssd::Arch;
use ssd_gpu::bench::{self, Budget, Stopwatch};
use subject::Subject;
pub use table::text;

use crate::console;
use crate::detect::detector::milliseconds;
use crate::detect::engine::{EngineArgs, EngineName};
use crate::device::choice::DeviceChoice;
use crate::device::open as device;
use crate::failure::Failure;

/// What is to be measured.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// A weights file written by `train` [default: random weights]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arch", "classes"])]
    pub weights: Option<PathBuf>,
    /// The network to draw weights for; `list` prints the names [default: ssd300-vgg16]
    #[arg(long)]
    pub arch: Option<String>,
    /// Number of its classes, without background
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub classes: u16,
    /// Where to compute: auto, wgpu, vulkan, metal, cuda or cpu, with :INDEX for any but the first
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub device: DeviceChoice,
    /// By what, and with which numbers.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Pictures at once; times are for all of them together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub batch: u16,
    /// Most samples of each measurement, and most frames end to end
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Seconds per measurement, after which it takes no more samples; frames end to end get ten times as long
    #[arg(long, value_name = "X", default_value_t = 0.3)]
    pub seconds: f64,
    /// Leave out Burn's times, which take longest on a GPU; the predictions are still compared with Burn's on the CPU
    #[arg(long)]
    pub no_burn: bool,
    /// Also measure every method for each convolution, on a GPU with our kernels
    #[arg(long)]
    pub methods: bool,
}

impl BenchArgs {
    /// The network, where no weights file says it.
    fn arch(&self) -> Result<Arch, Failure> {
        self.arch.as_deref().map_or(Ok(Arch::Ssd300Vgg16), str::parse).map_err(Failure::input)
    }
}

/// Measures all that is asked for. What is found wrong with the numbers is in the report, not an error.
///
/// # Errors
/// When the weights or the device are not there, or the device fails.
pub fn run(args: &BenchArgs) -> Result<Report, Failure> {
    if !(args.seconds.is_finite() && args.seconds > 0.0) {
        return Err(Failure::Input(format!("--seconds is {}; it has to be a number above 0.", args.seconds)));
    }
    let arch = args.arch()?;
    let device = device::open(&args.device).map_err(Failure::input)?;
    let own_gpu = device.gpu.as_ref().filter(|_| args.engine.engine == EngineName::Own);
    if args.methods && own_gpu.is_none() {
        let name = &device.name;
        return Err(Failure::Input(format!(
            "--methods compares our kernels' ways on a GPU, and {name} runs none of them here; \
             use --device wgpu and --engine own."
        )));
    }
    let subject = match &args.weights {
        Some(path) => Subject::of_file(path, usize::from(args.batch))?,
        None => Subject::untrained(arch, usize::from(args.classes), usize::from(args.batch)),
    };
    let steps = 2 * bench::layers(&subject.model, subject.header.input_size).len() + 8;
    let progress = console::progress_bar(steps, "measuring");
    let measured = |what: &str| {
        progress.set_message(what.to_owned());
        progress.inc(1);
    };

    // First: batch norm's statistics are shared by all clones of a model, and move to other devices with the first that
    // does.
    let want = subject.reference()?;
    measured("Burn on the CPU");
    let peak = match &device.gpu {
        Some(gpu) => Peak::from(bench::peaks(gpu, milliseconds)?),
        None => cpu_peak::measure(),
    };
    measured("peaks");
    let budget = Budget { samples: args.runs as usize, seconds: args.seconds };
    let stopwatch = Stopwatch { budget, host: milliseconds };
    let setup = Setup { device: &device, engine: args.engine, stopwatch, burn: !args.no_burn, methods: args.methods };
    let report = measure(&subject, &want, peak, &setup, &measured)?;
    progress.finish_and_clear();
    Ok(report)
}
