//! `bench`: how fast a detector is on a device, layer by layer and as a whole, beside Burn and beside what the device
//! can do.
//!
//! Outline: a network and a device → the device's peaks → the network by what is measured (`own_gpu`, `host`) → the
//! same by Burn → their predictions compared → frames end to end → a [`Report`], as JSON or as a table. Times on a GPU
//! are taken in [`ssd_gpu::bench`]; here are the CPU's, Burn's, and what becomes of all of them.

mod compare;
mod cpu_peak;

mod frame;
mod host;
mod own_gpu;
mod report;
mod steps;
mod subject;
mod table;
mod timer;

use std::path::PathBuf;

pub use report::Report;
use report::{BatchShare, Correctness};
use ssd::Arch;
use ssd_gpu::bench::Budget;
use subject::Subject;
pub use table::text;

use crate::console;
use crate::detect::engine::{EngineArgs, EngineName};
use crate::device::choice::DeviceChoice;
use crate::device::open as device;
use crate::failure::Failure;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// A weights file; without one the network is made, with drawn weights.
    pub weights: Option<PathBuf>,
    /// The network to make.
    pub arch: Arch,
    /// Its classes, background counted.
    pub classes: usize,
    /// Where.
    pub device: DeviceChoice,
    /// By what, and with which numbers.
    pub engine: EngineArgs,
    /// Pictures at once.
    pub batch: usize,
    /// When each measurement ends.
    pub budget: Budget,
    /// Whether Burn is measured beside it.
    pub burn: bool,
    /// Whether every way of doing each convolution is measured.
    pub methods: bool,
}

/// What one engine did: the layers' times in the order of the plan, and what the network said.
struct Measured {
    /// Milliseconds and method.
    layers: Vec<(f64, String)>,
    network_ms: f64,
    preprocess_ms: f64,
    /// At each of [`SCORES`].
    postprocess: Vec<PostprocessMeasured>,
    /// Offsets of all pictures, then logits.
    predictions: Vec<f32>,
}

struct PostprocessMeasured {
    ms: f64,
    candidates: Option<u32>,
}

/// The thresholds at which the post-processing is measured: to look at, and to evaluate with.
const SCORES: [f32; 2] = [0.5, 0.01];

/// Measures all that is asked for. What is found wrong with the numbers is in the report, not an error.
///
/// # Errors
///
/// When the weights or the device are not there, or the device fails.
pub fn run(options: &BenchOptions) -> Result<Report, Failure> {
    let device = device::open(&options.device).map_err(Failure::input)?;
    let gpu = device.gpu.as_ref().filter(|_| options.engine.engine == EngineName::Own);
    if options.methods && gpu.is_none() {
        let name = &device.name;
        return Err(Failure::Input(format!(
            "--methods compares our kernels' ways on a GPU, and {name} runs none of them here; \
             use --device wgpu and --engine own."
        )));
    }
    let subject = Subject::new(options)?;
    let plan = ssd_gpu::bench::layers(&subject.model, subject.header.input_size);
    let progress = console::progress_bar(2 * plan.len() + 7, "measuring");
    let measured = |what: &str| {
        progress.set_message(what.to_owned());
        progress.inc(1);
    };

    // First: batch norm's statistics are shared by all clones of a model, and move to other devices with the first that
    // does.
    let want = compare::want(&subject);
    measured("Burn on the CPU");
    let timer = timer::Timer::new(options.budget);
    let peak = match &device.gpu {
        Some(gpu) => own_gpu::peak(gpu, options.budget)?,
        None => cpu_peak::measure(),
    };
    measured("peaks");
    let (own, pipeline, methods) = match gpu {
        Some(gpu) => own_gpu::measure(gpu, &subject, &plan, options, &measured)?,
        None => {
            let (own, pipeline) = host::own(&device, &subject, &plan, options, &timer, &measured)?;
            (own, pipeline, Vec::new())
        }
    };
    let burn =
        options.burn.then(|| host::burn(&device, &subject, &plan, gpu.is_some(), &timer, &measured)).transpose()?;
    let frame = frame::measure(&pipeline, &subject, options.budget)?;
    measured("frames");
    let correct = Correctness::new(&own.predictions, &want, frame.half);
    progress.finish_and_clear();

    let share = BatchShare { images: options.batch, peak_gflops: peak.gflops };
    Ok(Report::new(options, &device, &subject, &plan, share, peak, own, burn, frame, correct, methods))
}
