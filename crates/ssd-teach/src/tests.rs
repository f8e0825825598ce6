//! Whole lessons on generated pictures.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use ssd::cpu_network::CpuTrunk;
use ssd::loss::BatchTargets;
use ssd::postprocess::postprocess;
use ssd::preprocess::preprocess_rgba;
use ssd::weights::{self, Dtype, Header, Provenance};
use ssd::{Arch, Detection, Predictions, Ssd};
use ssd_data::seeded::seeded;
use ssd_data::{Dataset, Format};
use ssd_learn::learner::loss;
use ssd_learn::{Difficult, Matcher};

use crate::features::tensors;
use crate::{Lesson, Role, TeachConfig, TeachError};

const ARCH: &str = "ssd96-mobilenet-v1-tf-0.25";

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Draws every weight by its place.
struct Drawn(u64);

impl ModuleMapper for Drawn {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0 += 1;
        let place = self.0;
        param.map(|old| {
            let shape = old.dims();
            let fan_in = shape.iter().skip(1).product::<usize>().max(1) as f32;
            let mut rng = seeded(&[place]);
            let noise = |rng: &mut rand_pcg::Pcg64| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
            let size = if D > 1 { (6.0 / fan_in).sqrt() } else { 0.1 };
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| size * noise(&mut rng)).collect();
            Tensor::from_data(TensorData::new(values, shape), &old.device()).set_require_grad(old.is_require_grad())
        })
    }
}

/// A detector of these classes, as a file.
fn start(labels: &[&str]) -> (Header, Vec<u8>) {
    let arch: Arch = ARCH.parse().unwrap();
    let header = Header::new(arch, names(labels), Provenance::default());
    let model = Ssd::new(arch, header.columns(), &Device::flex()).map(&mut Drawn(0));
    let bytes = weights::save(&header, &model, Dtype::F32).unwrap();
    (header, bytes)
}

fn scenes() -> Dataset {
    ssd_data::open(&["shapes:3:40"], Format::AUTO, None, None).unwrap()
}

/// A lesson that has looked at scenes, the last `held` of them held out.
fn looked(file: Vec<u8>, labels: &[String], config: TeachConfig, scenes: &Dataset, held: usize) -> Lesson {
    let mut lesson = Lesson::new(file, labels, config).unwrap();
    for index in 0..12 {
        let sample = scenes.get(index).unwrap();
        let role = if index >= 12 - held { Role::Exam } else { Role::Lesson };
        let views = lesson.open(sample.image.clone(), &sample.truths, role);
        assert_eq!(views, if role == Role::Exam { 1 } else { 4 });
        (1..=views).for_each(|look| assert_eq!(lesson.look().unwrap(), views - look));
    }
    assert_eq!(lesson.look().unwrap(), 0);
    lesson
}

fn config(keep_classes: bool) -> TeachConfig {
    TeachConfig { keep_classes, steps: 30, crops: 2, seed: 5, ..TeachConfig::default() }
}

fn predictions(file: Vec<u8>, pixels: &[f32]) -> (Header, Predictions) {
    let (header, model) = weights::load(file, &Device::flex()).unwrap();
    let size = header.input_size;
    let input = Tensor::from_data(TensorData::new(pixels.to_vec(), [1, 3, size, size]), &Device::flex());
    let out = model.forward(input);
    (header, out)
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.clone().into_data().iter::<f32>().collect()
}

#[test]
fn a_lesson_lowers_the_loss_and_the_same_seed_makes_the_same_file() {
    let (scenes, (_, file)) = (scenes(), start(&["other"]));
    let taught = || {
        let mut lesson = looked(file.clone(), scenes.labels(), config(false), &scenes, 3);
        let mut losses = Vec::new();
        while !lesson.is_over() {
            losses.push(lesson.step().unwrap().iter().sum::<f32>());
        }
        let exam = lesson.exam();
        assert_eq!((exam.report.images, exam.worst.len()), (3, 3));
        assert!(exam.report.voc_all_point.is_some());
        (losses, lesson.file(Provenance::default()).unwrap())
    };
    let (losses, made) = taught();
    let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len() as f32;
    let (first, last) = (mean(&losses[..5]), mean(&losses[25..]));
    assert!(last < 0.95 * first, "{first} to {last}");
    assert!(taught() == (losses, made.clone()));

    let (header, _) = weights::load(made, &Device::flex()).unwrap();
    assert_eq!((&header.labels[..], header.score, header.provenance.steps), (scenes.labels(), 0.3, 30));
}

