//! A whole `train` run: from the arguments to the files in `--out`. The order of things, no arithmetic.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ssd::loss::ClassLoss;
use ssd::weights::{Header, Provenance};
use ssd_data::DataError;
use ssd_learn::Learner;
use ssd_learn::learner::loss;
use ssd_learn::surgery::fresh;
use ssd_measure::Report;

use crate::console;
use crate::device::lent;
use crate::device::open::{self as device, OpenDevice};
use crate::device::replicas::Replicas;
use crate::exchange::init::Start;
use crate::failure::Failure;
use crate::run::checkpoint::{self, CheckpointError};
use crate::run::config::{Recipe, TrainArgs, TrainConfig};
use crate::run::data;
use crate::run::folder::{self, checkpoints, no_out};
use crate::run::interrupt::stop_flag;
use crate::run::origin::provenance;
use crate::run::profile::Profile;
use crate::run::state::{State, Subject};
use crate::run::teach;
use crate::run::trainer::{Outcome, TrainError, Trainer};
use crate::run::validate::ValidateError;

/// The result of `train`.
#[derive(Debug)]
pub enum Done {
    /// It drew the first batch into these files, for `--show-batch`.
    Drew(Vec<PathBuf>),
    /// It learned; the last validation, if there was one.
    Learned(Option<Report>),
}

/// Runs `train`.
///
/// # Errors
/// A sentence with its exit code.
pub fn train(args: &TrainArgs) -> Result<Done, Failure> {
    let (own, opened) = (args.clone(), Arc::new(AtomicBool::new(false)));
    let are_open = opened.clone();
    lent::guarded(&args.device.lenders(), &are_open, move || run(&own, &opened)).map_err(Failure::run)?
}

/// Sets `are_open` once the devices are open.
fn run(args: &TrainArgs, are_open: &AtomicBool) -> Result<Done, Failure> {
    if args.out.is_none() && args.show_batch.is_none() {
        return Err(no_out());
    }
    let (config, start) = settings(args)?;
    if config.recipe == Some(Recipe::Teach) {
        return teach::run(args, &config, start).map(|report| Done::Learned(Some(report)));
    }
    let train = data::open_train(&config)?;
    let header = header(&config, train.labels())?;
    let learning = data::learning(&train, args, &config, &header);
    if let Some(folder) = &args.show_batch {
        return data::show_batch(&learning, &header, folder).map(Done::Drew);
    }
    let val = data::open_val(&config, &train)?;
    let measuring = data::measuring(&val, args, &config, &header);
    let out = args.out.as_deref().ok_or_else(no_out)?;
    if !args.resume {
        folder::refuse_other_run(out)?;
    }

    let (main, others) = open_devices(args)?;
    are_open.store(true, Ordering::Relaxed);
    let header = Header { provenance: provenance(&config, &main.name), ..header };
    let replicas = Replicas::new(others, |device| loss(&config.learn, &header, device)).map_err(Failure::run)?;
    let learner = first_learner(&config, start.as_ref(), args.resume, &header, &main)?;
    let profile = Profile::new(args.profile.as_deref()).map_err(Failure::input)?;
    let subject = Subject::of(&train);
    let (learner, state) = if args.resume {
        resumed(out, learner, subject).map_err(|error| failure(error.into()))?
    } else {
        // Its metrics are the first file in the folder.
        folder::make_folder(out)?;
        (learner, State { subject, ..State::default() })
    };
    let trainer = Trainer::new(state, config.clone(), header, learner, replicas, out, profile).map_err(failure)?;
    let trainer = trainer.with_gpu(main.gpu.clone());
    let trainer = if args.tensorboard { trainer.with_events().map_err(failure)? } else { trainer };
    // Only now: a checkpoint that does not fit leaves the folder unchanged.
    folder::save_config(out, &config)?;

    let stop_after = args.stop_after.map_or(usize::MAX, |epochs| epochs as usize);
    let outcome = trainer.run(&learning, &measuring, stop_after, &stop_flag()).map_err(|error| match error {
        // A lent device may have failed because its lender has gone.
        TrainError::Device(..) => lent::gone(&args.device.lenders()).map_or_else(|| failure(error), Failure::run),
        error => failure(error),
    })?;
    data::warn([&train, &val]);
    Ok(reported(outcome))
}

