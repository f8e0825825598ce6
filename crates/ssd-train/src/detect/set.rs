//! A whole data set through a detector, in batches: threads read and decode the next pictures, and on a GPU one batch
//! is computed while the host is busy with the one before.

use ssd::Detection;
use ssd::postprocess::DetectParams;
use ssd::tiles::Tiles;
use ssd_data::{DataError, Dataset, Sample};
use ssd_measure::ImageResult;

use crate::detect::detector::{Detector, DetectorError, Pixels, Submitted};
use crate::detect::{ahead, tiled};
use crate::failure::Failure;

/// By what, and how, pictures are detected in.
pub struct How<'a> {
    /// For batches of `batch`.
    pub detector: &'a Detector,
    /// Of the post-processing.
    pub params: &'a DetectParams,
    /// How a picture is divided, if it is.
    pub tiles: Option<Tiles>,
    /// Pictures, or windows of one, at once.
    pub batch: usize,
}

/// Detects in every picture of a set. `done` hears of each. The results are in the order of the set.
///
/// # Errors
/// For the first picture that cannot be read or detected in: leaving it out would quietly change the measurement.
pub fn detect(set: &Dataset, how: &How<'_>, done: &dyn Fn()) -> Result<Vec<ImageResult>, Failure> {
    let mut images = Vec::with_capacity(set.len());
    let finish = |mut batch: Batch| -> Result<(), Failure> {
        let found = batch.found(how).map_err(|error| failed(&batch.samples, &error))?;
        for (sample, detections) in batch.samples.iter().zip(found) {
            images.push(ImageResult::from_normalised(sample.size_px, &sample.truths_px, &detections));
            done();
        }
        Ok(())
    };
    let whole = how.tiles.is_none();
    let read = |index: usize| -> Result<(Sample, Option<Pixels>), DataError> {
        let sample = set.get(index)?;
        let pixels = whole.then(|| Pixels::from(&sample.image));
        Ok((sample, pixels))
    };
    ahead::in_order((set.len(), 2 * how.batch), read, |pictures| {
        let begun = std::iter::from_fn(|| match pictures.take(how.batch).collect::<Result<Vec<_>, _>>() {
            Ok(some) if some.is_empty() => None,
            Ok(some) => Some(Batch::new(some, how)),
            Err(error) => Some(Err(Failure::run(error))),
        });
        ahead::overlapped(how.detector.in_flight(), begun, finish)
    })?;
    Ok(images)
}

fn failed(samples: &[Sample], error: &DetectorError) -> Failure {
    let names: Vec<&str> = samples.iter().map(|sample| sample.name.as_str()).collect();
    Failure::Run(format!("{}: {error}", names.join(", ")))
}

/// Pictures on their way through the detector.
struct Batch {
    samples: Vec<Sample>,
    /// Nothing for pictures that are divided: their windows are submitted when it is their turn.
    submitted: Option<Submitted>,
}

impl Batch {
    fn new(pictures: Vec<(Sample, Option<Pixels>)>, how: &How<'_>) -> Result<Self, Failure> {
        let (samples, pixels): (Vec<Sample>, Vec<Option<Pixels>>) = pictures.into_iter().unzip();
        let pixels: Option<Vec<&Pixels>> = pixels.iter().map(Option::as_ref).collect();
        let submitted = pixels.map(|pixels| how.detector.submit(&pixels, how.params)).transpose();
        Ok(Self { submitted: submitted.map_err(|error| failed(&samples, &error))?, samples })
    }

    /// What is found in each picture: in all at once, or in the windows of one after the other.
    fn found(&mut self, how: &How<'_>) -> Result<Vec<Vec<Detection>>, DetectorError> {
        let How { detector, params, tiles, batch } = *how;
        if let Some(submitted) = self.submitted.take() {
            return Ok(detector.read(submitted)?.into_iter().map(|outcome| outcome.detections).collect());
        }
        let one = |Sample { image, .. }: &Sample| match tiles {
            Some(tiles) => Ok(tiled::detect(detector, image, params, (tiles, batch), &mut |_, _| {})?.0),
            None => Ok(detector.detect(image, params)?.0),
        };
        self.samples.iter().map(one).collect()
    }
}