#[test]
fn classes_that_are_added_leave_the_old_ones_and_all_boxes_as_they_are() {
    let (scenes, (old_header, file)) = (scenes(), start(&["cat", "dog"]));
    let mut lesson = looked(file.clone(), scenes.labels(), config(true), &scenes, 0);
    while !lesson.is_over() {
        lesson.step().unwrap();
    }
    let made = lesson.file(Provenance::default()).unwrap();
    let size = old_header.input_size;
    let pixels: Vec<f32> = (0..3 * size * size).map(|i| (i as f32 * 0.013).sin()).collect();
    // In half precision, as the taught file.
    let (header, model) = weights::load(file, &Device::flex()).unwrap();
    let old = predictions(weights::save(&header, &model, Dtype::F16).unwrap(), &pixels).1;
    let (header, new) = predictions(made, &pixels);
    assert_eq!(header.labels, [&names(&["cat", "dog"])[..], scenes.labels()].concat());
    assert_eq!(values(&old.offsets), values(&new.offsets));
    assert_eq!(values(&old.logits), values(&new.logits.clone().narrow(2, 0, 2)));
    let added = values(&new.logits.narrow(2, 2, scenes.labels().len()));
    assert!(added.iter().any(|logit| (logit + 4.0).abs() > 0.1), "the new rows have learned");
}

#[test]
fn what_a_lesson_finds_by_now_is_what_its_file_finds() {
    let scenes = scenes();
    // All boxes with their scores: which of two boxes NMS keeps may hang on the last digit.
    let (header, file) = start(&["cat", "dog"]);
    let model = weights::load(file, &Device::flex()).unwrap().1;
    let file = weights::save(&Header { score: 0.005, iou: 1.0, max: 512, ..header }, &model, Dtype::F32).unwrap();
    let picture = scenes.get(20).unwrap().image;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rgba: Vec<u8> = picture.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
    for keep_classes in [false, true] {
        let mut lesson = looked(file.clone(), scenes.labels(), config(keep_classes), &scenes, 0);
        (0..20).for_each(|_| {
            lesson.step().unwrap();
        });
        let found = lesson.detect(&rgba, width, height).unwrap();
        let made = lesson.file(Provenance::default()).unwrap();
        let (header, _) = weights::load(made.clone(), &Device::flex()).unwrap();
        let (_, out) = predictions(made, &preprocess_rgba(&rgba, width, height, &header.preprocess()));
        let (priors, variances) = (header.priors.priors(), header.priors.variances);
        let [offsets, logits] = [values(&out.offsets), values(&out.logits)];
        let wanted = postprocess(&offsets, &logits, &priors, variances, header.score_activation, &header.params());
        assert!(wanted.len() > 100, "{} boxes", wanted.len());
        for one in &wanted[..100] {
            // Half precision and features of a byte move each a little.
            let near = |a: f32, b: f32| (a - b).abs() < 0.02;
            let same = |(label, other): &(String, Detection)| {
                let [a, b] = [one.bbox, other.bbox];
                let corners = [(a.x1, b.x1), (a.y1, b.y1), (a.x2, b.x2), (a.y2, b.y2)];
                *label == header.labels[one.class - 1]
                    && near(one.score, other.score)
                    && corners.iter().all(|(a, b)| near(*a, *b))
            };
            assert!(found.iter().any(same), "{one:?} is not among {found:?}");
        }
    }
}

#[test]
fn a_class_that_is_known_already_is_background_and_the_others_keep_their_names() {
    let file = start(&["dog"]).1;
    let picture = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8 * 4, y as u8 * 4, 128]));
    let truth =
        |x: f32, class| ssd::GroundTruth { bbox: ssd::CornerBox::new(x, 0.1, x + 0.4, 0.9), class, difficult: false };
    let taught = |labels: &[&str], truths: &[ssd::GroundTruth]| {
        let mut lesson = Lesson::new(file.clone(), &names(labels), config(true)).unwrap();
        lesson.open(picture.clone(), truths, Role::Lesson);
        while lesson.look().unwrap() > 0 {}
        (0..5).for_each(|_| {
            lesson.step().unwrap();
        });
        (lesson.labels().to_vec(), lesson.file(Provenance::default()).unwrap())
    };
    // A number of no class is background, too.
    let both = taught(&["Dog", "cow"], &[truth(0.0, 1), truth(0.5, 2), truth(0.2, 3)]);
    assert_eq!(both.0, ["cow"]);
    assert!(both == taught(&["cow"], &[truth(0.5, 1)]));
    assert!(both != taught(&["cow"], &[truth(0.0, 1)]));
}

