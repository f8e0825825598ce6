//! A whole `train`: from the arguments to the files in `--out`. The order of things, no arithmetic.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use serde::Serialize;
use ssd::weights::{Header, Provenance};
use ssd::{Arch, Ssd};

use crate::checkpoint::{self, CheckpointError, State, Subject};
use crate::cli::{self, Failure, print_json, print_text, write_atomic};
use crate::config::{TrainArgs, TrainConfig, file_name};
use crate::data::{self, DataError, Dataset, Loader, LoaderConfig, show};
use crate::learner::{self, Learner};
use crate::profile::Profile;
use crate::replicas::Replicas;
use crate::trainer::{TrainError, Trainer, checkpoints};
use crate::validate::ValidateError;
use crate::{device, init, lent};

/// Threads that prepare pictures where nobody says how many, at most: more than a GPU can be fed with.
const MAX_WORKERS: usize = 8;

/// Runs `train`.
///
/// # Errors
///
/// A sentence, with the exit code that it means.
pub fn train(args: &TrainArgs) -> Result<(), Failure> {
    let (own, opened) = (args.clone(), Arc::new(AtomicBool::new(false)));
    let are_open = opened.clone();
    lent::guarded(&args.device.lenders(), &are_open, move || run(&own, &opened)).map_err(Failure::run)?
}

/// `are_open` is raised when the devices are.
fn run(args: &TrainArgs, are_open: &AtomicBool) -> Result<(), Failure> {
    if args.run.arch.as_deref() == Some("list") {
        return print_archs(args.json);
    }
    if args.out.is_none() && args.show_batch.is_none() {
        return Err(no_out());
    }
    let mut config = match (&args.out, args.resume) {
        (Some(out), true) => TrainConfig::resumed(args, out)?,
        _ => TrainConfig::new(args)?,
    };
    if let (Some(path), false) = (&config.init, args.resume) {
        let found = init::detector(path, config.arch).map_err(Failure::input)?;
        (config.priors, config.normalization) = found.map(|found| (found.priors, found.normalization)).unzip();
    }
    let train = open_train(&config)?;
    let header = config.header(train.labels().to_vec(), Provenance::default());
    header.check().map_err(|error| Failure::Input(format!("the settings of the run cannot be: {error}.")))?;
    let preprocess = header.preprocess();
    let loader = |dataset: &Arc<Dataset>, learning: bool| {
        let augment = if learning { config.augment.clone() } else { None };
        let workers = args.workers.map_or(rayon::current_num_threads().min(MAX_WORKERS), usize::from);
        let (batch_size, seed) = (config.batch_size, config.seed);
        let preprocess = preprocess.clone();
        Loader::new(dataset.clone(), LoaderConfig { batch_size, workers, seed, shuffle: learning, augment, preprocess })
    };
    let train_loader = loader(&train, true);
    if let Some(folder) = &args.show_batch {
        return show_batch(&train_loader, train.labels(), &preprocess, folder, args.json);
    }
    let val_loader = loader(&open_val(&config, &train)?, false);
    let Some(out) = args.out.as_deref() else { return Err(no_out()) };
    if !args.resume {
        refuse_other_run(out)?;
    }

    let (opened, others) = device::open_all(&args.device).map_err(Failure::input)?;
    are_open.store(true, Ordering::Relaxed);
    cli::note(&format!("Device: {}.", opened.described()));
    for other in &others {
        cli::note(&format!("Each batch is shared with {}.", other.described()));
    }
    opened.device.seed(config.seed);
    let device = opened.device.autodiff();
    let header = Header { provenance: provenance(&config, &opened.name), ..header };
    if config.init.is_none() && config.freeze > 0 && !args.resume {
        cli::note("The frozen stages stay as they are drawn by chance: --freeze and --recipe finetune are for --init.");
    }
    let model = match &config.init {
        Some(path) if !args.resume => {
            let (model, sentence) = init::from_file(path, &header, &device).map_err(Failure::input)?;
            cli::note(&sentence);
            model
        }
        _ => Ssd::new(config.arch, header.classes(), &device),
    };
    let replicas = Replicas::new(others, |device| learner::loss(&config, &header, device)).map_err(Failure::run)?;
    let learner = Learner::new(&config, &header, model, device, replicas);
    let (subject, profile) = (Subject::of(&train), Profile::new(args.profile.as_deref()).map_err(Failure::input)?);
    let (learner, state) = if args.resume {
        resumed(out, learner, subject).map_err(|error| failure(error.into()))?
    } else {
        // Its metrics are the first file in the folder.
        make_folder(out)?;
        (learner, State { subject, ..State::default() })
    };
    let trainer = Trainer::new(state, config.clone(), header, learner, out, profile).map_err(failure)?;
    let trainer = trainer.with_gpu(opened.gpu.clone());
    let trainer = if args.tensorboard { trainer.with_events().map_err(failure)? } else { trainer };
    // Only now: a checkpoint that does not fit leaves the folder as it was.
    save_config(out, &config)?;

    let stop_after = args.stop_after.map_or(usize::MAX, |epochs| epochs as usize);
    let outcome = trainer.run(&train_loader, &val_loader, stop_after, &stop_flag()).map_err(|error| match error {
        // Of a lent device there is more to say, if its lender has gone.
        TrainError::Device { .. } => lent::gone(&args.device.lenders()).map_or_else(|| failure(error), Failure::run),
        error => failure(error),
    })?;
    if outcome.steps == 0 && outcome.report.is_none() {
        cli::note("All that was asked for was done already; a larger --epochs or --stop-after goes on.");
    } else if outcome.interrupted {
        cli::note("Interrupted; the checkpoint is saved, --resume goes on from here.");
    }
    if args.json { print_json(&outcome.report) } else { Ok(()) }
}

