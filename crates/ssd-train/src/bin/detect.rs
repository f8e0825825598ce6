//! `detect`: the objects in pictures, as text, as JSON, or drawn into copies of them.
//!
//! Outline: find the pictures → load the detector → read, detect, report and draw each picture. This file is the
//! command line; the work is done in `ssd_data::{images, draw}` and `ssd_train::detect`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use image::{ImageFormat, RgbImage};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use ssd::postprocess::DetectParams;
use ssd_data::draw::{Labelled, annotate};
use ssd_data::images;
use ssd_train::cli;
use ssd_train::console;
use ssd_train::detect::detector::Detector;
use ssd_train::detect::engine::EngineArgs;
use ssd_train::detect::nms::NmsName;
use ssd_train::detect::report::{DetectionReport, ImageReport, TimingReport};
use ssd_train::detect::tiled::{self, TileArgs};
use ssd_train::detect::tracks::{TrackArgs, Tracks};
use ssd_train::device::choice::DeviceChoice;
use ssd_train::failure::Failure;

/// Detect objects in pictures.
///
/// Prints the objects, best first; boxes are in pixels of the upright picture (EXIF orientation applied). A picture
/// that does not decode is reported on stderr and counted, and the others are still processed; if all are such, the
/// exit code is 2.
#[derive(Parser)]
#[command(after_help = "Examples:
  detect --weights best.safetensors street.jpg
  detect --weights best.safetensors --score 0.3 --classes person,dog --annotate drawn/ holiday/
  detect --weights best.safetensors --json street.jpg > street.json
  detect --weights best.safetensors --track --fps 25 --save-tracks tracks.csv frames/

Exit code: 0 done, 1 failed while running, 2 bad usage or bad input.")]
struct Args {
    /// Pictures, and folders of pictures (JPEG, PNG, BMP, GIF, WebP, TIFF; subfolders are not searched)
    #[arg(required = true, value_name = "IMAGE|DIR")]
    inputs: Vec<PathBuf>,
    /// A weights file written by `train`
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// Least score to show, 0 to 1 [default: the weights file's, usually 0.5]
    #[arg(long, value_name = "X")]
    score: Option<f32>,
    /// IoU above which the worse of two boxes of a class is suppressed, 0 to 1 [default: the file's, usually 0.45]
    #[arg(long, value_name = "X")]
    iou: Option<f32>,
    /// What happens to an overlapping box: removed, or lowered in score
    #[arg(long, value_enum, default_value = "hard")]
    nms: NmsName,
    /// Candidates per class for NMS [default: the weights file's, usually 400]
    #[arg(long, value_name = "N")]
    top_k: Option<usize>,
    /// Most detections per picture [default: the weights file's, usually 200]
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    /// Only these classes, by name, separated by commas [default: all]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    classes: Option<Vec<String>>,
    /// Write a copy of each picture with its boxes into this folder, as JPEG for a JPEG, else as PNG
    #[arg(long, value_name = "DIR")]
    annotate: Option<PathBuf>,
    /// Write the network's raw predictions into this safetensors file, for comparing with other implementations:
    /// `0.offsets` [priors, 4] and `0.logits` [priors, classes] for the first picture, and so on
    #[arg(long, value_name = "FILE")]
    save_predictions: Option<PathBuf>,
    /// Where to compute: auto, wgpu, vulkan, metal, cuda or cpu, with :INDEX for any but the first
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceChoice,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    tiles: TileArgs,
    #[command(flatten)]
    tracks: TrackArgs,
    /// Print one JSON document on stdout, everything else on stderr; times are in milliseconds
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    let paths = images::find(&args.inputs).map_err(Failure::input)?;
    let detector =
        Detector::load(&args.weights, &args.device, args.engine, args.tiles.tiles.map_or(1, |_| tiled::BATCH))?;
    let mut params = params(args, &detector)?;
    let mut tracks = Tracks::new(&args.tracks, params.score)?;
    if let Some(tracks) = &tracks {
        params.score = params.score.min(tracks.least_score());
    }
    let mut drawn = args.annotate.as_deref().map(|folder| Drawn::new(folder, &paths)).transpose()?;
    console::note(&format!("{} on {}", args.weights.display(), detector.device_name()));