/// The settings of the run, and the file it starts from: a detector there brings its priors and its normalisation, for
/// which its heads and trunk were trained, its scores unless a class loss was asked for, and its network unless that
/// was. A resumed run needs no such file.
fn settings(args: &TrainArgs) -> Result<(TrainConfig, Option<Start>), Failure> {
    if let (Some(out), true) = (&args.out, args.resume) {
        return Ok((TrainConfig::resumed(args, out)?, None));
    }
    let mut start = None;
    let mut config = TrainConfig::new(args, |path| {
        let opened = start.insert(Start::open(path).map_err(Failure::input)?);
        Ok(opened.detector())
    })?;
    let found = start.as_ref().and_then(|start| start.header(config.arch));
    (config.priors, config.normalization) = found.map(|found| (found.priors.clone(), found.normalization)).unzip();
    let scores = found.map_or(config.arch.scores(), |found| found.score_activation);
    config.learn.class_loss = config.learn.class_loss.or(Some(ClassLoss::of(scores)));
    Ok((config, start))
}

/// The header of the detector to train, if it is valid.
fn header(config: &TrainConfig, labels: &[String]) -> Result<Header, Failure> {
    let header = config.header(labels.to_vec(), Provenance::default());
    header.check().map_err(|error| Failure::Input(format!("the settings of the run are invalid: {error}.")))?;
    Ok(header)
}

/// The device that makes the steps, and those that share its batches.
fn open_devices(args: &TrainArgs) -> Result<(OpenDevice, Vec<OpenDevice>), Failure> {
    let (main, others) = device::open_all(&args.device).map_err(Failure::input)?;
    console::note(&format!("Device: {}.", main.described()));
    for other in &others {
        console::note(&format!("Each batch is shared with {}.", other.described()));
    }
    Ok((main, others))
}

/// The learner before its first step; a checkpoint replaces its weights.
fn first_learner(
    config: &TrainConfig,
    start: Option<&Start>,
    resumed: bool,
    header: &Header,
    main: &OpenDevice,
) -> Result<Learner, Failure> {
    main.device.seed(config.seed);
    let device = main.device.clone().autodiff();
    let model = match start {
        Some(start) => {
            let (model, sentence) = start.model(header, &device).map_err(Failure::input)?;
            console::note(&sentence);
            model
        }
        None => fresh(header, &device),
    };
    if config.init.is_none() && config.learn.freeze > 0 && !resumed {
        console::note("The frozen stages keep their random weights: --freeze and --recipe finetune are for --init.");
    }
    Ok(Learner::new(&config.learn, header, model, device))
}

/// The learner and state in the last complete checkpoint.
fn resumed(out: &Path, learner: Learner, subject: Subject) -> Result<(Learner, State), CheckpointError> {
    let (learner, state) = checkpoint::load(&checkpoints(out), learner, &subject.labels)?;
    console::note(&format!("Continuing after step {} (epoch {}).", state.step, state.epoch + 1));
    if state.subject != subject {
        let (was, now) = (state.subject.pictures, subject.pictures);
        console::note(&format!(
            "The data has changed ({was} pictures then, {now} now): the run continues with it, in another order and \
             with another number of steps per epoch."
        ));
    }
    Ok((learner, State { subject, ..state }))
}

/// Tells how a run ended, if not as asked for.
fn reported(outcome: Outcome) -> Done {
    if outcome.steps == 0 && outcome.report.is_none() {
        console::note("Everything asked for was done already; raise --epochs or --stop-after to continue.");
    } else if outcome.interrupted {
        console::note("Interrupted; the checkpoint is saved, --resume continues from here.");
    }
    Done::Learned(outcome.report)
}

/// Bad pictures and bad checkpoints are the user's to correct; anything else failed while running.
fn failure(error: TrainError) -> Failure {
    match &error {
        TrainError::Data(data) | TrainError::Validate(ValidateError::Data(data)) => match data {
            DataError::Worker { .. } => Failure::run(error),
            _ => Failure::input(error),
        },
        TrainError::Checkpoint(
            CheckpointError::None(_) | CheckpointError::Read(..) | CheckpointError::Labels { .. },
        ) => Failure::input(error),
        _ => Failure::run(error),
    }
}
