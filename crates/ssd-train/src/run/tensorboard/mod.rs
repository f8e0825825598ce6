//! A run's numbers and example pictures as a TensorBoard event file, `events.out.tfevents.*` in the run's folder.
//!
//! A file is a sequence of records: length, checksum, protobuf message (`proto`), checksum. Of the crates that write
//! such files, one needs `protoc` installed, one is unmaintained and brings a second `protobuf` and a second `image`,
//! and one writes no pictures; `prost` is here for ONNX anyway.
//!
//! Reads no files and decides nothing about the run. A writer never touches an earlier one's file: a resumed run starts
//! a file of its own, and says from which step on TensorBoard is to ignore older ones.

mod proto;

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use image::{ImageFormat, RgbImage};
use prost::Message;
use ssd::{CornerBox, Detection};
use ssd_data::draw::{Labelled, annotate};

use self::proto::{Event, FILE_VERSION, Image, RGB_CHANNELS, SESSION_START, SessionLog, Summary, Value};
use crate::run::metrics::{StepLine, ValidationLine};

/// Most files that can start in one second in one folder.
const MAX_FILES_A_SECOND: usize = 1000;

/// An event that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The file, or one in this folder, cannot be created or written.
    #[error("{0} was not written: {1}; check its permissions, free some space and continue with --resume")]
    Write(PathBuf, #[source] io::Error),
    /// The picture of this name has no pixels, or too many for a PNG.
    #[error("the picture {0} cannot be encoded: {1}; leave it out")]
    Encode(String, #[source] image::ImageError),
}

/// An event file being written. Each call adds one record, which is in the file when the call returns.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// Starts a new file in an existing folder. TensorBoard ignores what older files of the folder have from
    /// `first_step` on, since it is repeated; 0 for a new run, the checkpoint's steps plus one for a resumed one.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(folder: &Path, first_step: usize) -> Result<Self, EventError> {
        let (file, path) = new_file(folder).map_err(|error| EventError::Write(folder.to_owned(), error))?;
        let mut writer = Self { file, path };
        writer.push(Event { file_version: Some(FILE_VERSION.to_owned()), ..Event::default() })?;
        let session_log = Some(SessionLog { status: SESSION_START });
        writer.push(Event { step: first_step as i64, session_log, ..Event::default() })?;
        Ok(writer)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a number.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn scalar(&mut self, tag: &str, step: usize, value: f64) -> Result<(), EventError> {
        self.scalars(step, &[(tag, value)])
    }

    /// Adds several numbers of one step as one record.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn scalars(&mut self, step: usize, values: &[(&str, f64)]) -> Result<(), EventError> {
        let number =
            |&(tag, value): &(&str, f64)| Value { tag: tag.to_owned(), simple_value: Some(value as f32), image: None };
        self.summary(step, values.iter().map(number).collect())
    }

    /// Adds a picture.
    ///
    /// # Errors
    /// If it has no pixels, or the disk fails.
    pub fn image(&mut self, tag: &str, step: usize, picture: &RgbImage) -> Result<(), EventError> {
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).map_err(|error| EventError::Encode(tag.to_owned(), error))?;
        let image = Image {
            // An encoded PNG has sides below 2^31.
            height: picture.height() as i32,
            width: picture.width() as i32,
            colorspace: RGB_CHANNELS,
            encoded_image_string: png.into_inner(),
        };
        self.summary(step, vec![Value { tag: tag.to_owned(), simple_value: None, image: Some(image) }])
    }

    /// Adds the numbers of a step in `metrics.jsonl`, as `train/…`.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn step(&mut self, line: &StepLine) -> Result<(), EventError> {
        let values = [
            ("train/loss", f64::from(line.loss)),
            ("train/loss_box", f64::from(line.loss_box)),
            ("train/loss_class", f64::from(line.loss_class)),
            ("train/lr", line.lr),
            ("train/images_per_s", line.images_per_s),
        ];
        self.scalars(line.step, &values)
    }

    /// Adds the numbers of a validation in `metrics.jsonl`, as `val/…`. Undefined measures are left out.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn validation(&mut self, line: &ValidationLine) -> Result<(), EventError> {
        let values =
            [("val/map_voc07", line.map_voc07), ("val/map_voc", line.map_voc), ("val/map_coco", line.map_coco)];
        let defined: Vec<(&str, f64)> = values.iter().filter_map(|&(tag, value)| Some((tag, value?))).collect();
        self.scalars(line.step, &defined)
    }

    fn summary(&mut self, step: usize, value: Vec<Value>) -> Result<(), EventError> {
        self.push(Event { step: step as i64, summary: Some(Summary { value }), ..Event::default() })
    }

    fn push(&mut self, event: Event) -> Result<(), EventError> {
        // A clock before 1970 is wrong anyway.
        let wall_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let record = record(&Event { wall_time, ..event }.encode_to_vec());
        // In one piece: a run that is killed leaves a whole record, or a cut one at which readers stop.
        self.file.write_all(&record).map_err(|error| EventError::Write(self.path.clone(), error))
    }
}

/// A new file, named so that names sort by time: TensorBoard reads a folder's files in this order.
fn new_file(folder: &Path) -> io::Result<(File, PathBuf)> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    for number in 0..MAX_FILES_A_SECOND {
        let path = folder.join(format!("events.out.tfevents.{seconds:010}.{number:03}"));
        match OpenOptions::new().append(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return Ok((opened?, path)),
        }
    }
    Err(io::Error::other("too many runs started in this second"))
}

