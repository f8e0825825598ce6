//! `eval`: how well a model, or a file of detections, agrees with the ground truth.
//!
//! Outline: gather one result per picture, from a model or from two COCO files → measure → print and draw. This file is
//! the command line; definitions are in `ssd_measure`, drawing in `ssd_measure::charts`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ssd::postprocess::DetectParams;
use ssd_data::{self as data, CocoIds, Dataset, Format, Id, LoadReport};
use ssd_learn::classes::renamed;
use ssd_measure::charts;
use ssd_measure::confusion::Confusion;
use ssd_measure::precision_recall::class_curves;
use ssd_measure::{ImageResult, coco_files, evaluate};
use ssd_train::arguments::one_of;
use ssd_train::cli;
use ssd_train::console;
use ssd_train::detect::detector::Detector;
use ssd_train::detect::engine::EngineArgs;
use ssd_train::detect::nms::NmsName;
use ssd_train::detect::set;
use ssd_train::detect::tiled::TileArgs;
use ssd_train::device::choice::DeviceChoice;
use ssd_train::failure::Failure;

/// Measure detections against the ground truth: Pascal VOC mAP (11-point and all-point) and COCO AP and AR.
///
/// Runs a model over a data set, or measures detections that another program wrote. Objects marked difficult and crowds
/// count neither as found nor as missed. In JSON, values are 0 to 1, or null if there are no objects of that kind.
#[derive(Parser)]
#[command(after_help = "Examples:
  eval --weights best.safetensors --data VOCdevkit/VOC2007 --split test
  eval --weights best.safetensors --data shapes:1 --json > measured.json
  eval --ground-truth instances_val2017.json --detections results.json
  eval --weights best.safetensors --data shapes:1 --curves curves.png --confusion confusion.png

