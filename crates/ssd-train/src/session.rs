//! A whole `train`: from the arguments to the files in `--out`. The order of things, no arithmetic.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ssd::weights::{Header, Provenance};
use ssd::{Arch, Ssd};

use crate::cli::{self, Failure, print_json, print_text, write_atomic};
use crate::config::{TrainArgs, TrainConfig};
use crate::data::{self, Dataset, Loader, LoaderConfig, show};
use crate::trainer::{TrainError, Trainer};
use crate::{device, init};

/// Runs `train`.
///
/// # Errors
///
/// A sentence, with the exit code that it means.
pub fn train(args: &TrainArgs) -> Result<(), Failure> {
    if args.arch == "list" {
        return print_text(&arch_list());
    }
    let args = &with_saved_data(args)?;
    let config = TrainConfig::new(args)?;
    let (train, val) = open_data(&config, args)?;
    let preprocess = config.arch.preprocess();
    let loader = |dataset: &Arc<Dataset>, learning: bool| {
        let augment = if learning { config.augment.clone() } else { None };
        let (batch_size, workers, seed) = (config.batch_size, args.workers, config.seed);
        let preprocess = preprocess.clone();
        Loader::new(dataset.clone(), LoaderConfig { batch_size, workers, seed, shuffle: learning, augment, preprocess })
    };
    let (train_loader, val_loader) = (loader(&train, true), loader(&val, false));
    if let Some(folder) = &args.show_batch {
        return show_batch(&train_loader, train.labels(), &preprocess, folder);
    }
    let out = args.out.as_deref().ok_or_else(|| Failure::Input("--out is missing; name a folder.".into()))?;

    let opened = device::open(&args.device).map_err(Failure::input)?;
    cli::note(&format!("Device: {}.", opened.name));
    opened.device.seed(config.seed);
    let device = opened.device.autodiff();
    let header = Header::new(config.arch, train.labels().to_vec(), provenance(&config, &opened.name));
    let model = match &config.init {
        Some(path) if !args.resume => {
            let (model, sentence) = init::from_file(path, &header, &device).map_err(Failure::input)?;
            cli::note(&sentence);
            model
        }
        _ => Ssd::new(config.arch, header.classes(), &device),
    };
    save_config(out, &config, args.resume)?;

    let stop = Arc::new(AtomicBool::new(false));
    let raised = stop.clone();
    // A second handler cannot be set; the run goes on without a soft stop then.
    let _ = ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed));
    let mut trainer = Trainer::new(config, header, model, device, out);
    if args.resume {
        trainer = trainer.resumed().map_err(Failure::input)?;
    }
    let outcome = trainer.run(&train_loader, &val_loader, &stop).map_err(failure)?;
    if outcome.interrupted {
        cli::note("Interrupted; the checkpoint is saved, --resume goes on from here.");
    }
    match (&outcome.report, args.json) {
        (Some(report), true) => print_json(report),
        _ => Ok(()),
    }
}

/// With `--resume` the run's own `config.json` says what was not typed again.
fn with_saved_data(args: &TrainArgs) -> Result<TrainArgs, Failure> {
    let mut args = args.clone();
    let (true, None, Some(out)) = (args.resume, &args.data, &args.out) else { return Ok(args) };
    let path = out.join("config.json");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::Input(format!("cannot read {}: {error}; start without --resume.", path.display())))?;
    let saved: TrainConfig = serde_json::from_str(&text)
        .map_err(|error| Failure::Input(format!("{} is damaged ({error}); name --data and the rest again.", path.display())))?;
    args.data = Some(saved.data);
    (args.split, args.val_split) = (saved.split, saved.val_split);
    args.arch = saved.arch.name().into();
    (args.epochs, args.batch_size, args.accumulate) = (saved.epochs, saved.batch_size, saved.accumulate);
    (args.lr, args.schedule, args.warmup) = (saved.lr, saved.schedule, saved.warmup);
    (args.seed, args.init, args.overfit) = (saved.seed, saved.init, saved.overfit);
    Ok(args)
}

