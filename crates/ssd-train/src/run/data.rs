//! The data that a run learns from and measures on, as batches.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ssd::weights::Header;
use ssd_data::{self as data, Ask, Dataset, Loader, LoaderConfig, Sides, show};

use crate::console;
use crate::failure::Failure;
use crate::run::config::{TrainArgs, TrainConfig};

/// Most threads that prepare pictures unless set otherwise: more than any GPU needs.
const MAX_WORKERS: usize = 8;

/// The data to learn from.
pub(crate) fn open_train(config: &TrainConfig) -> Result<Arc<Dataset>, Failure> {
    let ask = Ask::Learn(sides(config, &config.val_data));
    let mut train = data::open(&config.data, config.format, ask, None).map_err(Failure::input)?;
    report("to learn from", &train);
    if let Some(count) = config.overfit {
        train.truncate(count);
    }
    Ok(Arc::new(train))
}

/// The data to measure on, with the classes of `train`.
pub(crate) fn open_val(config: &TrainConfig, train: &Arc<Dataset>) -> Result<Arc<Dataset>, Failure> {
    if config.overfit.is_some() {
        return Ok(train.clone());
    }
    let (data, other): (_, &[String]) =
        if config.val_data.is_empty() { (&config.data, &[]) } else { (&config.val_data, &config.data) };
    let ask = Ask::Measure(sides(config, other));
    let val = data::open(data, config.format, ask, Some(train.labels())).map_err(Failure::input)?;
    report("to measure on", &val);
    Ok(Arc::new(val))
}

/// What each side of the run takes; `other` is the data that only the other side is asked of.
fn sides<'a>(config: &'a TrainConfig, other: &'a [String]) -> Sides<'a> {
    let (learn, measure) = (config.split.as_deref(), config.val_split.as_deref());
    Sides { learn, measure, other, val_fraction: config.val_fraction }
}

/// Warns again, at the end of a run, if much of the data was left out.
pub(crate) fn warn(datasets: [&Dataset; 2]) {
    let warnings = datasets.into_iter().filter_map(|data| data.report()?.warning());
    warnings.take(1).for_each(|warning| console::note(&warning));
}

/// Notes what opening a data set found and left out.
fn report(purpose: &str, dataset: &Dataset) {
    if let Some(report) = dataset.report() {
        console::note(&format!("Data {purpose}: {report}"));
    }
}

/// Batches to learn from: shuffled in each epoch, augmented by the run's settings.
pub(crate) fn learning(dataset: &Arc<Dataset>, args: &TrainArgs, config: &TrainConfig, header: &Header) -> Loader {
    let config = LoaderConfig { shuffle: true, augment: config.augment.clone(), ..plain(args, config, header) };
    Loader::new(dataset.clone(), config)
}

/// Batches to measure on: unchanged pictures, in order.
pub(crate) fn measuring(dataset: &Arc<Dataset>, args: &TrainArgs, config: &TrainConfig, header: &Header) -> Loader {
    Loader::new(dataset.clone(), plain(args, config, header))
}

fn plain(args: &TrainArgs, config: &TrainConfig, header: &Header) -> LoaderConfig {
    let workers = args.workers.map_or(rayon::current_num_threads().min(MAX_WORKERS), usize::from);
    let (batch_size, seed) = (config.batch_size, config.seed);
    LoaderConfig { batch_size, workers, seed, shuffle: false, augment: None, preprocess: header.preprocess() }
}

/// Draws the first batch and returns the files.
pub(crate) fn show_batch(loader: &Loader, header: &Header, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let Some(batch) = loader.epoch(0, 0).next() else {
        return Err(Failure::Input("the data set is empty; there is nothing to show.".into()));
    };
    let batch = batch.map_err(Failure::input)?;
    let files = show::show_batch(&batch, &header.labels, &header.preprocess(), folder).map_err(Failure::run)?;
    console::note(&format!("{} pictures drawn into {}.", files.len(), folder.display()));
    Ok(files)
}
