//! `--track`: pictures as frames, whose objects keep their numbers; a file of all tracks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use ssd_track::{Rect, Rules, State, Track, Tracker};

use crate::failure::Failure;

/// The options of tracking.
#[derive(Debug, Clone, clap::Args)]
pub struct TrackArgs {
    /// Take the pictures as frames in the order of their names, and number the objects: one keeps its number from
    /// frame to frame
    #[arg(long)]
    pub track: bool,
    /// Frames a second, which decide how long an object may be out of sight (a second)
    #[arg(long, value_name = "X", default_value_t = 30.0, requires = "track")]
    pub fps: f64,
    /// Write the tracks into this file: .jsonl has a line of JSON for each frame, .csv a line of the MOT challenge's
    /// results for each box. Both have smooth boxes of objects that were seen twice in a row
    #[arg(long, value_name = "FILE", requires = "track")]
    pub save_tracks: Option<PathBuf>,
}

/// A detection as it is reported: `[x1, y1, x2, y2]` in pixels.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// 1-based.
    pub class: usize,
    /// `0..=1`
    pub score: f32,
    /// In pixels.
    pub corners_px: [f32; 4],
}

/// The tracks of a run, and the text of their file.
pub struct Tracks {
    tracker: Tracker,
    fps: f64,
    /// Frames before the present one, those that could not be read among them.
    frames: usize,
    file: Option<(PathBuf, Format)>,
    text: String,
}

/// What a file of tracks holds, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Lines,
    Mot,
}

/// A track in a line of JSON.
#[derive(Serialize)]
struct Row<'a> {
    track: u64,
    label: &'a str,
    class: usize,
    score: f64,
    #[serde(rename = "box")]
    corners_px: [f64; 4],
}

impl Tracks {
    /// The tracks that are asked for, if they are; detections above `score` begin one.
    ///
    /// # Errors
    /// If the rate is not a positive number, or the file has another ending.
    pub fn new(args: &TrackArgs, score: f32) -> Result<Option<Self>, Failure> {
        if !args.track {
            return Ok(None);
        }
        if !(args.fps.is_finite() && args.fps > 0.0) {
            return Err(Failure::Input(format!("--fps is {}; it has to be a number above 0.", args.fps)));
        }
        let file = args.save_tracks.as_deref().map(|path| Ok::<_, Failure>((path.to_owned(), Format::of(path)?)));
        // The detector reports what is above the score, the rule begins at its value.
        let rules = Rules { strong: f64::from(score).next_up().min(1.0), ..Rules::default() };
        let tracker = Tracker::new(rules).map_err(Failure::input)?;
        Ok(Some(Self { tracker, fps: args.fps, frames: 0, file: file.transpose()?, text: String::new() }))
    }

    /// The score above which detections are of use: weak ones continue tracks.
    pub fn least_score(&self) -> f32 {
        let Rules { strong, weak, .. } = *self.tracker.rules();
        weak.min(strong) as f32
    }

    /// A picture that could not be read: time goes on.
    pub fn skip(&mut self) {
        self.frames += 1;
    }

    /// Takes the detections of the next frame, and says which track each belongs to: none for one that is too weak to
    /// be reported.
    ///
    /// # Errors
    /// Never: frames come in order.
    pub fn follow(&mut self, image: &str, found: &[Found], labels: &[String]) -> Result<Vec<Option<u64>>, Failure> {
        let detections: Vec<ssd_track::Detection> = found.iter().map(detection).collect();
        let time = self.frames as f64 / self.fps;
        let numbers = self.tracker.update(&detections, time).map_err(Failure::run)?;
        self.note(image, time, labels)?;
        self.frames += 1;
        let strong = self.tracker.rules().strong;
        let reported = numbers.into_iter().zip(&detections);
        Ok(reported.map(|(number, found)| number.filter(|_| found.score >= strong)).collect())
    }

    /// The confirmed tracks of a frame, as the file has them.
    fn note(&mut self, image: &str, time: f64, labels: &[String]) -> Result<(), Failure> {
        let Some((_, format)) = self.file else { return Ok(()) };
        let seen = self.tracker.tracks().iter().filter(|track| track.state() == State::Seen);
        match format {
            Format::Lines => {
                let rows: Vec<Row<'_>> = seen.map(|track| row(track, labels)).collect();
                let line = json!({ "image": image, "frame": self.frames, "time": time, "tracks": rows });
                self.text += &serde_json::to_string(&line).map_err(Failure::run)?;
                self.text.push('\n');
            }
            Format::Mot => seen.for_each(|track| mot_line(&mut self.text, self.frames, track)),
        }
        Ok(())
    }