/// A TFRecord: length, its checksum, the bytes, their checksum; all numbers little-endian.
fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(bytes.len() + 16);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(bytes);
    record.extend(masked_crc(bytes).to_le_bytes());
    record
}

/// CRC-32C, rotated and offset, so that the checksum of data that contains checksums is not a constant.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A picture with a detector's detections of at least `min_score`, best first, with name and score.
pub fn with_detections(mut picture: RgbImage, found: &[Detection], labels: &[String], min_score: f32) -> RgbImage {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let labelled = |d: &Detection| {
        let b: CornerBox = d.bbox.clipped().scaled(width, height);
        let label = labels.get(d.class.wrapping_sub(1)).cloned().unwrap_or_else(|| d.class.to_string());
        Labelled { bbox_px: b, text: format!("{label} {:.0}%", d.score * 100.0), class: d.class }
    };
    let boxes: Vec<Labelled> = found.iter().filter(|d| d.score >= min_score).map(labelled).collect();
    annotate(&mut picture, &boxes);
    picture
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use image::Rgb;

    use super::*;

    /// The events of a file; every checksum is recomputed, bit by bit.
    fn events(path: &Path) -> Vec<Event> {
        let bytes = std::fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        let mut events = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let body = &rest[12..12 + length];
            assert_eq!(rest[8..12], slow_masked_crc(&rest[..8]).to_le_bytes());
            assert_eq!(rest[12 + length..16 + length], slow_masked_crc(body).to_le_bytes());
            events.push(Event::decode(body).unwrap());
            rest = &rest[16 + length..];
        }
        events
    }

    /// CRC-32C by its polynomial, without a table, rotated the other way.
    fn slow_masked_crc(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for &byte in bytes {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            }
        }
        let crc = !crc;
        crc.rotate_left(17).wrapping_add(0xa282_ead8)
    }

    #[test]
    fn records_have_their_length_and_checksums() {
        // The check value of CRC-32C: "123456789" gives e3069283.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked_crc(b"123456789"), slow_masked_crc(b"123456789"));
        assert_eq!(record(b"abc").len(), 8 + 4 + 3 + 4);
    }

    #[test]
    fn a_reader_finds_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path(), 0).unwrap();
        let line =
            StepLine { step: 7, epoch: 1, loss: 3.0, loss_box: 1.0, loss_class: 2.0, lr: 0.1, images_per_s: 9.0 };
        writer.step(&line).unwrap();
        let validation =
            ValidationLine { epoch: 1, step: 8, map_voc07: Some(0.5), map_voc: Some(0.25), map_coco: None };
        writer.validation(&validation).unwrap();
        let picture = RgbImage::from_pixel(5, 3, Rgb([1, 2, 3]));
        writer.image("val/example_0", 8, &picture).unwrap();

        let events = events(writer.path());
        assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"), "first of all");
        assert_eq!(events[1].session_log, Some(SessionLog { status: SESSION_START }));
        let values = |event: &Event| event.summary.clone().unwrap().value;
        let numbers = |event: &Event| -> Vec<(String, f32)> {
            values(event).into_iter().map(|value| (value.tag, value.simple_value.unwrap())).collect()
        };
        assert_eq!((events[2].step, numbers(&events[2]).len()), (7, 5));
        assert_eq!(numbers(&events[2])[3], ("train/lr".to_owned(), 0.1));
        assert_eq!(numbers(&events[3]), [("val/map_voc07".to_owned(), 0.5), ("val/map_voc".to_owned(), 0.25)]);
        let image = values(&events[4])[0].image.clone().unwrap();
        assert_eq!((image.height, image.width, image.colorspace), (3, 5, 3));
        assert_eq!(image::load_from_memory(&image.encoded_image_string).unwrap().to_rgb8(), picture);
        assert!(events.iter().all(|event| event.wall_time > 1.7e9), "seconds since 1970");
    }

    #[test]
    fn a_resumed_run_leaves_the_older_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = EventWriter::create(folder.path(), 0).unwrap();
        first.scalar("train/loss", 5, 1.0).unwrap();
        let before = std::fs::read(first.path()).unwrap();
        let mut second = EventWriter::create(folder.path(), 4).unwrap();
        second.scalar("train/loss", 4, 2.0).unwrap();
        assert_eq!(std::fs::read(first.path()).unwrap(), before);
        assert!(first.path() < second.path(), "TensorBoard reads them in the order of their names");
        assert_eq!(events(second.path())[1].step, 4, "from here on the older one is ignored");
    }

    #[test]
    fn what_cannot_be_written_is_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let message = EventWriter::create(&folder.path().join("none"), 0).unwrap_err().to_string();
        assert!(message.contains("none") && message.contains("check its permissions"), "{message}");
        let mut writer = EventWriter::create(folder.path(), 0).unwrap();
        let message = writer.image("val/empty", 1, &RgbImage::new(0, 0)).unwrap_err().to_string();
        assert!(message.contains("val/empty"), "{message}");
    }

    #[test]
    fn detections_below_the_score_are_not_drawn() {
        let plain = RgbImage::from_pixel(60, 60, Rgb([90, 90, 90]));
        let found = [Detection { bbox: CornerBox::new(0.2, 0.3, 0.8, 0.9), class: 1, score: 0.5 }];
        assert_eq!(with_detections(plain.clone(), &found, &["cat".into()], 0.6), plain);
        assert_ne!(with_detections(plain.clone(), &found, &["cat".into()], 0.5), plain);
        assert_ne!(
            with_detections(plain.clone(), &found, &[], 0.5),
            plain,
            "a class without a name is shown by its number"
        );
    }
}
