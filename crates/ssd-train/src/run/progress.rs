//! A run's progress for people: a bar on a terminal, else an occasional line.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar};

use crate::console;
use crate::run::metrics::StepLine;

/// Interval between lines without a terminal, as in a log file.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

/// The progress of a run over its epochs.
#[derive(Debug)]
pub struct Progress {
    epochs: usize,
    steps_per_epoch: usize,
    bar: ProgressBar,
    last_line: Instant,
    /// When the first step since the program started ended, and its number.
    first: Option<(Instant, usize)>,
}

impl Progress {
    /// For a run of this many epochs and steps.
    pub fn new(epochs: usize, steps_per_epoch: usize) -> Self {
        Self { epochs, steps_per_epoch, bar: ProgressBar::hidden(), last_line: Instant::now(), first: None }
    }

    /// Begins an epoch, or continues it after some of its steps.
    pub fn epoch(&mut self, epoch: usize, steps_done: usize) {
        self.bar = console::progress_bar(self.steps_per_epoch, &format!("epoch {}/{}", epoch + 1, self.epochs));
        self.bar.set_position(steps_done as u64);
    }

    /// Shows a finished step.
    pub fn step(&mut self, line: &StepLine) {
        let left = self.left(line.step);
        let (epoch, epochs, pace) = (line.epoch, self.epochs, line.images_per_s);
        let text = format!("epoch {epoch}/{epochs} loss {:.3}, {pace:.1} images/s{left}", line.loss);
        self.bar.inc(1);
        if !std::io::stderr().is_terminal() && self.last_line.elapsed() >= BETWEEN_LINES {
            self.last_line = Instant::now();
            console::note(&format!("step {}: {text}", line.step));
        }
        self.bar.set_message(text);
    }

    /// The time left, at the pace since the program started, validations included.
    fn left(&mut self, step: usize) -> String {
        let (start, first) = *self.first.get_or_insert((Instant::now(), step));
        if step == first {
            return String::new();
        }
        let a_step = start.elapsed().div_f64((step - first) as f64);
        let left = (self.steps_per_epoch * self.epochs).saturating_sub(step);
        format!(", {} left", HumanDuration(a_step.mul_f64(left as f64)))
    }

    /// Ends an epoch, finished or not.
    pub fn end_epoch(&self) {
        self.bar.finish_and_clear();
    }
}