    /// Writes the file, if one is asked for, and says in a sentence how many objects there were.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(&self, labels: &[String]) -> Result<String, Failure> {
        if let Some((path, _)) = &self.file {
            ssd_data::write_atomic(path, self.text.as_bytes())?;
        }
        let counts = self.tracker.counts();
        let by_label: BTreeMap<&str, u64> =
            counts.iter().map(|(&class, count)| (label(class, labels), count.total)).collect();
        let each: Vec<String> = by_label.iter().map(|(label, total)| format!("{total} {label}")).collect();
        let all = by_label.values().sum::<u64>();
        Ok(match all {
            0 => "no object was seen in two frames in a row".to_owned(),
            _ => format!("{all} tracks: {}", each.join(", ")),
        })
    }
}

impl Format {
    fn of(path: &Path) -> Result<Self, Failure> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("jsonl") => Ok(Self::Lines),
            Some("csv") => Ok(Self::Mot),
            _ => Err(Failure::Input(format!(
                "--save-tracks {} has to end in .jsonl (lines of JSON) or .csv (the MOT challenge's results).",
                path.display()
            ))),
        }
    }
}

fn detection(found: &Found) -> ssd_track::Detection {
    let [x1, y1, x2, y2] = found.corners_px.map(f64::from);
    ssd_track::Detection { bbox: Rect::new(x1, y1, x2, y2), class: found.class, score: f64::from(found.score) }
}

fn row<'a>(track: &Track, labels: &'a [String]) -> Row<'a> {
    let Rect { x1, y1, x2, y2 } = track.bbox();
    let class = track.class();
    Row {
        track: track.number(),
        label: label(class, labels),
        class,
        score: track.score(),
        corners_px: [x1, y1, x2, y2],
    }
}

/// `frame, id, left, top, width, height, confidence, -1, -1, -1`; frames and pixels count from 1 there.
fn mot_line(text: &mut String, frame: usize, track: &Track) {
    let bbox = track.bbox();
    let (left, top, width, height) = (bbox.x1 + 1.0, bbox.y1 + 1.0, bbox.width(), bbox.height());
    let (frame, number, score) = (frame + 1, track.number(), track.score());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{frame},{number},{left:.2},{top:.2},{width:.2},{height:.2},{score:.4},-1,-1,-1");
}

/// A weights file has a label for each class; should one be missing, "?" will do.
fn label(class: usize, labels: &[String]) -> &str {
    labels.get(class - 1).map_or("?", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracks(file: &str) -> Tracks {
        let args = TrackArgs { track: true, fps: 10.0, save_tracks: Some(file.into()) };
        Tracks::new(&args, 0.5).expect("good options").expect("tracks")
    }

    fn found(x: f32, score: f32) -> Found {
        Found { class: 1, score, corners_px: [x, 10.0, x + 20.0, 50.0] }
    }

    #[test]
    fn what_is_reported_has_a_number_and_what_is_too_weak_has_none() {
        let mut tracks = tracks("t.csv");
        let labels = ["cat".to_owned()];
        let mut follow = |found: &[Found]| tracks.follow("a.png", found, &labels).expect("in order");
        assert_eq!(follow(&[found(0.0, 0.9), found(90.0, 0.5)]), [Some(1), None]);
        assert_eq!(follow(&[found(1.0, 0.8)]), [Some(1)]);
        assert_eq!(follow(&[found(2.0, 0.3)]), [None], "it goes on, and is not reported");
        assert_eq!(follow(&[found(3.0, 0.9)]), [Some(1)]);
        let lines: Vec<&str> = tracks.text.lines().collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("2,1,") && lines[0].ends_with(",0.8000,-1,-1,-1"), "{lines:?}");
        assert!(lines[1].ends_with(",0.3000,-1,-1,-1"), "{lines:?}");
    }

    #[test]
    fn a_frame_that_is_missing_takes_its_time_and_a_line_says_when_a_frame_was() {
        let mut tracks = tracks("t.jsonl");
        let labels = ["cat".to_owned()];
        tracks.follow("a.png", &[found(0.0, 0.9)], &labels).expect("in order");
        tracks.skip();
        tracks.follow("c.png", &[found(0.0, 0.9)], &labels).expect("in order");
        let line: serde_json::Value = serde_json::from_str(tracks.text.lines().nth(1).expect("a line")).expect("JSON");
        assert_eq!((line["frame"].as_u64(), line["time"].as_f64()), (Some(2), Some(0.2)));
        assert_eq!((line["tracks"][0]["track"].as_u64(), line["tracks"][0]["label"].as_str()), (Some(1), Some("cat")));
    }

    #[test]
    fn options_without_sense_are_refused() {
        let args = |fps, file: &str| TrackArgs { track: true, fps, save_tracks: Some(file.into()) };
        for args in [args(0.0, "t.csv"), args(f64::NAN, "t.csv"), args(30.0, "t.txt"), args(30.0, "t")] {
            assert!(matches!(Tracks::new(&args, 0.5), Err(Failure::Input(_))), "{args:?}");
        }
        let off = TrackArgs { track: false, ..args(30.0, "t.csv") };
        assert!(Tracks::new(&off, 0.5).expect("nothing to refuse").is_none());
    }
}
