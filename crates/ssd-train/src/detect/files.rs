//! Picture files through a detector, one after the other: threads read and decode the next ones, and on a GPU one is
//! computed while the host is busy with the one before.

use std::path::{Path, PathBuf};
use std::time::Instant;

use image::RgbImage;
use ssd::postprocess::DetectParams;
use ssd::tiles::Tiles;
use ssd_data::images;

use crate::detect::ahead;
use crate::detect::detector::{Detector, DetectorError, Pixels, Submitted};
use crate::detect::report::{DetectionReport, ImageReport, TimingReport};
use crate::detect::tiled;
use crate::failure::Failure;

/// By what, and how, pictures are detected in.
pub struct How<'a> {
    /// For batches of [`tiled::BATCH`] where pictures are divided.
    pub detector: &'a Detector,
    /// Of the post-processing.
    pub params: &'a DetectParams,
    /// How a picture is divided, if it is.
    pub tiles: Option<Tiles>,
    /// Hears which window of how many is next.
    pub window: &'a dyn Fn(usize, usize),
}

/// A picture and what was found in it; or why nothing could be, which is bad input where it does not decode.
pub type Result = std::result::Result<(RgbImage, ImageReport), Failure>;

/// Detects in each file and calls `take` with the results, in the order of `paths`. The time of a picture is counted
/// from its submission: in the midst of others it has waited for the one before.
///
/// # Errors
/// The first of `take`, after which nothing more is done.
pub fn detect(
    paths: &[PathBuf],
    how: &How<'_>,
    take: &mut dyn FnMut(&Path, Result) -> std::result::Result<(), Failure>,
) -> std::result::Result<(), Failure> {
    let whole = how.tiles.is_none();
    let read = |index: usize| Read::new(&paths[index], whole);
    let finish = |(path, begun): (&PathBuf, std::result::Result<Begun, Failure>)| {
        take(path, begun.and_then(|begun| begun.done(path, how).map_err(|error| failed(path, &error))))
    };
    ahead::in_order((paths.len(), 0), read, |pictures| {
        // What cannot be begun has its turn like all others.
        let begun = paths.iter().zip(pictures).map(|(path, picture)| {
            Ok((path, picture.and_then(|read| Begun::new(read, how).map_err(|error| failed(path, &error)))))
        });
        ahead::overlapped(how.detector.in_flight(), begun, finish)
    })
}

fn failed(path: &Path, error: &DetectorError) -> Failure {
    Failure::Run(format!("{}: {error}", path.display()))
}

/// A picture that was read.
struct Read {
    picture: RgbImage,
    /// The same as the detector takes it, unless it is to be divided.
    pixels: Option<Pixels>,
    note: Option<String>,
    ms: f64,
}

impl Read {
    fn new(path: &Path, whole: bool) -> std::result::Result<Self, Failure> {
        let start = Instant::now();
        let (picture, note) = images::read_noted(path).map_err(Failure::input)?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let pixels = whole.then(|| Pixels::from(&picture));
        Ok(Self { picture, pixels, note, ms })
    }
}

/// A picture on its way through the detector.
struct Begun {
    picture: RgbImage,
    note: Option<String>,
    decode_ms: f64,
    /// Nothing for a picture that is divided: its windows are submitted when it is its turn.
    submitted: Option<(Submitted, Instant)>,
}

impl Begun {
    fn new(
        Read { picture, pixels, note, ms: decode_ms }: Read,
        how: &How<'_>,
    ) -> std::result::Result<Self, DetectorError> {
        let started = Instant::now();
        let submitted = pixels.map(|pixels| how.detector.submit(&[&pixels], how.params)).transpose()?;
        Ok(Self { picture, note, decode_ms, submitted: submitted.map(|submitted| (submitted, started)) })
    }

    /// Waits for the detections.
    fn done(self, path: &Path, how: &How<'_>) -> std::result::Result<(RgbImage, ImageReport), DetectorError> {
        let Self { picture, note, decode_ms, submitted } = self;
        let (detector, params, now) = (how.detector, how.params, Instant::now());
        let ((detections, timing), started) = match (submitted, how.tiles) {
            (Some((submitted, started)), _) => (detector.read_one(submitted)?, started),
            (None, Some(tiles)) => {
                let mut window = |done, all| (how.window)(done, all);
                (tiled::detect(detector, &picture, params, (tiles, tiled::BATCH), &mut window)?, now)
            }
            (None, None) => (detector.detect(&picture, params)?, now),
        };
        let total_ms = decode_ms + started.elapsed().as_secs_f64() * 1e3;
        let ((width, height), labels) = (picture.dimensions(), &detector.header().labels);
        let detections = detections.iter().map(|d| DetectionReport::new(d, labels, (width, height))).collect();
        let timing_ms = TimingReport::new(decode_ms, &timing, total_ms);
        Ok((picture, ImageReport { image: path.display().to_string(), width, height, detections, timing_ms, note }))
    }
}