Exit code: 0 done, 1 failed while running, 2 bad usage or bad input.")]
struct Args {
    /// A weights file written by `train`
    #[arg(long, value_name = "FILE", requires = "data", required_unless_present = "ground_truth")]
    weights: Option<PathBuf>,
    /// The data set: a folder (repeat for several), or `shapes[:SEED[:COUNT]]` for the generated one
    #[arg(long, value_name = "PATH|shapes", requires = "weights")]
    data: Vec<String>,
    /// Format of the data set
    #[arg(
        long,
        value_name = "NAME",
        default_value = "auto",
        value_parser = one_of::<Format>(Format::names()),
        conflicts_with = "ground_truth"
    )]
    format: Format,
    /// Part of the data set, such as train or val [default: val for shapes, else every picture]
    #[arg(long, value_name = "NAME", conflicts_with = "ground_truth")]
    split: Option<String>,
    /// A COCO ground truth (instances_*.json), to measure --detections against without running a model
    #[arg(long, value_name = "COCO.json", requires = "detections", conflicts_with_all = ["weights", "data"])]
    ground_truth: Option<PathBuf>,
    /// Detections in COCO results format: a list of image_id, category_id, bbox [x, y, width, height] in pixels, score
    #[arg(long, value_name = "RESULTS.json", requires = "ground_truth")]
    detections: Option<PathBuf>,
    /// Write the model's detections in COCO results format. A COCO data set has its own image_id and category_id; else
    /// category_id is the class from 1, image_id the picture's name if all names are numbers, else its position from 1
    #[arg(long, value_name = "FILE", requires = "weights")]
    save_detections: Option<PathBuf>,
    /// Draw precision over recall at IoU 0.5 as PNG: thin lines for classes, a thick one for their mean, with APs
    #[arg(long, value_name = "FILE")]
    curves: Option<PathBuf>,
    /// Draw which class is mistaken for which as PNG: rows are objects, columns detections. Detections are taken best
    /// first; each is assigned to the free object, of any class, that it overlaps most, if by IoU 0.5 or more
    #[arg(long, value_name = "FILE")]
    confusion: Option<PathBuf>,
    /// Least score of a detection in the picture of --confusion, 0 to 1; affects nothing else
    #[arg(long, value_name = "X", default_value_t = 0.5, requires = "confusion")]
    confusion_score: f64,
    /// Least score of a detection, 0 to 1; a higher value cuts off the end of the curve and lowers the measures
    #[arg(long, value_name = "X", default_value_t = 0.01, conflicts_with = "ground_truth")]
    score: f32,
    /// IoU above which the worse of two boxes of a class is suppressed, 0 to 1
    #[arg(long, value_name = "X", default_value_t = 0.45, conflicts_with = "ground_truth")]
    iou: f32,
    /// What happens to an overlapping box: removed, or lowered in score
    #[arg(long, value_enum, default_value = "hard", conflicts_with = "ground_truth")]
    nms: NmsName,
    /// Candidates per class for NMS
    #[arg(long, value_name = "N", default_value_t = 400, conflicts_with = "ground_truth")]
    top_k: usize,
    /// Most detections per picture
    #[arg(long, value_name = "N", default_value_t = 200, conflicts_with = "ground_truth")]
    max: usize,
    /// Where to compute: auto, wgpu, vulkan, metal, cuda or cpu, with :INDEX for any but the first
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceChoice,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    tiles: TileArgs,
    /// Pictures that pass through the network at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    #[arg(conflicts_with = "ground_truth")]
    batch: u16,
    /// Print one JSON document on stdout instead of the table; everything else goes to stderr
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<(), Failure> {
    if !(0.0..=1.0).contains(&args.confusion_score) {
        return Err(Failure::Input(format!("--confusion-score is {}; choose 0 to 1.", args.confusion_score)));
    }
    check_places(args)?;
    let Measured { images, labels, warning } = match (&args.weights, &args.ground_truth, &args.detections) {
        (Some(weights), ..) if !args.data.is_empty() => run_model(args, weights)?,
        (_, Some(ground_truth), Some(detections)) => read_files(ground_truth, detections)?,
        _ => {
            return Err(Failure::Input("Give --weights with --data, or --ground-truth with --detections.".to_owned()));
        }
    };
    let report = evaluate(&images, &labels);
    // Before the charts, so that a full disk does not lose the numbers.
    if args.json {
        cli::print_json(&report)?
    } else {
        cli::print_text(&format!("{report}\n"))?
    }
    draw(args, &images, &labels)?;
    // Last, where it is seen.
    warning.iter().for_each(|warning| console::note(warning));
    Ok(())
}

/// Notices a missing folder before a model has run for an hour.
fn check_places(args: &Args) -> Result<(), Failure> {
    for file in [&args.save_detections, &args.curves, &args.confusion].into_iter().flatten() {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if file.is_dir() {
            return Err(Failure::Input(format!("{} is a folder; name a file in it.", file.display())));
        }
        if !folder.is_dir() {
            let sentence = "cannot be written: its folder is missing; create the folder or choose another place.";
            return Err(Failure::Input(format!("{} {sentence}", file.display())));
        }
    }
    Ok(())
}

/// Draws the charts asked for.
fn draw(args: &Args, images: &[ImageResult], labels: &[String]) -> Result<(), Failure> {
    if let Some(path) = &args.curves {
        charts::precision_recall::write_precision_recall(path, &class_curves(images, labels)).map_err(Failure::run)?;
    }
    if let Some(path) = &args.confusion {
        let confusion = Confusion::count(images, labels.len(), args.confusion_score);
        charts::confusion::write_confusion(path, &confusion, labels, args.confusion_score).map_err(Failure::run)?;
    }
    Ok(())
}

/// What is measured.
struct Measured {
    images: Vec<ImageResult>,
    labels: Vec<String>,
    /// If much of the data is left out.
    warning: Option<String>,
}

