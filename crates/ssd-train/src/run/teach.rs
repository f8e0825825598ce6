//! `train --recipe teach`: pictures → features → steps of the heads → the files in `--out`. The learning is
//! [`ssd_teach`], as in the page; here are its files, its progress and its words.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ssd_data::{Dataset, write_atomic};
use ssd_measure::Report;
use ssd_measure::charts::curves;
use ssd_teach::{Exam, Lesson, Role, TeachConfig, TeachError};

use crate::console;
use crate::exchange::init::Start;
use crate::failure::Failure;
use crate::run::config::{TrainArgs, TrainConfig};
use crate::run::data;
use crate::run::folder::{self, no_out};
use crate::run::interrupt::stop_flag;
use crate::run::metrics::{Metrics, MetricsError, StepLine, ValidationLine};
use crate::run::origin::provenance;
use crate::run::state::State;

/// Where heads learn.
const DEVICE: &str = "CPU";

/// Teaches the detector that `start` holds.
pub(super) fn run(args: &TrainArgs, config: &TrainConfig, start: Option<Start>) -> Result<Report, Failure> {
    refuse_others(args, config)?;
    let out = args.out.as_deref().ok_or_else(no_out)?;
    let start = start.filter(|start| start.header(config.arch).is_some()).ok_or_else(|| {
        Failure::Input(
            "--recipe teach starts from a detector; name its weights file with --init, such as \
             web/models/voc.safetensors."
                .into(),
        )
    })?;
    let train = data::open_train(config)?;
    let val = data::open_val(config, &train)?;
    folder::refuse_other_run(out)?;

    let file = start.detector_file().map_err(Failure::input)?;
    let teaching = TeachConfig {
        keep_classes: config.keep_classes,
        steps: config.steps.unwrap_or(TeachConfig::default().steps),
        batch_size: config.batch_size,
        seed: config.seed,
        learn: config.learn.clone(),
        ..TeachConfig::default()
    };
    let mut lesson = Lesson::new(file, train.labels(), teaching).map_err(failure)?;
    console::note(&format!("Teaching the heads of {}: {}.", config.arch, lesson.labels().join(", ")));
    look(&mut lesson, &train, Role::Lesson)?;
    look(&mut lesson, &val, Role::Exam)?;

    folder::make_folder(out)?;
    folder::save_config(out, config)?;
    let steps = learn(&mut lesson, config, out)?;
    let report = finish(&lesson, config, steps, out)?;
    data::warn([&train, &val]);
    Ok(report)
}

/// Refuses what a lesson of seconds does not have, lest it be ignored.
fn refuse_others(args: &TrainArgs, config: &TrainConfig) -> Result<(), Failure> {
    let given = [
        (args.resume, "--resume"),
        (args.show_batch.is_some(), "--show-batch"),
        (args.tensorboard, "--tensorboard"),
        (args.profile.is_some(), "--profile"),
        (args.stop_after.is_some(), "--stop-after"),
        (args.run.epochs.is_some(), "--epochs"),
        (config.accumulate > 1, "--accumulate"),
        (args.run.freeze.is_some(), "--freeze"),
        (!["auto", "cpu"].contains(&args.device.to_string().as_str()), "--device"),
    ];
    match given.iter().find(|(given, _)| *given) {
        Some((_, flag)) => Err(Failure::Input(format!("{flag} does not go with --recipe teach; leave it out."))),
        None => Ok(()),
    }
}

/// Computes the features of all views.
fn look(lesson: &mut Lesson, pictures: &Dataset, role: Role) -> Result<(), Failure> {
    let of = if role == Role::Lesson { "features" } else { "features to measure on" };
    let bar = console::progress_bar(pictures.len(), of);
    for index in 0..pictures.len() {
        let sample = pictures.get(index).map_err(Failure::input)?;
        lesson.open(sample.image, &sample.truths, role);
        while lesson.look().map_err(failure)? > 0 {}
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Takes all steps, or those until Ctrl-C. Returns how many.
fn learn(lesson: &mut Lesson, config: &TrainConfig, out: &Path) -> Result<usize, Failure> {
    let mut metrics = Metrics::open(&out.join("metrics.jsonl"), &State::default()).map_err(Failure::run)?;
    let bar = console::progress_bar(config.steps.unwrap_or_default(), "learning");
    let stop = stop_flag();
    let mut step = 0;
    while !lesson.is_over() && !stop.load(Ordering::Relaxed) {
        let (begun, lr) = (Instant::now(), lesson.lr());
        let [loss_box, loss_class] = lesson.step().map_err(failure)?;
        step += 1;
        let images_per_s = config.batch_size as f64 / begun.elapsed().as_secs_f64();
        let loss = loss_box + loss_class;
        let line = StepLine { step, epoch: 1, loss, loss_box, loss_class, lr, images_per_s };
        metrics.push(&line).map_err(Failure::run)?;
        bar.set_message(format!("loss {loss:.3}, {images_per_s:.0} views/s"));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(step)
}

/// Measures, and writes the weights files and the curves.
fn finish(lesson: &Lesson, config: &TrainConfig, step: usize, out: &Path) -> Result<Report, Failure> {
    let Exam { report, .. } = lesson.exam();
    let line = ValidationLine {
        epoch: 1,
        step,
        map_voc07: report.voc07_11pt,
        map_voc: report.voc_all_point,
        map_coco: report.coco.ap,
    };
    let measured = match line.map_voc {
        Some(map) => format!("VOC all-point mAP {map:.4} at IoU 0.5 on {} pictures held out", report.images),
        None => "none: the pictures held out have no objects".into(),
    };
    console::note(&format!("Measured: {measured}."));
    let file = lesson.file(ssd::weights::Provenance { metric: measured, ..provenance(config, DEVICE) });
    let file = file.map_err(failure)?;
    for name in ["last.safetensors", "best.safetensors"] {
        write_atomic(&out.join(name), &file)?;
    }
    let path = out.join("metrics.jsonl");
    let appended = Metrics::open(&path, &State { step, epoch: 1, ..State::default() });
    appended.and_then(|mut metrics| metrics.push(&line)).map_err(|error: MetricsError| Failure::run(error))?;
    if let Err(error) = curves::write_curves(&path, &out.join("curves.png")) {
        console::complain(&error.to_string());
    }
    Ok(report)
}

/// What was given is the user's to correct; a loss that is not finite came up while running.
fn failure(error: TeachError) -> Failure {
    match error {
        TeachError::Diverged(..) => Failure::run(error),
        _ => Failure::input(error),
    }
}