/// What the last complete checkpoint holds.
fn resumed(out: &Path, learner: Learner, subject: Subject) -> Result<(Learner, State), CheckpointError> {
    let (learner, state) = checkpoint::load(&checkpoints(out), learner, &subject.labels)?;
    cli::note(&format!("Going on after step {} (epoch {}).", state.step, state.epoch + 1));
    if state.subject != subject {
        let (was, now) = (state.subject.pictures, subject.pictures);
        cli::note(&format!(
            "The data is not what it was ({was} pictures then, {now} now): the run goes on with it, in another order and with other steps an epoch."
        ));
    }
    Ok((learner, State { subject, ..state }))
}

fn no_out() -> Failure {
    Failure::Input("--out is missing; name a folder for what the run writes.".into())
}

/// Raised by Ctrl-C: the step is finished, then the run stops. A second Ctrl-C ends the program at once, which costs what
/// was learned since the last checkpoint.
fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = stop.clone();
    let on_interrupt = move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
        cli::note("Stopping after this step; Ctrl-C again stops at once.");
    };
    // Where no handler can be set, Ctrl-C ends the program, and the last checkpoint is there.
    let _ = ctrlc::set_handler(on_interrupt);
    stop
}

/// The data to learn from.
fn open_train(config: &TrainConfig) -> Result<Arc<Dataset>, Failure> {
    let split = config.split.as_deref().unwrap_or("train");
    let mut train = data::open(&config.data, config.format, Some(split), None).map_err(Failure::input)?;
    report("to learn from", &train);
    if let Some(count) = config.overfit {
        train.truncate(count);
    }
    Ok(Arc::new(train))
}

/// The data to measure on, with the classes of `train`.
fn open_val(config: &TrainConfig, train: &Arc<Dataset>) -> Result<Arc<Dataset>, Failure> {
    if config.overfit.is_some() {
        return Ok(train.clone());
    }
    let split = config.val_split.as_deref().unwrap_or("val");
    let data = if config.val_data.is_empty() { &config.data } else { &config.val_data };
    let val = data::open(data, config.format, Some(split), Some(train.labels())).map_err(Failure::input)?;
    report("to measure on", &val);
    Ok(Arc::new(val))
}

/// What opening a folder found, and left out.
fn report(purpose: &str, dataset: &Dataset) {
    if let Some(report) = dataset.report() {
        cli::note(&format!("Data {purpose}: {report}"));
    }
}

/// Draws the first batch; with `json` the files' names go to stdout.
fn show_batch(
    loader: &Loader,
    labels: &[String],
    preprocess: &ssd::preprocess::Preprocess,
    folder: &Path,
    json: bool,
) -> Result<(), Failure> {
    let Some(batch) = loader.epoch(0, 0).next() else {
        return Err(Failure::Input("the data set is empty; there is nothing to show.".into()));
    };
    let batch = batch.map_err(Failure::input)?;
    let files = show::show_batch(&batch, labels, preprocess, folder).map_err(Failure::run)?;
    cli::note(&format!("{} pictures drawn into {}.", files.len(), folder.display()));
    if json { print_json(&files) } else { Ok(()) }
}