/// One result per picture, from two files of another program.
fn read_files(ground_truth: &Path, detections: &Path) -> Result<Measured, Failure> {
    let mut truth = coco_files::read_ground_truth(ground_truth).map_err(Failure::input)?;
    let left_out = coco_files::read_detections(detections, ground_truth, &mut truth).map_err(Failure::input)?;
    if truth.skipped > 0 {
        console::note(&format!(
            "{} annotations left out: unknown picture or category, or an invalid box.",
            truth.skipped
        ));
    }
    if left_out.foreign > 0 {
        let count = left_out.foreign;
        console::note(&format!("{count} detections left out: their category is not in the ground truth."));
    }
    if left_out.invalid > 0 {
        let count = left_out.invalid;
        console::note(&format!("{count} detections left out: without picture, category, box or score."));
    }
    Ok(Measured { images: truth.images, labels: truth.labels, warning: None })
}

/// One result per picture, from a model run over a data set.
fn run_model(args: &Args, weights: &Path) -> Result<Measured, Failure> {
    let batch = usize::from(args.batch);
    let detector = Detector::load(weights, &args.device, args.engine, batch)?;
    let Opened { set, labels, known } = open(args, &detector.header().labels)?;
    let params = DetectParams {
        score: args.score,
        iou: args.iou,
        top_k: args.top_k,
        max: args.max,
        nms: args.nms.into(),
        classes: known,
    };
    let params = params.checked(labels.len() + 1).map_err(Failure::input)?;
    if let Some(report) = set.report() {
        console::note(&report.to_string());
    }
    console::note(&format!("{} on {}", weights.display(), detector.device_name()));

    let progress = console::picture_bar(set.len(), "detecting");
    let started = Instant::now();
    let how = set::How { detector: &detector, params: &params, tiles: args.tiles.tiles, batch };
    let images = set::detect(&set, &how, &|| progress.inc(1))?;
    progress.finish_and_clear();
    console::note(&console::pace(images.len(), started.elapsed()));
    if let Some(path) = &args.save_detections {
        coco_files::write_detections(path, &images, &set.coco_ids().unwrap_or_else(|| made_up_ids(&set)))?;
    }
    let warning = set.report().and_then(LoadReport::warning);
    Ok(Measured { images, labels, warning })
}

/// What is measured on.
struct Opened {
    set: Dataset,
    /// The model's classes, by the names that the data give them.
    labels: Vec<String>,
    /// Those of them that the data know, if not all: a model of COCO's classes is measured on Pascal VOC's.
    known: Option<Vec<usize>>,
}

/// The data, for a model of these classes.
fn open(args: &Args, labels: &[String]) -> Result<Opened, Failure> {
    let generated = args.data.iter().any(|data| data::is_generated(data));
    let split = args.split.as_deref().or(generated.then_some("val"));
    let open = |labels: Option<&[String]>| data::open(&args.data, args.format, split, labels);
    if let Ok(set) = open(Some(labels)) {
        return Ok(Opened { set, labels: labels.to_vec(), known: None });
    }
    let (named, known) = renamed(labels, open(None).map_err(Failure::input)?.labels());
    let set = open(Some(&named)).map_err(Failure::input)?;
    console::note(&format!(
        "The data know {} of the model's {} classes: these are measured.",
        known.len(),
        named.len()
    ));
    Ok(Opened { set, labels: named, known: Some(known) })
}

/// Ids for COCO files of a data set without any: the pictures' names if these are distinct numbers, else their
/// positions from 1; the classes unchanged.
fn made_up_ids(set: &Dataset) -> CocoIds {
    let by_name: Option<Vec<i64>> = (0..set.len()).map(|i| set.name(i).parse().ok()).collect();
    let different = |ids: &Vec<i64>| ids.iter().collect::<HashSet<_>>().len() == ids.len();
    let images = by_name.filter(different).unwrap_or_else(|| (1..=set.len() as i64).collect());
    let ids = |numbers: Vec<i64>| numbers.into_iter().map(Id::Number).collect();
    CocoIds { images: ids(images), categories: ids((1..=set.labels().len() as i64).collect()) }
}
