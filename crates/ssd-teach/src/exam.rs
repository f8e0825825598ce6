//! What a detector finds in pictures whose features are known, and how good that is on those held out.

use burn::tensor::Device;
use ssd::postprocess::{DetectParams, postprocess};
use ssd::weights::Header;
use ssd::{Detection, Ssd};
use ssd_data::TruthPx;
use ssd_measure::confusion::Confusion;
use ssd_measure::{ImageResult, Report, evaluate};

use crate::features::{Features, tensors};

/// How well the held-out pictures are detected.
#[derive(Debug, Clone, PartialEq)]
pub struct Exam {
    /// All measures, of the classes that are learned.
    pub report: Report,
    /// Their numbers in the order in which they came, those with most mistakes first: objects that are missed or
    /// mistaken, and detections of nothing, at the score of the detector.
    pub worst: Vec<usize>,
}

/// The score from which detections count in a measure.
const MEASURED_SCORE: f32 = 0.01;

/// A picture that is measured on.
pub struct Held {
    /// Of the whole picture.
    pub features: Features,
    /// Its objects.
    pub truths_px: Vec<TruthPx>,
    /// Width and height.
    pub size_px: (u32, u32),
}

/// Measures a detector on pictures.
pub fn exam(header: &Header, model: &Ssd, held: &[Held]) -> Exam {
    let params = DetectParams { score: MEASURED_SCORE, ..header.params() };
    let result = |held: &Held| {
        let found = detections(header, model, &held.features.numbers(), &params);
        ImageResult::from_normalised(held.size_px, &held.truths_px, &found)
    };
    let results: Vec<ImageResult> = held.iter().map(result).collect();
    let classes = header.labels.len();
    let mistakes = |image: &ImageResult| {
        let counts = Confusion::count(std::slice::from_ref(image), classes, f64::from(header.score));
        let all: usize = (0..=classes).map(|class| counts.row_sum(class)).sum();
        all - (1..=classes).map(|class| counts.get(class, class)).sum::<usize>()
    };
    let mut worst: Vec<(usize, usize)> = results.iter().map(mistakes).zip(0..).collect();
    worst.sort_by_key(|(mistakes, index)| (std::cmp::Reverse(*mistakes), *index));
    let report = evaluate(&results, &header.labels);
    Exam { report, worst: worst.into_iter().map(|(_, index)| index).collect() }
}

/// What a detector finds in a picture, from the numbers of its feature maps, as of [`Features::numbers`].
pub fn detections(header: &Header, model: &Ssd, numbers: &[f32], params: &DetectParams) -> Vec<Detection> {
    let out = model.predict(tensors(numbers, 1, header.arch, &Device::flex()));
    let [offsets, logits] = [out.offsets, out.logits].map(|rows| rows.into_data().iter().collect::<Vec<f32>>());
    let (priors, variances) = (header.priors.priors(), header.priors.variances);
    postprocess(&offsets, &logits, &priors, variances, header.score_activation, params)
}
