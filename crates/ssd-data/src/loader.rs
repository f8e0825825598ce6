//! Batches, prepared by threads ahead of the network.
//!
//! The order of an epoch, and a queue from workers to the trainer. Makes no tensors and knows no device.
//!
//! Order and content depend on seed, epoch and index alone: worker `i mod workers` prepares item `i` of an epoch with a
//! generator seeded for it, and the workers' queues are read in turn, so neither their number nor their speed matters.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rand::seq::SliceRandom;
use ssd::GroundTruth;
use ssd::preprocess::{Preprocess, preprocess_rgb};

use crate::augment::{AugmentConfig, Augmentation};
use crate::boxes_px::TruthPx;
use crate::error::DataError;
use crate::sample::Sample;
use crate::seeded::seeded;
use crate::set::Dataset;

/// Batches prepared ahead of the one in use.
const BATCHES_AHEAD: usize = 2;

/// Streams of the seed: the order and the augmentation must not share random numbers.
const ORDER: u64 = 1;
const AUGMENT: u64 = 2;

/// How batches are made.
#[derive(Debug, Clone)]
pub struct LoaderConfig {
    /// Pictures in a batch; the last of an epoch may have fewer.
    pub batch_size: usize,
    /// Threads that prepare pictures.
    pub workers: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Whether each epoch has its own order; else the data set's.
    pub shuffle: bool,
    /// How pictures are augmented; `None` for validation.
    pub augment: Option<AugmentConfig>,
    /// Size and normalisation of the network's input.
    pub preprocess: Preprocess,
}

/// One picture as the network sees it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prepared {
    /// `[3, S, S]`, normalised.
    pub pixels: Vec<f32>,
    /// The objects left after augmentation, those marked `difficult` included; boxes are fractions of the picture.
    pub truths: Vec<GroundTruth>,
    /// The sample's name.
    pub name: String,
    /// Width and height in pixels of the picture that its annotation refers to.
    pub size_px: (u32, u32),
    /// For measuring: the objects before augmentation, crowds included, in its pixels.
    pub truths_px: Vec<TruthPx>,
}

/// A source of batches over a data set.
#[derive(Debug, Clone)]
pub struct Loader {
    dataset: Arc<Dataset>,
    config: Arc<LoaderConfig>,
}

impl Loader {
    /// A loader; zero for the batch size or the workers counts as one.
    pub fn new(dataset: Arc<Dataset>, config: LoaderConfig) -> Self {
        let config = LoaderConfig { batch_size: config.batch_size.max(1), workers: config.workers.max(1), ..config };
        Self { dataset, config: Arc::new(config) }
    }

    /// Batches in an epoch, a partial last one included.
    pub fn batches(&self) -> usize {
        self.dataset.len().div_ceil(self.config.batch_size)
    }

    /// Starts the threads of an epoch and hands out its batches, without its first `skip` pictures (to resume after an
    /// interruption). Dropping the iterator ends the threads.
    pub fn epoch(&self, epoch: usize, skip: usize) -> Epoch {
        let order = Arc::new(self.order(epoch));
        let first = skip.min(order.len());
        let workers = self.config.workers;
        let queue_len = (BATCHES_AHEAD * self.config.batch_size).div_ceil(workers);
        let queues = (0..workers)
            .map(|worker| {
                let (sender, receiver) = sync_channel(queue_len);
                let work = Work { loader: self.clone(), order: order.clone(), epoch };
                thread::spawn(move || work.run(first + worker, workers, &sender));
                receiver
            })
            .collect();
        Epoch { loader: self.clone(), order, queues, first, next: first }
    }

    /// The indices of an epoch in order.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.dataset.len()).collect();
        if self.config.shuffle {
            order.shuffle(&mut seeded(&[self.config.seed, ORDER, epoch as u64]));
        }
        order
    }

    /// Reads, augments and scales the picture at a position of an epoch.
    fn prepare(&self, index: usize, epoch: usize, position: usize) -> Result<Prepared, DataError> {
        let sample = self.dataset.get(index)?;
        Ok(prepared(sample, &self.config, &[self.config.seed, AUGMENT, epoch as u64, position as u64]))
    }
}

/// Augments and scales a picture; `place`, its position among all epochs, seeds the augmentation.
fn prepared(sample: Sample, config: &LoaderConfig, place: &[u64]) -> Prepared {
    let spec = &config.preprocess;
    let Sample { name, image, truths, size_px, truths_px } = sample;
    let (width, height) = image.dimensions();
    let (pixels, truths) = match &config.augment {
        Some(augment) => {
            let drawn = Augmentation::draw((width, height), &truths, augment, &mut seeded(place));
            (drawn.pixels(&image, spec), drawn.truths(spec.input_size))
        }
        None => (preprocess_rgb(image.as_raw(), width as usize, height as usize, spec), truths),
    };
    Prepared { pixels, truths, name, size_px, truths_px }
}

/// A worker's share of an epoch.
struct Work {
    loader: Loader,
    order: Arc<Vec<usize>>,
    epoch: usize,
}

impl Work {
    /// Prepares every `stride`-th position from `first` on, until the epoch ends or the receiver is dropped.
    fn run(&self, first: usize, stride: usize, sender: &SyncSender<Result<Prepared, DataError>>) {
        for position in (first..self.order.len()).step_by(stride) {
            let prepared = self.loader.prepare(self.order[position], self.epoch, position);
            if sender.send(prepared).is_err() {
                return;
            }
        }
    }
}

/// The batches of one epoch, in order.
///
/// An item that cannot be read turns its batch into an error; later batches are unaffected.
#[derive(Debug)]
pub struct Epoch {
    loader: Loader,
    order: Arc<Vec<usize>>,
    queues: Vec<Receiver<Result<Prepared, DataError>>>,
    first: usize,
    next: usize,
}

