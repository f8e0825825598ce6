//! `bench-loader`: how fast pictures are read, augmented and scaled on this machine.
//!
//! Runs the loader that `train` uses over a data set, without a network, and times its stages one by one. Knows no
//! other program; `tests/compare/loader.py` compares it with torchvision.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use serde::{Serialize, Serializer};
use ssd::preprocess::{Normalization, Preprocess};
use ssd_data::augment::{AugmentConfig, Augmentation, Change};
use ssd_data::seeded::seeded;
use ssd_data::{self as data, Dataset, Format, Loader, LoaderConfig};
use ssd_train::arguments::one_of;
use ssd_train::cli;
use ssd_train::console;
use ssd_train::failure::Failure;

/// Measure how many pictures a second can be decoded, augmented as in the paper, scaled and normalised for training.
///
/// First the stages are timed one by one in a single thread, which also brings the files into memory; then the loader
/// runs over the same pictures with its threads. Times are wall-clock times, so other work on the machine affects them.
#[derive(Parser)]
#[command(after_help = "Examples:
  bench-loader --data my-voc-folder --split train --workers 1
  bench-loader --data shapes:1:500 --json > loader.json

Exit code: 0 done, 1 failed while running, 2 bad usage or bad input.")]
struct Args {
    /// A data set folder, or the generated set: `shapes[:SEED[:COUNT]]`, whose pictures are drawn instead of decoded
    #[arg(long, value_name = "PATH|shapes", required = true)]
    data: Vec<String>,
    /// Format of the data set
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = one_of::<Format>(Format::names()))]
    format: Format,
    /// The split to read
    #[arg(long, value_name = "NAME", default_value = "train")]
    split: String,
    /// How many pictures of the split to take, from its start; all of them if it has fewer
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    /// Threads that prepare pictures
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: u16,
    /// Side of the network's input, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..=4096))]
    input_size: u16,
    /// Seed of order and augmentation
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON document on stdout instead of the table; everything else goes to stderr
    #[arg(long)]
    json: bool,
}

/// The measurements.
#[derive(Serialize)]
struct Report {
    images: usize,
    workers: usize,
    input_size: usize,
    /// Of the whole loader, with all its threads.
    images_per_s: f64,
    /// Milliseconds per picture, in one thread.
    #[serde(serialize_with = "as_object")]
    stages_ms: Stages,
}

/// A time for each stage, by its name:
///
/// - `decode`: reading the file and decoding it;
/// - `expand_crop_flip`: the draws and the moved boxes, no pixel is touched;
/// - `resize`: scaling and normalising the part of the picture that is left;
/// - `photometric`: light and colour, the additional time of the resize.
type Stages = [(&'static str, f64); 4];

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    let mut dataset = data::open(&args.data, args.format, Some(&args.split[..]), None).map_err(Failure::input)?;
    if let Some(report) = dataset.report() {
        console::note(&report.to_string());
    }
    dataset.truncate(args.images as usize);
    let preprocess = Preprocess { input_size: usize::from(args.input_size), normalization: Normalization::CAFFE };
    let dataset = Arc::new(dataset);

    let stages_ms = time_stages(&dataset, &preprocess, args.seed)?;
    let images_per_s = time_loader(&dataset, &preprocess, args)?;
    let (workers, input_size) = (usize::from(args.workers), usize::from(args.input_size));
    let report = Report { images: dataset.len(), workers, input_size, images_per_s, stages_ms };
    if args.json { cli::print_json(&report) } else { cli::print_text(&table(&report)) }
}

fn as_object<S: Serializer>(stages: &Stages, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(stages.iter().copied())
}

/// Milliseconds per picture and stage.
fn time_stages(dataset: &Dataset, preprocess: &Preprocess, seed: u64) -> Result<Stages, Failure> {
    let config = AugmentConfig::default();
    let mut totals = [Duration::ZERO; 4];
    for index in 0..dataset.len() {
        let start = Instant::now();
        let sample = dataset.get(index).map_err(Failure::input)?;
        let decoded = Instant::now();
        let rng = &mut seeded(&[seed, index as u64]);
        let drawn = Augmentation::draw(sample.image.dimensions(), &sample.truths, &config, rng);
        let chosen = Instant::now();
        let size = preprocess.input_size;
        let plain = drawn.view.pixels(&sample.image, &Change::NONE, (size, size), &preprocess.normalization);
        let resized = Instant::now();
        let colored = drawn.pixels(&sample.image, preprocess);
        let done = Instant::now();
        // Keeps the compiler from optimising either away.
        std::hint::black_box((plain, colored));

        let times = [decoded - start, chosen - decoded, resized - chosen, done - resized];
        totals.iter_mut().zip(times).for_each(|(total, time)| *total += time);
    }
    let ms = |time: Duration| time.as_secs_f64() * 1e3 / dataset.len() as f64;
    let [decode, choose, resize, both] = totals.map(ms);
    Ok([("decode", decode), ("expand_crop_flip", choose), ("resize", resize), ("photometric", both - resize)])
}

/// Pictures per second from the loader.
fn time_loader(dataset: &Arc<Dataset>, preprocess: &Preprocess, args: &Args) -> Result<f64, Failure> {
    let config = LoaderConfig {
        batch_size: 16,
        workers: usize::from(args.workers),
        seed: args.seed,
        shuffle: true,
        augment: Some(AugmentConfig::default()),
        preprocess: preprocess.clone(),
    };
    let loader = Loader::new(dataset.clone(), config);
    let start = Instant::now();
    let mut images = 0;
    for batch in loader.epoch(0, 0) {
        images += std::hint::black_box(batch.map_err(Failure::input)?).len();
    }
    Ok(images as f64 / start.elapsed().as_secs_f64())
}

/// The report for people.
fn table(report: &Report) -> String {
    let Report { images, workers, input_size, images_per_s, stages_ms } = report;
    let threads = if *workers == 1 { "thread" } else { "threads" };
    let mut text = format!("{images} pictures to {input_size}x{input_size}\nms per picture, in one thread:\n");
    for (name, ms) in stages_ms {
        text += &format!("  {:<20}{ms:>8.3}\n", name.replace('_', ", "));
    }
    text + &format!("{images_per_s:.1} images/s from the loader with {workers} {threads}\n")
}