    let progress = console::progress_bar(paths.len(), "detecting");
    let (mut reports, mut bad, mut failed) = (Vec::new(), 0_usize, 0_usize);
    let mut predictions = Predictions::default();
    for path in &paths {
        let mut say = |done, all| progress.set_message(format!("window {done} of {all}"));
        match detect_one(path, &detector, &params, args.tiles, &mut say) {
            Ok((picture, mut report)) => {
                if let Some(tracks) = &mut tracks {
                    report.number(tracks, &detector.header().labels)?;
                }
                if let Some(note) = &report.note {
                    progress.suspend(|| console::note(&format!("{}: {note}", report.image)));
                }
                if args.save_predictions.is_some() {
                    predictions.add(&picture, &detector)?;
                }
                if let Some(drawn) = &mut drawn {
                    drawn.write(path, picture, &report)?;
                }
                if !args.json {
                    progress.suspend(|| cli::print_text(&report.readable()))?;
                }
                reports.push(report);
            }
            Err(error) => {
                let (message, count) = match &error {
                    Failure::Input(message) => (message, &mut bad),
                    Failure::Run(message) => (message, &mut failed),
                };
                progress.suspend(|| console::complain(message));
                *count += 1;
                if let Some(tracks) = &mut tracks {
                    tracks.skip();
                }
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    if let Some(path) = &args.save_predictions {
        predictions.write(path)?;
    }
    if let Some(tracks) = &tracks {
        console::note(&tracks.finish(&detector.header().labels)?);
    }
    if args.json {
        cli::print_json(&reports)?;
    }
    let all = paths.len();
    match (failed, bad) {
        (0, 0) => Ok(()),
        (0, _) if bad == all => {
            Err(Failure::Input(format!("none of {all} pictures could be read, as reported above.")))
        }
        (0, _) => {
            console::note(&format!("{bad} of {all} pictures could not be read, as reported above."));
            Ok(())
        }
        _ => Err(Failure::Run(format!("{} of {all} pictures failed, as reported above.", failed + bad))),
    }
}

/// The parameters of the weights file, overridden by those given.
fn params(args: &Args, detector: &Detector) -> Result<DetectParams, Failure> {
    let header = detector.header();
    let classes = args.classes.as_deref().map(|names| class_indices(names, &header.labels)).transpose()?;
    let params = DetectParams {
        score: args.score.unwrap_or(header.score),
        iou: args.iou.unwrap_or(header.iou),
        top_k: args.top_k.unwrap_or(header.top_k),
        max: args.max.unwrap_or(header.max),
        nms: args.nms.into(),
        classes,
    };
    params.checked(header.labels.len() + 1).map_err(Failure::input)
}

/// Class names as 1-based classes.
fn class_indices(names: &[String], labels: &[String]) -> Result<Vec<usize>, Failure> {
    let index = |name: &String| {
        let found = labels.iter().position(|label| label == name.trim());
        found.map(|i| i + 1).ok_or_else(|| {
            Failure::Input(format!(
                "--classes names \"{name}\", which is not a class of this model; its classes are {}.",
                labels.join(", ")
            ))
        })
    };
    names.iter().map(index).collect()
}

/// Reads a picture and detects; a picture that cannot be read is bad input.
fn detect_one(
    path: &Path,
    detector: &Detector,
    params: &DetectParams,
    tiles: TileArgs,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(RgbImage, ImageReport), Failure> {
    let start = Instant::now();
    let (picture, note) = images::read_noted(path).map_err(Failure::input)?;
    let decode_image_ms = start.elapsed().as_secs_f64() * 1e3;
    let found = match tiles.tiles {
        Some(tiles) => tiled::detect(detector, &picture, params, (tiles, tiled::BATCH), progress),
        None => detector.detect(&picture, params),
    };
    let (detections, timing) = found.map_err(|e| Failure::Run(format!("{}: {e}", path.display())))?;
    let total_ms = start.elapsed().as_secs_f64() * 1e3;

    let (width, height) = picture.dimensions();
    let labels = &detector.header().labels;
    let detections = detections.iter().map(|d| DetectionReport::new(d, labels, (width, height))).collect();
    let timing_ms = TimingReport::new(decode_image_ms, &timing, total_ms);
    Ok((picture, ImageReport { image: path.display().to_string(), width, height, detections, timing_ms, note }))
}

/// The network's predictions for each picture: name in the file, shape and bytes.
#[derive(Default)]
struct Predictions(Vec<(String, [usize; 2], Vec<u8>)>);

impl Predictions {
    fn add(&mut self, picture: &RgbImage, detector: &Detector) -> Result<(), Failure> {
        let (offsets, logits) = detector.predict(picture)?;
        let priors = offsets.len() / 4;
        let index = self.0.len() / 2;
        for (what, values) in [("offsets", offsets), ("logits", logits)] {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.0.push((format!("{index}.{what}"), [priors, values.len() / priors.max(1)], bytes));
        }
        Ok(())
    }

    fn write(&self, path: &Path) -> Result<(), Failure> {
        let views = self.0.iter().map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.to_vec(), bytes).map(|view| (name.as_str(), view))
        });
        let views: Result<Vec<_>, _> = views.collect();
        let bytes = views.and_then(|views| safetensors::serialize(views, None)).map_err(Failure::run)?;
        Ok(ssd_data::write_atomic(path, &bytes)?)
    }
}

/// The folder of annotated pictures. Neither inputs nor other annotated pictures of the same name are overwritten.
struct Drawn {
    folder: PathBuf,
    taken: HashSet<PathBuf>,
}

impl Drawn {
    fn new(folder: &Path, inputs: &[PathBuf]) -> Result<Self, Failure> {
        let failed = |e: std::io::Error| {
            Failure::Input(format!("{} cannot hold annotated pictures: {e}; choose another folder.", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        Ok(Self { folder, taken: inputs.iter().filter_map(|path| path.canonicalize().ok()).collect() })
    }

    fn write(&mut self, input: &Path, mut picture: RgbImage, report: &ImageReport) -> Result<(), Failure> {
        let boxes: Vec<Labelled> = report.detections.iter().map(DetectionReport::labelled).collect();
        annotate(&mut picture, &boxes);
        let format = match ImageFormat::from_path(input) {
            Ok(ImageFormat::Jpeg) => ImageFormat::Jpeg,
            _ => ImageFormat::Png,
        };
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture
            .write_to(&mut bytes, format)
            .map_err(|e| Failure::Run(format!("{} cannot be annotated: {e}.", input.display())))?;
        ssd_data::write_atomic(&self.free_path(input, format), bytes.get_ref())?;
        Ok(())
    }

    /// The input's stem in the folder, followed by a number if that name is taken.
    fn free_path(&mut self, input: &Path, format: ImageFormat) -> PathBuf {
        let stem = input.file_stem().unwrap_or_default().to_string_lossy();
        let extension = if format == ImageFormat::Jpeg { "jpg" } else { "png" };
        let mut path = self.folder.join(format!("{stem}.{extension}"));
        let mut number = 2;
        while !self.taken.insert(path.clone()) {
            path = self.folder.join(format!("{stem}-{number}.{extension}"));
            number += 1;
        }
        path
    }
}
