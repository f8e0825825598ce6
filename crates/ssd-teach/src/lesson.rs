//! A lesson: pictures are looked at view by view, then the heads learn step by step, and a detector comes out.
//!
//! Each call does one small piece of work, so that a page stays in charge between them.

use std::convert::Infallible;

use burn::optim::GradientsParams;
use burn::tensor::Device;
use image::RgbImage;
use rand::seq::SliceRandom;
use ssd::cpu_network::CpuTrunk;
use ssd::preprocess::{Preprocess, preprocess_rgba};
use ssd::weights::{self, Dtype, Header, Provenance};
use ssd::{Detection, GroundTruth, Ssd};
use ssd_data::TruthPx;
use ssd_data::augment::Augmentation;
use ssd_data::seeded::seeded;
use ssd_learn::{BatchGradients, Example, HostBatch, Learner, LearningRate, Local};

use crate::classes::to_learn;
use crate::config::TeachConfig;
use crate::error::TeachError;
use crate::exam::{Exam, Held, detections, exam};
use crate::features::{Features, tensors};
use crate::heads::{joined, learning};
use crate::views::views;

/// What a picture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// To learn from.
    Lesson,
    /// To measure on; never learned from.
    Exam,
}

/// A view that is learned from.
struct Seen {
    features: Features,
    truths: Vec<GroundTruth>,
}

/// A picture whose views are being looked at, the next one last.
struct Open {
    picture: RgbImage,
    views: Vec<Augmentation>,
    role: Role,
    truths_px: Vec<TruthPx>,
}

/// A detector that is taught.
pub struct Lesson {
    config: TeachConfig,
    /// The detector whose classes are kept, if they are.
    kept: Option<(Header, Ssd)>,
    header: Header,
    /// For each class of the pictures, its class here; 0 for one that the detector knows already.
    classes: Vec<usize>,
    trunk: CpuTrunk,
    preprocess: Preprocess,
    learner: Learner,
    rate: LearningRate,
    open: Option<Open>,
    seen: Vec<Seen>,
    held: Vec<Held>,
    /// Pictures opened so far: the number of the next one.
    pictures: usize,
    step: usize,
    /// The views in the order of the current epoch.
    order: (usize, Vec<usize>),
}

impl Lesson {
    /// A lesson for the detector in `file`. `names` are those of the classes in the pictures, without background.
    ///
    /// # Errors
    ///
    /// When the file is no detector, no class is left to learn, or the network is one that the CPU cannot compute.
    pub fn new(file: Vec<u8>, names: &[String], config: TeachConfig) -> Result<Self, TeachError> {
        let plain = Device::flex();
        let device = plain.clone().autodiff();
        let (_, model) = weights::load(file.clone(), &device)?;
        let start = weights::load(file, &plain)?;
        let (labels, classes) = to_learn(names, &start.0, config.keep_classes)?;
        let header = config.header(&start.0, &labels);
        let trunk = CpuTrunk::new(&start.1).map_err(|error| TeachError::Network(error.to_string()))?;
        let model = learning(model, &header, config.keep_classes);
        let learner = Learner::new(&config.learn, &header, model, device);
        let rate = config.learn.learning_rate(config.steps);
        let preprocess = header.preprocess();
        let kept = config.keep_classes.then_some(start);
        Ok(Self {
            config,
            kept,
            header,
            classes,
            trunk,
            preprocess,
            learner,
            rate,
            open: None,
            seen: Vec::new(),
            held: Vec::new(),
            pictures: 0,
            step: 0,
            order: (usize::MAX, Vec::new()),
        })
    }

    /// The names of the classes that are learned; class 1 is the first.
    pub fn labels(&self) -> &[String] {
        &self.header.labels
    }

    /// Opens the next picture. The classes of its objects are those of `names`, as [`Self::new`] was given them; an
    /// object of class 0 has no name and counts as background, and so does one of a class that the detector keeps.
    /// Returns how many of its views are to be looked at.
    pub fn open(&mut self, picture: RgbImage, truths: &[GroundTruth], role: Role) -> usize {
        let class =
            |truth: &GroundTruth| self.classes.get(truth.class.checked_sub(1)?).copied().filter(|&class| class > 0);
        let truths: Vec<GroundTruth> =
            truths.iter().filter_map(|truth| Some(GroundTruth { class: class(truth)?, ..*truth })).collect();
        let size_px = picture.dimensions();
        let crops = if role == Role::Exam { 0 } else { self.config.crops };
        let mut views = views(size_px, &truths, crops, [self.config.seed, self.pictures as u64]);
        if role == Role::Exam {
            views.truncate(1);
        }
        views.reverse();
        let count = views.len();
        let truths_px = truths.iter().map(|truth| TruthPx::from_normalised(truth, size_px)).collect();
        self.open = Some(Open { picture, views, role, truths_px });
        self.pictures += 1;
        count
    }

