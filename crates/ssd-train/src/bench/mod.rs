//! `bench`: how fast a detector is on a device, layer by layer and as a whole, beside Burn and beside what the device
//! can do.
//!
//! Outline: a network and a device → the device's peaks → the pipeline that `detect` has there, part by part → the same
//! network by Burn → their predictions compared → frames end to end → a [`Report`], as JSON or as a table. The parts
//! are measured by [`ssd_gpu::bench`].

mod cpu_peak;
mod frame;
mod report;
mod subject;
mod table;
mod tracks;

use std::path::PathBuf;

use pollster::block_on;
pub use report::Report;
use report::{ByScore, Correctness, DeviceReport, Peak, Rates};
use ssd::Arch;
use ssd_gpu::bench::{self, Budget, Stopwatch};
use ssd_gpu::kernel::Precision;
use subject::Subject;
pub use table::text;

use crate::console;
use crate::detect::detector::{milliseconds, pipeline};
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

/// The thresholds at which the post-processing is measured: to look at, and to evaluate with.
const SCORES: [f32; 2] = [0.5, 0.01];

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
    let subject = Subject::new(args, arch)?;
    let Subject { header, model, .. } = &subject;
    let (pictures, images) = (subject.pictures(), usize::from(args.batch));
    let plan = bench::layers(model, header.input_size);
    let progress = console::progress_bar(2 * plan.len() + 8, "measuring");
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
    let mut pipeline = pipeline(header.clone(), model, &device, args.engine, images)?;
    let (offsets, logits) = block_on(pipeline.predict(&pictures))?;
    measured("kernels");
    let budget = Budget { samples: args.runs as usize, seconds: args.seconds };
    let stopwatch = Stopwatch { budget, host: milliseconds };
    let own = bench::part_times(&mut pipeline, &pictures, &SCORES, &stopwatch, &measured)?;
    measured("stages");
    let precision = pipeline.gpu_memory().map_or(Precision::Single, |(_, precision)| precision);
    let methods = match own_gpu.filter(|_| args.methods) {
        Some(gpu) => bench::method_times(gpu, &plan, (images, precision), &stopwatch, &measured)?,
        None => Vec::new(),
    };
    let burn = || bench::burn_times(&pipeline, (model, &device.device), &pictures, &stopwatch, &measured);
    let burn = (!args.no_burn).then(burn).transpose()?;
    let (frame, readback_bytes) = frame::measure(&pipeline, &pictures, budget)?;
    measured("frames");
    let track_step_ms = tracks::step_ms(budget);
    measured("tracks");
    progress.finish_and_clear();

    let rates = Rates { images, peak_gflops: peak.gflops };
    let layers: Vec<_> = plan.iter().map(|layer| rates.layer(layer, &own.network, burn.as_ref())).collect();
    let gflop = layers.iter().map(|layer| layer.gflop).sum();
    let [high, low] = [0, 1].map(|at| own.postprocess[at]);
    let correct = Correctness::new(&[offsets, logits].concat(), &want, precision);
    Ok(Report {
        device: DeviceReport::new(&device),
        arch: header.arch.name(),
        classes: header.classes(),
        batch: images,
        engine: pipeline.engine_name(),
        precision: precision.name(),
        peak,
        layers,
        network: rates.network(gflop, own.network.ms, burn.map(|burn| burn.ms)),
        preprocess_ms: own.preprocess_ms,
        postprocess_ms: ByScore { high: high.ms, low: low.ms },
        postprocess_candidates: ByScore { high: high.candidates, low: low.candidates },
        readback_bytes,
        memory_bytes: pipeline.gpu_memory().map(|(bytes, _)| bytes),
        frame,
        track_step_ms,
        methods: methods.iter().flat_map(|shape| rates.methods(shape, correct.tolerance)).collect(),
        correct,
    })
}