#[test]
fn what_cannot_be_taught_is_refused() {
    let (_, file) = start(&["circle", "dog"]);
    let lesson = |labels: &[&str], keep| Lesson::new(file.clone(), &names(labels), config(keep)).map(drop);
    assert!(matches!(lesson(&[], false), Err(TeachError::NoClasses)));
    assert!(matches!(lesson(&["Dog"], true), Err(TeachError::AllKnown(_))));
    assert!(lesson(&["Dog", "cow"], true).is_ok());
    let mut empty = Lesson::new(file.clone(), &names(&["cow"]), config(false)).unwrap();
    assert!(matches!(empty.step(), Err(TeachError::NoPictures)));
}

/// The gradients of all parameters that have one.
struct Found<'a>(&'a GradientsParams, Vec<Vec<f32>>);

impl ModuleVisitor for Found<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.0.get::<D>(param.id) {
            self.1.push(values(&gradient));
        }
    }
}

#[test]
fn gradients_of_the_heads_through_kept_features_are_those_of_the_whole_network() {
    let (header, file) = start(&["cat", "dog"]);
    let device = Device::flex().autodiff();
    let (_, model) = weights::load(file.clone(), &device).unwrap();
    let model = Ssd { backbone: model.backbone.freeze(), heads: model.heads };
    let size = header.input_size;
    let pixels: Vec<f32> = (0..2 * 3 * size * size).map(|i| (i as f32 * 0.021).sin()).collect();

    let matcher = Matcher::new(&header, Difficult::Skip);
    let truth =
        |x: f32, class| ssd::GroundTruth { bbox: ssd::CornerBox::new(x, 0.2, x + 0.4, 0.7), class, difficult: false };
    let targets = [matcher.targets(&[truth(0.1, 1)]), matcher.targets(&[truth(0.5, 2), truth(0.0, 1)])];
    let priors = targets[0].classes.len();
    let classes: Vec<i32> = targets.iter().flat_map(|t| t.classes.iter().map(|class| *class as i32)).collect();
    let offsets: Vec<f32> = targets.iter().flat_map(|t| t.offsets.clone()).collect();
    let gradients = |predictions: Predictions| {
        let targets = BatchTargets {
            classes: Tensor::from_data(TensorData::new(classes.clone(), [2, priors]), &Device::flex()),
            offsets: Tensor::from_data(TensorData::new(offsets.clone(), [2, priors, 4]), &device),
            positives: classes.iter().filter(|class| **class > 0).count(),
        };
        let loss = loss(&crate::config::learn(), &header, &device).loss(&predictions, &targets);
        let gradients = GradientsParams::from_grads(loss.total().backward(), &model);
        let mut found = Found(&gradients, Vec::new());
        model.visit(&mut found);
        found.1
    };

    let input = Tensor::from_data(TensorData::new(pixels.clone(), [2, 3, size, size]), &device);
    let whole = gradients(model.forward(input));
    let trunk = CpuTrunk::new(&weights::load(file, &Device::flex()).unwrap().1).unwrap();
    let numbers: Vec<f32> = (pixels.chunks_exact(3 * size * size))
        .flat_map(|picture| {
            trunk.maps(picture, 1, size).unwrap().iter().flat_map(|map| map.values().to_vec()).collect::<Vec<_>>()
        })
        .collect();
    let kept = gradients(model.predict(tensors(&numbers, 2, header.arch, &device)));

    assert_eq!(whole.len(), header.arch.feature_maps().len() * 4, "weights and biases of two branches");
    for (whole, kept) in whole.iter().zip(&kept) {
        let largest = whole.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let apart = whole.iter().zip(kept).fold(0.0f32, |apart, (a, b)| apart.max((a - b).abs()));
        assert!(apart <= 1e-5 * largest.max(1.0), "{apart} of {largest}");
    }
}
