//! `--profile`: when each part of a step ran on the host, as a file for a trace viewer.
//!
//! The format is Chrome's trace events, which chrome://tracing and ui.perfetto.dev draw. On a GPU the parts of a step are only
//! queued: a part that takes as long as the GPU computes waits for it, and there should be one such part, the reading of the loss
//! of the step before.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use ssd_data::{WriteError, write_atomic};
use ssd_learn::Watch;

use crate::console::complain;

/// So many steps are recorded: enough to look at, little enough for a viewer.
const STEPS: usize = 50;

/// Records parts, or does nothing.
#[derive(Debug)]
pub struct Profile {
    file: Option<PathBuf>,
    start: Instant,
    /// The step that is worked on.
    step: usize,
    /// Since the program started.
    steps: usize,
    events: Vec<Event>,
}

/// A complete event, times in microseconds.
#[derive(Debug, Serialize)]
struct Event {
    name: &'static str,
    ph: &'static str,
    ts: f64,
    dur: f64,
    pid: u32,
    tid: u32,
    args: Step,
}

#[derive(Debug, Serialize)]
struct Step {
    step: usize,
}

impl Profile {
    /// For a file, which is made now; for none nothing is recorded.
    ///
    /// # Errors
    ///
    /// When it cannot be written: better known before the run than after it.
    pub fn new(file: Option<&Path>) -> Result<Self, WriteError> {
        if let Some(file) = file {
            write_atomic(file, b"[]")?;
        }
        Ok(Self { file: file.map(Path::to_path_buf), start: Instant::now(), step: 0, steps: 0, events: Vec::new() })
    }

    /// What follows belongs to this step, counted from 1.
    pub fn begin(&mut self, step: usize) {
        self.step = step;
    }

    /// A step was taken; once enough are recorded the file is written, and no more are.
    pub fn after_step(&mut self) {
        self.steps += 1;
        if self.steps == STEPS {
            self.finish();
        }
    }

    /// Writes what is recorded. That it could not be written is said, and stops no run.
    pub fn finish(&mut self) {
        let Some(file) = self.file.take() else { return };
        let text = serde_json::to_vec(&self.events).expect("numbers and names have a JSON form");
        if let Err(error) = write_atomic(&file, &text) {
            complain(&error.to_string());
        }
    }
}

impl Watch for Profile {
    fn part<T>(&mut self, name: &'static str, part: impl FnOnce() -> T) -> T {
        if self.file.is_none() {
            return part();
        }
        let begun = self.start.elapsed();
        let result = part();
        let (ts, dur) = (micros(begun), micros(self.start.elapsed() - begun));
        self.events.push(Event { name, ph: "X", ts, dur, pid: 1, tid: 1, args: Step { step: self.step } });
        result
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