impl Epoch {
    /// The prepared item at the next position.
    fn take(&mut self) -> Result<Prepared, DataError> {
        let position = self.next;
        self.next += 1;
        let queue = &self.queues[(position - self.first) % self.queues.len()];
        // Only a thread that panicked ends its queue early.
        queue.recv().unwrap_or_else(|_| Err(DataError::Worker { name: self.loader.dataset.name(self.order[position]) }))
    }
}

impl Iterator for Epoch {
    type Item = Result<Vec<Prepared>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let len = self.loader.config.batch_size.min(self.order.len() - self.next);
        if len == 0 {
            return None;
        }
        // All items of the batch are taken before an error is reported, so that the next batch begins where it should.
        let items: Vec<_> = (0..len).map(|_| self.take()).collect();
        Some(items.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::Shapes;
    use crate::augment::Photometric;
    use crate::augment::tests::{found, marked};
    use ssd::preprocess::Normalization;

    fn loader(workers: usize) -> Loader {
        let dataset = Dataset::Shapes(Shapes::open("shapes:4:11", "train", None).unwrap());
        let preprocess = Preprocess { input_size: 60, normalization: Normalization::CAFFE };
        let augment = Some(AugmentConfig::default());
        let config = LoaderConfig { batch_size: 4, workers, seed: 6, shuffle: true, augment, preprocess };
        Loader::new(Arc::new(dataset), config)
    }

    fn batches(loader: &Loader, epoch: usize, skip: usize) -> Vec<Vec<Prepared>> {
        loader.epoch(epoch, skip).map(Result::unwrap).collect()
    }

    #[test]
    fn the_number_of_workers_changes_nothing() {
        let one = batches(&loader(1), 2, 0);
        assert_eq!(one, batches(&loader(3), 2, 0));
        assert_eq!(one, batches(&loader(20), 2, 0));
        assert_eq!(one.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 3]);
        assert_eq!(one.len(), loader(1).batches());
        let mut names: Vec<String> = one.iter().flatten().map(|prepared| prepared.name.clone()).collect();
        names.sort();
        let all: Vec<String> = (0..11).map(|i| loader(1).dataset.name(i)).collect();
        assert_eq!(names, all, "an epoch has each picture once");
    }

    fn sample(image: image::RgbImage, truths: Vec<GroundTruth>) -> Sample {
        Sample { name: "marked".into(), image, truths, ..Sample::default() }
    }

    #[test]
    fn boxes_stay_on_their_pixels_up_to_the_network_s_input() {
        let preprocess = Preprocess { input_size: 300, normalization: Normalization::CAFFE };
        // No photometric changes, so that the marks can be found again.
        let augment = AugmentConfig { photometric: Photometric::none(), ..AugmentConfig::default() };
        let mut seen = 0;
        for augment in [None, Some(augment)] {
            let preprocess = preprocess.clone();
            let config = LoaderConfig { batch_size: 1, workers: 1, seed: 0, shuffle: false, augment, preprocess };
            for place in 0..150 {
                let (image, truths) = marked();
                let Prepared { pixels, truths, .. } = prepared(sample(image, truths), &config, &[place]);
                let mean = Normalization::CAFFE.mean;
                let planes: Vec<f32> =
                    (0..3).flat_map(|c| pixels[c * 90_000..][..90_000].iter().map(move |v| v + mean[c])).collect();
                for truth in truths {
                    let bbox_px = truth.bbox.scaled(300.0, 300.0);
                    assert!(bbox_px.width() >= 1.0 && bbox_px.height() >= 1.0, "{place}: {bbox_px:?}");
                    let found = found(&planes, 300, truth.class).unwrap();
                    // The edge of a mark lies between the centres of two input pixels.
                    let off =
                        [bbox_px.x1 - found.x1, bbox_px.y1 - found.y1, bbox_px.x2 - found.x2, bbox_px.y2 - found.y2];
                    assert!(off.iter().all(|d| d.abs() < 1.0), "{place}: box {bbox_px:?}, pixels {found:?}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 450, "{seen} boxes of 600");
    }

    #[test]
    fn skipping_goes_on_where_the_epoch_was_left_and_epochs_differ() {
        let loader = loader(2);
        let whole = batches(&loader, 0, 0);
        assert_eq!(whole[1..], batches(&loader, 0, 4));
        assert!(batches(&loader, 0, 11).is_empty() && batches(&loader, 0, 90).is_empty());
        assert_ne!(whole, batches(&loader, 1, 0));
    }

    #[test]
    fn an_item_that_fails_fails_its_batch_only() {
        let folder = crate::formats::voc::tests::folder_of(&["a", "b", "c", "d"]);
        let data = [folder.path().to_string_lossy()];
        let dataset = crate::open(&data, "voc".parse().unwrap(), None, None).unwrap();
        std::fs::remove_file(folder.path().join("JPEGImages/a.jpg")).unwrap();
        let preprocess = Preprocess { input_size: 8, normalization: Normalization::CAFFE };
        let config = LoaderConfig { batch_size: 2, workers: 2, seed: 0, shuffle: false, augment: None, preprocess };
        let results: Vec<_> = Loader::new(Arc::new(dataset), config).epoch(0, 0).collect();
        assert_eq!(results.len(), 2);
        assert!(results[0].as_ref().unwrap_err().to_string().contains("a.jpg"));
        let names: Vec<&str> = results[1].as_ref().unwrap().iter().map(|prepared| prepared.name.as_str()).collect();
        assert_eq!(names, ["c", "d"]);
    }
}
