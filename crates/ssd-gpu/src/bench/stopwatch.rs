//! How long the device takes for something that is put into a pass.

use burn::tensor::wgpu::wgpu;

use super::statistics::median;
use crate::clock::Clock;
use crate::error::GpuError;
use crate::gpu::{Gpu, read_back, staging};

/// How long a sample lasts at least, in milliseconds, if it can be made so by repeating: clocks are as coarse as 0.07
/// ms.
pub const SAMPLE_MS: f64 = 10.0;
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

/// The device's clock where it has one, else the host's around a submit and the wait for it.
#[derive(Debug)]
pub struct Stopwatch<'a> {
    pub(super) gpu: &'a Gpu,
    budget: Budget,
    /// Milliseconds of the host since some moment.
    host: fn() -> f64,
    clock: Option<Clock>,
    nothing: wgpu::Buffer,
    staging: wgpu::Buffer,
}

/// Puts work into a pass.
pub(super) type Encode<'a> = &'a dyn Fn(&mut wgpu::ComputePass<'_>);

impl<'a> Stopwatch<'a> {
    /// For a device. `host`: milliseconds since some moment.
    pub fn new(gpu: &'a Gpu, budget: Budget, host: fn() -> f64) -> Self {
        let staging = staging(&gpu.device, Clock::bytes(1));
        // Without a clock there is something to read as well: bytes that arrive say that all before them is done.
        let nothing = gpu.zeros("stopwatch", Clock::bytes(1));
        Self { gpu, budget, host, clock: Clock::new(gpu, 1), nothing, staging }
    }

    /// The same with another budget.
    pub(super) fn with_budget(&self, budget: Budget) -> Self {
        Self::new(self.gpu, budget, self.host)
    }

    /// The median of [`Self::samples`], in milliseconds.
    pub(super) async fn median_ms(&self, encode: Encode<'_>) -> Result<f64, GpuError> {
        Ok(median(&self.samples(encode).await?))
    }

    /// Milliseconds of one time, each from a pass in which it is repeated until the pass is long enough.
    pub(super) async fn samples(&self, encode: Encode<'_>) -> Result<Vec<f64>, GpuError> {
        let end = (self.host)() + self.budget.seconds * 1e3;
        let over = || (self.host)() >= end;
        let mut repeats = 1;
        let first = self.once(repeats, encode).await?;
        if first >= TOO_LONG * self.budget.seconds * 1e3 {
            return Ok(vec![first]);
        }
        // Finding out how often is the warm-up.
        loop {
            let wanted = repeats_for(self.once(repeats, encode).await?);
            if wanted <= repeats || over() {
                break;
            }
            // The first time is longer than the others: go up in steps.
            repeats = wanted.min(repeats * 8);
        }
        let mut samples = Vec::new();
        while samples.is_empty() || (samples.len() < self.budget.samples && !over()) {
            samples.push(self.once(repeats, encode).await?);
        }
        Ok(samples)
    }

    /// Milliseconds of one of `repeats` times in one pass.
    async fn once(&self, repeats: usize, encode: Encode<'_>) -> Result<f64, GpuError> {
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = Clock::pass(self.clock.as_ref(), &mut encoder, 0);
            (0..repeats).for_each(|_| encode(&mut pass));
        }
        match &self.clock {
            Some(clock) => clock.copy(&mut encoder, &self.staging),
            None => encoder.copy_buffer_to_buffer(&self.nothing, 0, &self.staging, 0, self.staging.size()),
        }
        let commands = encoder.finish();
        let start = (self.host)();
        let submission = self.gpu.queue.submit([commands]);
        let bytes = read_back(&self.gpu.device, &self.staging, submission).bytes().await?;
        let host_ms = (self.host)() - start;
        let ms = self.clock.as_ref().map_or(host_ms, |clock| clock.ms(&bytes)[0]);
        Ok(ms / repeats as f64)
    }
}

/// How often something of that many milliseconds is repeated to last long enough.
fn repeats_for(ms: f64) -> usize {
    // A clock that has not moved yet: as often as ever.
    if ms > 0.0 { ((SAMPLE_MS / ms).ceil() as usize).clamp(1, REPEATS_MAX) } else { REPEATS_MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_work_is_repeated_and_long_work_is_not() {
        assert_eq!(repeats_for(3.0), 4);
        assert_eq!(repeats_for(1000.0), 1);
        assert_eq!(repeats_for(1e-9), REPEATS_MAX);
        assert_eq!(repeats_for(0.0), REPEATS_MAX);
    }
}