/// Two runs in one folder would destroy each other's files.
fn refuse_other_run(out: &Path) -> Result<(), Failure> {
    let sentence = if checkpoint::latest(&out.join("checkpoint")).is_some() {
        "already holds a run; add --resume to go on with it, or choose another --out."
    } else if ["best.safetensors", "last.safetensors"].iter().any(|file| out.join(file).exists()) {
        "already holds the weights of a run; choose another --out."
    } else {
        return Ok(());
    };
    Err(Failure::Input(format!("{} {sentence}", out.display())))
}

fn make_folder(out: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(out).map_err(|error| {
        Failure::Input(format!("cannot make the folder {}: {error}; choose another --out.", out.display()))
    })
}

fn save_config(out: &Path, config: &TrainConfig) -> Result<(), Failure> {
    let json = serde_json::to_vec_pretty(config).map_err(Failure::run)?;
    Ok(write_atomic(&out.join("config.json"), &json)?)
}

/// Where the weights will have come from.
fn provenance(config: &TrainConfig, device: &str) -> Provenance {
    let source = config.init.as_deref().and_then(|path| command_of(path, config.arch));
    let source_file = config.init.as_deref().map(|path| file_name(&path.display().to_string()));
    // The stages of a chain: what made the source comes first, in a folder that this stage then starts from.
    let stage = source.as_ref().map_or(1, |command| command.matches("&&").count() + 2);
    let folder = |stage: usize| if stage == 1 { "runs/again".into() } else { format!("runs/again-{stage}") };
    let init = match &source {
        Some(_) => Some(format!("{}/best.safetensors", folder(stage - 1))),
        None => source_file.clone(),
    };
    let mut command = format!("{} --out {}", config.command(init.as_deref()), folder(stage));
    if let Some(source) = source {
        command = format!("{source} && {command}");
    }
    Provenance {
        data: config.data.iter().map(|data| file_name(data)).collect::<Vec<_>>().join(", "),
        split: config.split.clone().unwrap_or_else(|| "train".into()),
        source_file,
        command,
        device: device.into(),
        ..Provenance::default()
    }
}

/// The command that trained a detector, if it says. What was converted is a file to start from, not a stage to run again.
fn command_of(path: &Path, arch: Arch) -> Option<String> {
    let header = init::detector(path, arch).ok()??;
    Some(header.provenance.command).filter(|command| command.contains("--bin train"))
}

/// Bad pictures and bad checkpoints are the user's to mend, the rest happened on the way.
fn failure(error: TrainError) -> Failure {
    match &error {
        TrainError::Data(data) | TrainError::Validate(ValidateError::Data(data)) => match data {
            DataError::Worker { .. } => Failure::run(error),
            _ => Failure::input(error),
        },
        TrainError::Checkpoint(
            CheckpointError::None(_) | CheckpointError::Read { .. } | CheckpointError::Labels { .. },
        ) => Failure::input(error),
        _ => Failure::run(error),
    }
}

/// What `--arch list` prints.
///
/// # Errors
///
/// Where stdout does not take it.
pub fn print_archs(json: bool) -> Result<(), Failure> {
    if json { print_json(&arch_list()) } else { print_text(&arch_table()) }
}

/// A row of `--arch list`.
#[derive(Serialize)]
struct ArchRow {
    name: &'static str,
    /// With 20 classes.
    parameters: usize,
    /// Of the convolutions of one picture, a multiply-add counted as two.
    gflop: f64,
    priors: usize,
}

/// `--arch list`, for programs.
fn arch_list() -> Vec<ArchRow> {
    let device = Device::flex();
    let row = |arch: Arch| {
        let model = Ssd::new(arch, 21, &device);
        ArchRow {
            name: arch.name(),
            parameters: model.parameters(arch.input_size()),
            gflop: 2e-9 * model.multiply_adds(arch.input_size()) as f64,
            priors: arch.prior_scheme().len(),
        }
    };
    Arch::ALL.map(row).into()
}

/// `--arch list`, for people.
fn arch_table() -> String {
    let mut text = format!("{:30} {:>13} {:>8} {:>8}\n", "architecture", "parameters", "GFLOP", "priors");
    for ArchRow { name, parameters, gflop, priors } in arch_list() {
        text += &format!("{name:30} {parameters:>13} {gflop:>8.2} {priors:>8}\n");
    }
    text
}
