//! What `detect` says of a picture: as JSON, as text, or as labels to draw.

use std::fmt::Write as _;

use serde::Serialize;
use ssd::{CornerBox, Detection};
use ssd_data::draw::Labelled;

use crate::detect::detector::Timing;
use crate::detect::tracks::{Found, Tracks};
use crate::failure::Failure;

/// The report on one picture.
#[derive(Debug, Serialize)]
pub struct ImageReport {
    /// The path, as given.
    pub image: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Best first.
    pub detections: Vec<DetectionReport>,
    /// In milliseconds.
    pub timing_ms: TimingReport,
    /// What of the picture is missing, if something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An object.
#[derive(Debug, Serialize)]
pub struct DetectionReport {
    /// The name of its class.
    pub label: String,
    /// 1-based.
    pub class: usize,
    /// `0..=1`
    pub score: f32,
    /// `[x1, y1, x2, y2]` in pixels of the picture.
    #[serde(rename = "box")]
    pub corners_px: [f32; 4],
    /// The number of its track, with `--track`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
}

/// How long a picture took, in milliseconds.
#[derive(Debug, Serialize)]
pub struct TimingReport {
    decode_image: f64,
    preprocess: f64,
    network: f64,
    postprocess: f64,
    /// By the host's clock, everything counted.
    pub total: f64,
}

impl ImageReport {
    /// Numbers the detections by their tracks, and leaves out those that only continue one.
    ///
    /// # Errors
    /// Those of [`Tracks::follow`].
    pub fn number(&mut self, tracks: &mut Tracks, labels: &[String]) -> Result<(), Failure> {
        let found = |&DetectionReport { class, score, corners_px, .. }: &_| Found { class, score, corners_px };
        let found: Vec<Found> = self.detections.iter().map(found).collect();
        let numbers = tracks.follow(&self.image, &found, labels)?;
        for (detection, number) in self.detections.iter_mut().zip(numbers) {
            detection.track = number;
        }
        self.detections.retain(|detection| detection.track.is_some());
        Ok(())
    }

    /// One line for the picture, one for each detection.
    pub fn readable(&self) -> String {
        let Self { image, width, height, detections, timing_ms, .. } = self;
        let objects = match detections.len() {
            0 => "nothing found".to_owned(),
            1 => "1 object".to_owned(),
            n => format!("{n} objects"),
        };
        let mut text = format!("{image}: {objects}, {width} x {height} px, {:.0} ms\n", timing_ms.total);
        for d in detections {
            let [x1, y1, x2, y2] = d.corners_px;
            // Writing to a string cannot fail.
            let _ = write!(text, "  {:>3.0}% {} at {x1:.0}, {y1:.0} to {x2:.0}, {y2:.0}", d.score * 100.0, d.label);
            let _ = d.track.map(|number| write!(text, ", track {number}"));
            text.push('\n');
        }
        text
    }
}

impl DetectionReport {
    /// A detection in a picture of that size in pixels.
    pub fn new(detection: &Detection, labels: &[String], (width, height): (u32, u32)) -> Self {
        let b = detection.bbox.clipped().scaled(width as f32, height as f32);
        // A weights file has a label for each class; should one be missing, its number will do.
        let label = labels.get(detection.class - 1).cloned().unwrap_or_else(|| detection.class.to_string());
        let corners_px = [b.x1, b.y1, b.x2, b.y2];
        Self { label, class: detection.class, score: detection.score, corners_px, track: None }
    }

    /// What is drawn of it.
    pub fn labelled(&self) -> Labelled {
        let [x1, y1, x2, y2] = self.corners_px;
        let number = self.track.map_or_else(String::new, |number| format!("#{number} "));
        let text = format!("{number}{} {:.0}%", self.label, self.score * 100.0);
        // A track keeps its colour, too.
        let colour = self.track.map_or(self.class, |number| number as usize);
        Labelled { bbox_px: CornerBox::new(x1, y1, x2, y2), text, class: colour }
    }
}

impl TimingReport {
    /// The stages, with the time of reading the picture and that of everything.
    pub fn new(decode_image: f64, timing: &Timing, total: f64) -> Self {
        let (preprocess, network, postprocess) = (timing.preprocess_ms, timing.network_ms, timing.postprocess_ms);
        Self { decode_image, preprocess, network, postprocess, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_in_every_form_and_without_one_nothing_is_said_of_it() {
        let bbox = CornerBox::new(0.1, 0.2, 0.5, 1.2);
        let detection = Detection { bbox, class: 1, score: 0.5 };
        let mut found = DetectionReport::new(&detection, &["cat".to_owned()], (200, 100));
        assert_eq!(found.corners_px, [20.0, 20.0, 100.0, 100.0], "clipped");
        assert_eq!((found.labelled().text.as_str(), found.labelled().class), ("cat 50%", 1));
        assert!(serde_json::to_value(&found).expect("JSON").get("track").is_none());
        found.track = Some(12);
        assert_eq!((found.labelled().text.as_str(), found.labelled().class), ("#12 cat 50%", 12));
        let timing_ms = TimingReport::new(0.0, &Timing::default(), 7.0);
        let (image, width, height) = ("a.png".to_owned(), 200, 100);
        let report = ImageReport { image, width, height, detections: vec![found], timing_ms, note: None };
        assert_eq!(
            report.readable(),
            "a.png: 1 object, 200 x 100 px, 7 ms\n   50% cat at 20, 20 to 100, 100, track 12\n"
        );
    }
}
