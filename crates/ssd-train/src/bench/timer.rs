//! How long something takes by the host's clock.

use std::time::Instant;

use ssd_gpu::bench::{Budget, SAMPLE_MS, median};

use crate::failure::Failure;

/// What takes so many budgets is not done a second time: its warm-up does not matter.
const TOO_LONG: f64 = 10.0;

/// A measurement by the host's clock: warm-up, then samples of several times each, and their median.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timer {
    budget: Budget,
}

impl Timer {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget }
    }

    /// Milliseconds of one `work`, and what it made the last time. `wait` returns when all of it is done; work on the
    /// CPU needs none.
    pub(super) fn time<T>(
        &self,
        wait: impl Fn() -> Result<(), Failure>,
        mut work: impl FnMut() -> Result<T, Failure>,
    ) -> Result<(f64, T), Failure> {
        let started = Instant::now();
        let mut sample = |repeats: usize| -> Result<(f64, T), Failure> {
            let start = Instant::now();
            for _ in 1..repeats {
                work()?;
            }
            let made = work()?;
            wait()?;
            Ok((milliseconds(start) / repeats as f64, made))
        };
        let over = |budgets: f64| started.elapsed().as_secs_f64() >= budgets * self.budget.seconds;
        wait()?;
        // The first time finds memory and compiles kernels; only the second says how long it takes.
        let (mut estimate, mut made) = sample(1)?;
        if over(TOO_LONG) {
            return Ok((estimate, made));
        }
        if !over(1.0) {
            (estimate, made) = sample(1)?;
        }
        let repeats = ((SAMPLE_MS / estimate.max(1e-3)).ceil() as usize).clamp(1, 1000);
        let mut samples = Vec::new();
        while samples.is_empty() || (samples.len() < self.budget.samples && !over(1.0)) {
            let (ms, last) = sample(repeats)?;
            samples.push(ms);
            made = last;
        }
        Ok((median(&samples), made))
    }
}

/// Since a moment.
pub(super) fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_of_one_and_a_failure_ends_it() {
        let timer = Timer::new(Budget { samples: 2, seconds: 10.0 });
        let ms = timer.time(
            || Ok(()),
            || -> Result<(), Failure> {
                std::thread::sleep(Duration::from_millis(2));
                Ok(())
            },
        );
        assert!((2.0..50.0).contains(&ms.unwrap().0));
        let failed = timer.time(|| Ok(()), || -> Result<(), Failure> { Err(Failure::run("gone")) });
        assert_eq!(failed, Err(Failure::Run("gone".into())));
    }
}
