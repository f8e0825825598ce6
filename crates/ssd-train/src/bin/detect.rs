//! `detect`: the objects in pictures, as text, as JSON, or drawn into copies of them.
//!
//! Outline: find the pictures → load the detector → threads read pictures, this one detects and reports, others draw.
//! This file is the command line; the work is done in `ssd_data::{images, draw}` and `ssd_train::detect`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use image::RgbImage;
use indicatif::ProgressBar;
use ssd::postprocess::DetectParams;
use ssd_data::images;
use ssd_train::cli;
use ssd_train::console;
use ssd_train::detect::detector::Detector;
use ssd_train::detect::drawn::Drawn;
use ssd_train::detect::engine::EngineArgs;
use ssd_train::detect::files::{self, How};
use ssd_train::detect::nms::NmsName;
use ssd_train::detect::predictions::Predictions;
use ssd_train::detect::report::ImageReport;
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
    let tracks = Tracks::new(&args.tracks, params.score)?;
    if let Some(tracks) = &tracks {
        params.score = params.score.min(tracks.least_score());
    }
    let drawn = args.annotate.as_deref().map(|folder| Drawn::new(folder, &paths)).transpose()?;
    console::note(&format!("{} on {}", args.weights.display(), detector.device_name()));

    let mut output = Output {
        detector: &detector,
        tracks,
        drawn,
        json: args.json.then(cli::JsonList::default),
        predictions: args.save_predictions.is_some().then(Predictions::default),
        progress: console::picture_bar(paths.len(), "detecting"),
        bad: 0,
        failed: 0,
    };
    let started = Instant::now();
    let progress = output.progress.clone();
    let how = How {
        detector: &detector,
        params: &params,
        tiles: args.tiles.tiles,
        window: &|done, all| progress.set_message(format!("window {done} of {all}")),
    };
    let done = files::detect(&paths, &how, &mut |path, result| output.take(path, result));
    output.end()?;
    done?;
    if paths.len() > 1 {
        console::note(&console::pace(paths.len(), started.elapsed()));
    }
    output.finish(args, paths.len())
}

/// Where results go.
struct Output<'a> {
    detector: &'a Detector,
    tracks: Option<Tracks>,
    drawn: Option<Drawn>,
    /// Else it is text.
    json: Option<cli::JsonList>,
    predictions: Option<Predictions>,
    progress: ProgressBar,
    /// Pictures that could not be read.
    bad: usize,
    /// Pictures whose detection failed.
    failed: usize,
}

impl Output<'_> {
    /// The result of the next picture.
    fn take(&mut self, path: &Path, result: Result<(RgbImage, ImageReport), Failure>) -> Result<(), Failure> {
        match result {
            Ok((picture, report)) => self.found(path, picture, report)?,
            Err(error) => {
                let (message, count) = match &error {
                    Failure::Input(message) => (message, &mut self.bad),
                    Failure::Run(message) => (message, &mut self.failed),
                };
                self.progress.suspend(|| console::complain(message));
                *count += 1;
                if let Some(tracks) = &mut self.tracks {
                    tracks.skip();
                }
            }
        }
        self.progress.inc(1);
        Ok(())
    }

    fn found(&mut self, path: &Path, picture: RgbImage, mut report: ImageReport) -> Result<(), Failure> {
        if let Some(tracks) = &mut self.tracks {
            report.number(tracks, &self.detector.header().labels)?;
        }
        if let Some(note) = &report.note {
            self.progress.suspend(|| console::note(&format!("{}: {note}", report.image)));
        }
        if let Some(predictions) = &mut self.predictions {
            predictions.add(&picture, self.detector)?;
        }
        if let Some(drawn) = &mut self.drawn {
            drawn.write(path, picture, &report)?;
        }
        match &mut self.json {
            Some(list) => list.push(&report),
            None => self.progress.suspend(|| cli::print_text(&report.readable())),
        }
    }

    /// Ends the JSON document and the pictures, which are whole after a failure, too.
    fn end(&mut self) -> Result<(), Failure> {
        self.progress.finish_and_clear();
        let drawn = self.drawn.take().map_or(Ok(()), Drawn::finish);
        self.json.take().map_or(Ok(()), cli::JsonList::finish)?;
        drawn
    }

    /// Writes the other files. Fails if no picture could be read, or detection failed in one.
    fn finish(self, args: &Args, all: usize) -> Result<(), Failure> {
        if let (Some(path), Some(predictions)) = (&args.save_predictions, &self.predictions) {
            predictions.write(path)?;
        }
        if let Some(tracks) = &self.tracks {
            console::note(&tracks.finish(&self.detector.header().labels)?);
        }
        let (bad, failed) = (self.bad, self.failed);
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
