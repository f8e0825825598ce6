//! How long something takes by the host's clock.

use std::time::Instant;

use ssd_gpu::bench::{Budget, SAMPLE_MS, median};

use crate::cli::Failure;

/// A measurement by the host's clock: warm-up, then samples of several times each, and their median.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timer {
    budget: Budget,
}

impl Timer {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget }
    }

    /// Milliseconds of one `work`. `wait` returns when all of it is done; work on the CPU needs none.
    pub(super) fn time<T>(
        &self,
        wait: impl Fn() -> Result<(), Failure>,
        mut work: impl FnMut() -> Result<T, Failure>,
    ) -> Result<f64, Failure> {
        let started = Instant::now();
        let mut sample = |repeats: usize| -> Result<f64, Failure> {
            let start = Instant::now();
            for _ in 0..repeats {
                work()?;
            }
            wait()?;
            Ok(milliseconds(start) / repeats as f64)
        };
        let over = || started.elapsed().as_secs_f64() >= self.budget.seconds;
        wait()?;
        // The first time finds memory and compiles kernels; only the second says how long it takes.
        let mut estimate = sample(1)?;
        if !over() {
            estimate = sample(1)?;
        }
        let repeats = ((SAMPLE_MS / estimate.max(1e-3)).ceil() as usize).clamp(1, 1000);
        let mut samples = Vec::new();
        while samples.is_empty() || (samples.len() < self.budget.samples && !over()) {
            samples.push(sample(repeats)?);
        }
        Ok(median(&samples))
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
        assert!((2.0..50.0).contains(&ms.unwrap()));
        let failed = timer.time(|| Ok(()), || -> Result<(), Failure> { Err(Failure::run("gone")) });
        assert_eq!(failed, Err(Failure::Run("gone".into())));
    }
}
