//! `--annotate`: copies of pictures with their boxes, drawn and written by threads while the next ones are looked at.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use image::{ImageFormat, RgbImage};
use ssd_data::draw::{Labelled, annotate};

use crate::detect::ahead::threads;
use crate::detect::report::{DetectionReport, ImageReport};
use crate::failure::Failure;

/// The folder of annotated pictures. Neither inputs nor other annotated pictures of the same name are overwritten.
#[derive(Debug)]
pub struct Drawn {
    folder: PathBuf,
    taken: HashSet<PathBuf>,
    /// Holds as many pictures as there are threads.
    queue: SyncSender<Job>,
    threads: Vec<JoinHandle<Result<(), Failure>>>,
}

/// A picture to draw in and to write.
#[derive(Debug)]
struct Job {
    input: PathBuf,
    picture: RgbImage,
    boxes: Vec<Labelled>,
    path: PathBuf,
    format: ImageFormat,
}

impl Drawn {
    /// Into a folder, which is made if it is missing, beside these inputs.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn new(folder: &Path, inputs: &[PathBuf]) -> Result<Self, Failure> {
        let failed = |e: std::io::Error| {
            Failure::Input(format!("{} cannot hold annotated pictures: {e}; choose another folder.", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let taken = inputs.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let count = threads().min(inputs.len());
        let (queue, jobs) = sync_channel(count);
        let jobs = Arc::new(Mutex::new(jobs));
        let threads = (0..count).map(|_| {
            thread::spawn({
                let jobs = jobs.clone();
                move || write_all(&jobs)
            })
        });
        let threads = threads.collect();
        Ok(Self { folder, taken, queue, threads })
    }

    /// Puts a picture with its boxes into the queue, which waits while the queue is full.
    ///
    /// # Errors
    /// That of [`Self::finish`], once no thread is left.
    pub fn write(&mut self, input: &Path, picture: RgbImage, report: &ImageReport) -> Result<(), Failure> {
        let format = match ImageFormat::from_path(input) {
            Ok(ImageFormat::Jpeg) => ImageFormat::Jpeg,
            _ => ImageFormat::Png,
        };
        let path = self.free_path(input, format);
        let boxes = report.detections.iter().map(DetectionReport::labelled).collect();
        let job = Job { input: input.to_owned(), picture, boxes, path, format };
        // A thread that failed has left, with the reason.
        match self.queue.send(job) {
            Ok(()) if !self.threads.iter().any(JoinHandle::is_finished) => Ok(()),
            _ => self.stop(),
        }
    }

    /// Waits until all are written.
    ///
    /// # Errors
    /// If one of them cannot be written.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), Failure> {
        self.queue = sync_channel(0).0;
        let ended = self.threads.drain(..).map(JoinHandle::join).collect::<Vec<_>>();
        ended.into_iter().try_for_each(|ended| {
            ended.unwrap_or_else(|_| Err(Failure::Run("A picture could not be drawn; leave out --annotate.".into())))
        })
    }

    /// The input's stem in the folder, followed by a number if that name is taken.
    fn free_path(&mut self, input: &Path, format: ImageFormat) -> PathBuf {
        let stem = input.file_stem().unwrap_or_default().to_string_lossy();
        let extension = if format == ImageFormat::Jpeg { "jpg" } else { "png" };
        let mut path = self.folder.join(format!("{stem}.{extension}"));
        let mut number = 2;
        while !self.taken.insert(path.clone()) {
            path = self.folder.join(format!("{stem}-{number}.{extension}"));
            number += 1;
        }
        path
    }
}

/// A thread's work: pictures until there are no others, or until one fails.
fn write_all(jobs: &Mutex<Receiver<Job>>) -> Result<(), Failure> {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { input, mut picture, boxes, path, format }) = job else { return Ok(()) };
        annotate(&mut picture, &boxes);
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture
            .write_to(&mut bytes, format)
            .map_err(|e| Failure::Run(format!("{} cannot be annotated: {e}.", input.display())))?;
        ssd_data::write_atomic(&path, bytes.get_ref())?;
    }
}
