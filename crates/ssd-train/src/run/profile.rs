//! `--profile`: when each part of a step ran on the host, as a file for a trace viewer.
//!
//! The format is Chrome's trace events, which chrome://tracing and ui.perfetto.dev draw. On a GPU the parts of a step
//! are only queued; just one, the wait for the previous step's loss, should take as long as the GPU computes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use ssd_data::{WriteError, write_atomic};
use ssd_learn::Watch;

use crate::console::complain;

/// Number of steps recorded: enough to look at, few enough for a viewer.
const STEPS: usize = 50;

/// Records parts, or does nothing.
#[derive(Debug)]
pub struct Profile {
    file: Option<PathBuf>,
    start: Instant,
    /// The current step.
    step: usize,
    /// Steps since the program started.
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
    /// Records for `file`, which is created now; without one, records nothing.
    ///
    /// # Errors
    /// If it cannot be written, which is better noticed before the run than after it.
    pub fn new(file: Option<&Path>) -> Result<Self, WriteError> {
        if let Some(file) = file {
            write_atomic(file, b"[]")?;
        }
        Ok(Self { file: file.map(Path::to_path_buf), start: Instant::now(), step: 0, steps: 0, events: Vec::new() })
    }

    /// Subsequent parts belong to this step, counted from 1.
    pub fn begin(&mut self, step: usize) {
        self.step = step;
    }

    /// Ends a step; once enough are recorded, the file is written and recording stops.
    pub fn after_step(&mut self) {
        self.steps += 1;
        if self.steps == STEPS {
            self.finish();
        }
    }

    /// Writes the recording. Failing to write is reported but does not stop a run.
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