/// The data to learn from and to measure on, with the same classes.
fn open_data(config: &TrainConfig, args: &TrainArgs) -> Result<(Arc<Dataset>, Arc<Dataset>), Failure> {
    let split = config.split.as_deref().unwrap_or("train");
    let mut train = data::open(&config.data, args.format, Some(split), None).map_err(Failure::input)?;
    if let Some(report) = train.report() {
        cli::note(&report.to_string());
    }
    if let Some(count) = config.overfit {
        train.truncate(count);
        let train = Arc::new(train);
        return Ok((train.clone(), train));
    }
    let val_split = config.val_split.as_deref().unwrap_or("val");
    let val = data::open(&config.data, args.format, Some(val_split), Some(train.labels())).map_err(Failure::input)?;
    Ok((Arc::new(train), Arc::new(val)))
}

fn show_batch(
    loader: &Loader,
    labels: &[String],
    preprocess: &ssd::preprocess::Preprocess,
    folder: &Path,
) -> Result<(), Failure> {
    let Some(batch) = loader.epoch(0, 0).next() else {
        return Err(Failure::Input("the data set is empty; there is nothing to show.".into()));
    };
    let batch = batch.map_err(Failure::input)?;
    show::show_batch(&batch, labels, preprocess, folder).map_err(Failure::run)?;
    cli::note(&format!("{} pictures drawn into {}.", batch.len(), folder.display()));
    Ok(())
}

fn save_config(out: &Path, config: &TrainConfig, resume: bool) -> Result<(), Failure> {
    std::fs::create_dir_all(out)
        .map_err(|error| Failure::Input(format!("cannot make the folder {}: {error}; choose another --out.", out.display())))?;
    let has_checkpoint = out.join("checkpoint").join("latest").exists();
    if has_checkpoint && !resume {
        let sentence = "{} already holds a run; add --resume to go on with it, or choose another --out.";
        return Err(Failure::Input(sentence.replace("{}", &out.display().to_string())));
    }
    let json = serde_json::to_vec_pretty(config).map_err(Failure::run)?;
    Ok(write_atomic(&out.join("config.json"), &json)?)
}

/// Where the weights will have come from. Only the names of files, not their folders: a path tells about a person's machine.
fn provenance(config: &TrainConfig, device: &str) -> Provenance {
    let name = |path: &str| Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy().into_owned());
    let init = config.init.as_deref().map(|path| name(&path.display().to_string()));
    let mut command = format!(
        "cargo run --release --bin train -- --data {} --arch {} --epochs {} --batch-size {} --lr {} --warmup {} --seed {}",
        name(&config.data), config.arch, config.epochs, config.batch_size, config.lr, config.warmup, config.seed
    );
    for (flag, value) in [("--split", &config.split), ("--val-split", &config.val_split), ("--init", &init)] {
        if let Some(value) = value {
            command += &format!(" {flag} {value}");
        }
    }
    command += " --out runs/again";
    Provenance {
        data: name(&config.data),
        split: config.split.clone().unwrap_or_else(|| "train".into()),
        source_file: init,
        command,
        device: device.into(),
        ..Provenance::default()
    }
}

/// Bad pictures and bad checkpoints are the user's to mend, the rest happened on the way.
fn failure(error: TrainError) -> Failure {
    match error {
        TrainError::Data(_) => Failure::input(error),
        _ => Failure::run(error),
    }
}

/// `--arch list`: name, parameters and GFLOP of each network with 20 classes.
fn arch_list() -> String {
    use burn::module::Module;
    let device = burn::tensor::Device::flex();
    let mut text = format!("{:30} {:>12} {:>8}\n", "architecture", "parameters", "priors");
    for arch in Arch::ALL {
        let parameters = Ssd::new(arch, 21, &device).num_params();
        text += &format!("{:30} {parameters:>12} {:>8}\n", arch.name(), arch.prior_scheme().len());
    }
    for name in Arch::PLANNED {
        text += &format!("{name:30} {:>12}\n", "not built yet");
    }
    text
}