    /// Computes and keeps the feature maps of the next view of the open picture. Returns how many are left.
    ///
    /// # Errors
    ///
    /// When the network does not fit its input.
    pub fn look(&mut self) -> Result<usize, TeachError> {
        let Some(mut open) = self.open.take() else { return Ok(0) };
        let Some(view) = open.views.pop() else { return Ok(0) };
        let features = self.features(&view.pixels(&open.picture, &self.preprocess))?;
        match open.role {
            Role::Lesson => self.seen.push(Seen { features, truths: view.truths(self.preprocess.input_size) }),
            Role::Exam => {
                let (truths_px, size_px) = (std::mem::take(&mut open.truths_px), open.picture.dimensions());
                self.held.push(Held { features, truths_px, size_px });
            }
        }
        let left = open.views.len();
        self.open = (left > 0).then_some(open);
        Ok(left)
    }

    /// Takes the next step. Returns its loss, `[boxes, classes]`.
    ///
    /// # Errors
    ///
    /// When there are no pictures, or the loss is not finite.
    pub fn step(&mut self) -> Result<[f32; 2], TeachError> {
        if self.seen.is_empty() {
            return Err(TeachError::NoPictures);
        }
        let batch: Vec<usize> = (0..self.config.batch_size).map(|place| self.next(place)).collect();
        let inputs: Vec<Vec<f32>> = batch.iter().map(|view| self.seen[*view].features.numbers()).collect();
        let targets = batch.iter().map(|view| self.learner.matcher.targets(&self.seen[*view].truths));
        let examples = inputs.iter().zip(targets).map(|(pixels, targets)| Example { pixels, targets }).collect();
        let arch = self.header.arch;
        let gradients = |local: Local<'_>, batch: HostBatch| Ok::<_, Infallible>(of_heads(local, batch, arch));
        let lr = self.lr();
        self.step += 1;
        let Ok(reading) = self.learner.step(&[examples], lr, self.step, gradients, &mut ());
        let parts = reading.arrived().and_then(|parts| <[f32; 2]>::try_from(parts).ok()).unwrap_or([f32::NAN; 2]);
        let loss: f32 = parts.iter().sum();
        if loss.is_finite() { Ok(parts) } else { Err(TeachError::Diverged(loss, self.step)) }
    }

    /// The learning rate of the next step.
    pub fn lr(&self) -> f64 {
        self.rate.at(self.step)
    }

    /// Whether all steps were taken.
    pub fn is_over(&self) -> bool {
        self.step >= self.config.steps
    }

    /// The view at a place of the current step's batch: each epoch goes through all in another order.
    fn next(&mut self, place: usize) -> usize {
        let views = self.seen.len();
        let place = self.step * self.config.batch_size + place;
        let epoch = place / views;
        if self.order.0 != epoch || self.order.1.len() != views {
            let mut order: Vec<usize> = (0..views).collect();
            order.shuffle(&mut seeded(&[self.config.seed, u64::MAX, epoch as u64]));
            self.order = (epoch, order);
        }
        self.order.1[place % views]
    }

    /// The detector as it is now.
    fn detector(&self) -> (Header, Ssd) {
        let taught = self.learner.measured();
        let Some((known, old)) = &self.kept else {
            return (self.header.clone(), taught);
        };
        let labels = known.labels.iter().chain(&self.header.labels).cloned().collect();
        (Header { labels, ..self.header.clone() }, joined(old, known, &taught, &self.header))
    }

    /// The weights file of the detector as it is now, in half precision.
    ///
    /// # Errors
    ///
    /// When a weight has left the range of half precision.
    pub fn file(&self, provenance: Provenance) -> Result<Vec<u8>, TeachError> {
        let (header, model) = self.detector();
        let header = Header { provenance: Provenance { steps: self.step, ..provenance }, ..header };
        Ok(weights::save(&header, &model, Dtype::F16)?)
    }

    /// Measures the classes that are learned on the held-out pictures.
    pub fn exam(&self) -> Exam {
        exam(&self.header, &self.learner.measured(), &self.held)
    }

    /// What the detector as it is now finds in a picture of `[height, width, 4]` bytes, RGBA, each with its label.
    ///
    /// # Errors
    ///
    /// When the network does not fit its input.
    pub fn detect(&self, rgba: &[u8], width: usize, height: usize) -> Result<Vec<(String, Detection)>, TeachError> {
        let (header, model) = self.detector();
        let features = self.features(&preprocess_rgba(rgba, width, height, &self.preprocess))?;
        let found = detections(&header, &model, &features.numbers(), &header.params());
        Ok(found.into_iter().map(|found| (header.labels[found.class - 1].clone(), found)).collect())
    }

    /// What the trunk makes of a picture of `[3, S, S]` numbers.
    fn features(&self, pixels: &[f32]) -> Result<Features, TeachError> {
        let maps = self.trunk.maps(pixels, 1, self.preprocess.input_size);
        let maps = maps.map_err(|error| TeachError::Network(error.to_string()))?;
        Ok(Features::of(maps.iter().map(|map| map.values())))
    }
}

/// Forward, loss and backward of the heads, on features in place of pixels.
fn of_heads(local: Local<'_>, batch: HostBatch, arch: ssd::Arch) -> BatchGradients {
    let views = batch.images;
    let (numbers, targets) = batch.split(local.device);
    let maps = tensors(&numbers, views, arch, local.device);
    let loss = local.loss.loss(&local.model.predict(maps), &targets);
    let parts = loss.parts();
    BatchGradients { gradients: GradientsParams::from_grads(loss.total().backward(), local.model), loss: parts }
}
