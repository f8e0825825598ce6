//! How long something takes: what is put into a pass of a GPU, or what is called on the host.

use burn::tensor::Device;
use pollster::block_on;

use super::statistics::median;
use crate::clock::Clock;
use crate::error::GpuError;
use crate::gpu::{Gpu, read_back, staging};

/// How long a sample lasts at least, in milliseconds, if it can be made so by repeating: clocks are as coarse as 0.07
/// ms.
const SAMPLE_MS: f64 = 10.0;
const REPEATS_MAX: usize = 1000;
/// What takes so many budgets is not done a second time: its warm-up does not matter.
const TOO_LONG: f64 = 10.0;

/// When a measurement ends: at whichever comes first, but not before it has a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// At most so many samples.
    pub samples: usize,
    /// No new sample after so long, warm-up included.
    pub seconds: f64,
}

/// Takes times: by the clock of a GPU where it has one, else by the host's around the work and the wait for its end.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    /// When each of its measurements ends.
    pub budget: Budget,
    /// Milliseconds of the host since some moment.
    pub host: fn() -> f64,
}

/// Puts work into a pass.
pub(super) type Encode<'a> = &'a dyn Fn(&mut wgpu::ComputePass<'_>);

impl Stopwatch {
    /// Milliseconds of one call of `work`, which may leave something to be done by `device`; the median.
    pub(super) fn calls(&self, device: &Device, work: &mut dyn FnMut()) -> Result<f64, GpuError> {
        let samples = self.samples(|repeats| {
            let start = (self.host)();
            (0..repeats).for_each(|_| work());
            device.sync().map_err(|error| GpuError::Read(error.to_string()))?;
            Ok((self.host)() - start)
        });
        Ok(median(&samples?))
    }

    /// Milliseconds of what is put into a pass, once; the median.
    pub(super) fn pass(&self, gpu: &Gpu, encode: Encode<'_>) -> Result<f64, GpuError> {
        Ok(median(&self.passes(gpu, encode)?))
    }

    /// All samples of that.
    pub(super) fn passes(&self, gpu: &Gpu, encode: Encode<'_>) -> Result<Vec<f64>, GpuError> {
        let staging = staging(&gpu.device, Clock::bytes(1));
        let clock = Clock::new(gpu, 1);
        // Without a clock there is something to read as well: bytes that arrive say that all before them is done.
        let nothing = gpu.zeros("stopwatch", Clock::bytes(1));
        self.samples(|repeats| {
            let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            {
                let mut pass = Clock::pass(clock.as_ref(), &mut encoder, 0);
                (0..repeats).for_each(|_| encode(&mut pass));
            }
            match &clock {
                Some(clock) => clock.copy(&mut encoder, &staging),
                None => encoder.copy_buffer_to_buffer(&nothing, 0, &staging, 0, staging.size()),
            }
            let commands = encoder.finish();
            let start = (self.host)();
            let submission = gpu.queue.submit([commands]);
            let bytes = block_on(read_back(&gpu.device, &staging, submission).bytes())?;
            let host_ms = (self.host)() - start;
            Ok(clock.as_ref().map_or(host_ms, |clock| clock.ms(&bytes)[0]))
        })
    }

    /// Milliseconds of one time, each from a sample in which it is repeated until that is long enough. `sample` takes
    /// how often, and returns the milliseconds of all.
    fn samples(&self, mut sample: impl FnMut(usize) -> Result<f64, GpuError>) -> Result<Vec<f64>, GpuError> {
        let mut once = |repeats: usize| sample(repeats).map(|ms| ms / repeats as f64);
        let budget_ms = self.budget.seconds * 1e3;
        let end = (self.host)() + budget_ms;
        let over = || (self.host)() >= end;
        let mut repeats = 1;
        let first = once(repeats)?;
        if first >= TOO_LONG * budget_ms {
            return Ok(vec![first]);
        }
        // Finding out how often is the warm-up.
        loop {
            let wanted = repeats_for(once(repeats)?);
            if wanted <= repeats || over() {
                break;
            }
            // The first time is longer than the others: go up in steps.
            repeats = wanted.min(repeats * 8);
        }
        let mut samples = Vec::new();
        while samples.is_empty() || (samples.len() < self.budget.samples && !over()) {
            samples.push(once(repeats)?);
        }
        Ok(samples)
    }
}

/// How often something of that many milliseconds is repeated to last long enough.
fn repeats_for(ms: f64) -> usize {
    // A clock that has not moved yet: as often as ever.
    if ms > 0.0 { ((SAMPLE_MS / ms).ceil() as usize).clamp(1, REPEATS_MAX) } else { REPEATS_MAX }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn short_work_is_repeated_and_long_work_is_not() {
        assert_eq!(repeats_for(3.0), 4);
        assert_eq!(repeats_for(1000.0), 1);
        assert_eq!(repeats_for(1e-9), REPEATS_MAX);
        assert_eq!(repeats_for(0.0), REPEATS_MAX);
    }
    #[test]
    fn a_time_is_that_of_one_call() {
        fn host() -> f64 {
            static START: OnceLock<Instant> = OnceLock::new();
            START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
        }
        let stopwatch = Stopwatch { budget: Budget { samples: 2, seconds: 10.0 }, host };
        let mut calls = 0;
        let ms = stopwatch.calls(&Device::flex(), &mut || {
            std::thread::sleep(Duration::from_millis(2));
            calls += 1;
        });
        assert!((2.0..50.0).contains(&ms.unwrap()));
        assert!(calls >= 2 + 2, "two of warm-up, two samples: {calls}");
    }
}
