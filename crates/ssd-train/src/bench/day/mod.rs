//! `bench --day`: all that is to be known of a graphics card, in one run of minutes, for a machine that is lent.
//!
//! Outline: peaks → every method for every convolution of the main networks, each checked against the loops on the
//! CPU → the table of methods corrected, as the source file that holds it → whole networks by that table → the same by
//! Burn → steps of learning. No weights, data or network connection are needed. After each part, and every few seconds,
//! the files are written anew: a run that is cut off leaves what it has. What does not fit into the budget is left out
//! by name, and what fails does not end the run.

mod clock;
mod convolutions;
mod networks;
mod plan;
mod report;
mod text;
mod training;

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use ssd_gpu::Gpu;
use ssd_gpu::bench::{self, Budget, Stopwatch};
use ssd_gpu::methods::{Row, table};

use self::clock::Clock;
use self::plan::Plan;
pub use self::report::DayReport;
pub use self::text::markdown;
use super::report::{DeviceReport, Peak};
use crate::console;
use crate::detect::detector::milliseconds;
use crate::device::choice::DeviceChoice;
use crate::device::open::{self as device, OpenDevice};
use crate::failure::Failure;

/// The options that say what is measured otherwise: a day measures all of it.
const NOT_OF_A_DAY: [&str; 10] =
    ["weights", "arch", "classes", "batch", "runs", "seconds", "no_burn", "methods", "engine", "precision"];

/// The options of a day with a card.
#[derive(Debug, Clone, clap::Args)]
pub struct DayArgs {
    /// Measure all that is to be known of a graphics card, and write day.json, day.md and measured.rs, the table of
    /// methods, into this folder. Needs no file and no network connection
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = NOT_OF_A_DAY
    )]
    pub day: Option<PathBuf>,
    /// Seconds that a day has; what does not fit is left out, by name
    #[arg(long, value_name = "SECONDS", default_value_t = 360.0, requires = "day")]
    pub budget: f64,
    /// Take tiny networks, to try out a day on a software adapter
    #[arg(long, requires = "day")]
    pub rehearse: bool,
}

/// The share of the budget at which each part has to end.
mod until {
    pub(super) const CONVOLUTIONS: f64 = 0.5;
    pub(super) const NETWORKS: f64 = 0.75;
    pub(super) const BURN: f64 = 0.85;
    pub(super) const TRAINING: f64 = 0.95;
}

/// Samples of a measurement, unless its seconds are over first.
const SAMPLES: usize = 20;
/// Seconds from one writing of the files to the next, within a part.
const BETWEEN_FILES: f64 = 5.0;

/// Measures for at most about the budget's seconds, and writes the files.
///
/// # Errors
/// When there is no graphics adapter, or the folder cannot be written. What fails later is in the report.
pub fn run(args: &DayArgs, folder: &Path, choice: &DeviceChoice) -> Result<DayReport, Failure> {
    if !(args.budget.is_finite() && args.budget > 0.0) {
        return Err(Failure::Input(format!("--budget is {}; it has to be a number above 0.", args.budget)));
    }
    let clock = Clock::start(milliseconds, args.budget);
    let device = device::open(choice).map_err(Failure::input)?;
    let Some(gpu) = device.gpu.clone() else {
        let name = &device.name;
        return Err(Failure::Input(format!(
            "--day measures a graphics card, and {name} is none; use --device wgpu, with --rehearse on a software \
             adapter."
        )));
    };
    std::fs::create_dir_all(folder).map_err(|e| {
        Failure::Input(format!("{} cannot hold the day: {e}; choose another folder.", folder.display()))
    })?;
    let report = DayReport::new(DeviceReport::new(&device), gpu.driver(), args.budget);
    let plan = if args.rehearse { Plan::REHEARSAL } else { Plan::MAIN };
    let progress = console::progress_bar(1, "peaks");
    let mut day = Day { device, gpu, plan, clock, report, folder, written: f64::NEG_INFINITY, progress };
    day.write(&[])?;
    day.measure()
}

/// A run under way.
struct Day<'a> {
    device: OpenDevice,
    gpu: Gpu,
    plan: Plan,
    clock: Clock,
    report: DayReport,
    folder: &'a Path,
    /// When the files were written, in the clock's seconds.
    written: f64,
    progress: ProgressBar,
}

impl Day<'_> {
    fn measure(mut self) -> Result<DayReport, Failure> {
        match bench::peaks(&self.gpu, milliseconds) {
            Ok(peaks) => self.report.peak = Some(Peak::from(peaks)),
            Err(error) => self.report.failed.push(format!("peaks: {error}")),
        }
        self.write(&[])?;
        let rows = convolutions::measure(&mut self)?;
        self.report.rows = rows.len();
        self.write(&rows)?;
        let corrected = self.gpu.corrected(rows.clone());
        self.device = OpenDevice { gpu: Some(corrected), ..self.device.clone() };
        let measured = networks::measure(&mut self, &rows)?;
        networks::measure_beside(&mut self, &measured, &rows)?;
        training::measure(&mut self, &rows)?;
        self.report.under_way = None;
        self.write(&rows)?;
        self.progress.finish_and_clear();
        Ok(self.report)
    }

    fn stopwatch(&self) -> Stopwatch {
        Stopwatch { budget: Budget { samples: SAMPLES, seconds: self.plan.seconds }, host: milliseconds }
    }

    /// Says what is measured next.
    fn begin(&mut self, what: String) {
        self.progress.set_message(what.clone());
        self.report.under_way = Some(what);
    }

    /// Notes that something failed, in whose place the next thing is measured.
    fn failed(&mut self, what: &str, error: &dyn std::fmt::Display) {
        self.progress.suspend(|| console::note(&format!("{what} failed: {error}")));
        self.report.failed.push(format!("{what}: {error}"));
    }

    /// Writes the files, if that is some seconds ago.
    fn keep(&mut self, rows: &[Row]) -> Result<(), Failure> {
        self.progress.inc(1);
        if self.clock.seconds() - self.written < BETWEEN_FILES { Ok(()) } else { self.write(rows) }
    }

    fn write(&mut self, rows: &[Row]) -> Result<(), Failure> {
        self.report.seconds = self.clock.seconds();
        self.written = self.report.seconds;
        let json = serde_json::to_string_pretty(&self.report).map_err(Failure::run)?;
        let name = card(&self.gpu);
        let files = [("day.json", json), ("day.md", markdown(&self.report)), ("measured.rs", table(&name, rows))];
        for (file, text) in files {
            ssd_data::write_atomic(&self.folder.join(file), text.as_bytes())?;
        }
        Ok(())
    }
}

/// The name by which the table knows a card: without the graphics API, in lower case.
fn card(gpu: &Gpu) -> String {
    let name = gpu.name().to_lowercase();
    let api = format!(" ({})", gpu.backend().to_lowercase());
    name.strip_suffix(&api).unwrap_or(&name).to_owned()
}
