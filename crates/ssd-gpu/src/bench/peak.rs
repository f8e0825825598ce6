//! What the device can do at best: the denominators of all shares.
//!
//! Measured and not looked up: clocks, drivers and power limits make of the same card different ones.

use pollster::block_on;

use super::stopwatch::{Budget, Stopwatch};
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::{Kernel, Precision};
use crate::program::{Dispatch, Recording};
use crate::wgsl::{PEAK_COPY, PEAK_FMA, PeakCopyInfo, PeakFmaInfo, peak_fma};

/// Of a thread of `peak_fma.wgsl`: rounds, steps of a round, quads of a step, numbers of a quad.
const MULTIPLY_ADDS: usize = (peak_fma::ROUNDS * peak_fma::UNROLLED) as usize * 8 * 4;
const WORKGROUPS_PER_CORE: usize = 64;
/// Quads that a thread of the copy moves.
const QUADS_PER_THREAD: usize = 4;
/// Bytes of each of the two buffers: more than any cache holds.
const COPY_BYTES: u64 = 256 << 20;
/// The same for a processor that poses as a GPU: more than its cache as well, and done in a moment.
const SOFTWARE_COPY_BYTES: u64 = 64 << 20;
/// As long as a card takes to reach its clock.
const SECONDS: f64 = 1.0;
const SAMPLES: usize = 50;

/// What a device does at best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peaks {
    /// Billions of floating-point operations a second, with 32-bit numbers; a multiplication with its addition is two.
    pub gflops: f64,
    /// The same with 16-bit numbers, if the device has them.
    pub half_gflops: Option<f64>,
    /// Billions of bytes a second, read and written counted both.
    pub gbytes_per_s: f64,
    /// Bytes of each of the buffers that were copied from and to.
    pub copy_bytes: u64,
}

/// Measures all; the best sample counts. `host`: milliseconds since some moment.
///
/// # Errors
/// When the device fails.
pub fn peaks(gpu: &Gpu, host: fn() -> f64) -> Result<Peaks, GpuError> {
    let (samples, seconds) = if gpu.adapter().software { (3, SECONDS / 2.0) } else { (SAMPLES, SECONDS) };
    let stopwatch = Stopwatch { budget: Budget { samples, seconds }, host };
    let gflops = multiply_adds(gpu, Precision::Single, &stopwatch)?;
    let half = || multiply_adds(gpu, Precision::Half, &stopwatch);
    let half_gflops = gpu.has_f16().then(half).transpose()?;
    let (gbytes_per_s, copy_bytes) = copy(gpu, &stopwatch)?;
    Ok(Peaks { gflops, half_gflops, gbytes_per_s, copy_bytes })
}

fn multiply_adds(gpu: &Gpu, precision: Precision, stopwatch: &Stopwatch) -> Result<f64, GpuError> {
    let workgroups = WORKGROUPS_PER_CORE * gpu.adapter().cores;
    // The sums run towards 2, which is not below 0.
    let info = PeakFmaInfo { factor: 0.5, addend: 1.0, never: -1.0 };
    let constants = vec![("UNROLLED", peak_fma::UNROLLED)];
    let kernel = Kernel { shader: &PEAK_FMA, constants, precision };
    let mut recording = Recording::new(gpu);
    let output = recording.kept(16);
    recording.push(Dispatch::new("peak_fma", kernel, &[output], &info, [workgroups, 1, 1]));
    let ms = fastest(&samples(gpu, stopwatch, recording)?);
    Ok(gigas(2 * MULTIPLY_ADDS * PEAK_FMA.threads * workgroups, ms))
}

fn copy(gpu: &Gpu, stopwatch: &Stopwatch) -> Result<(f64, u64), GpuError> {
    let limits = gpu.device.limits();
    let wanted = if gpu.adapter().software { SOFTWARE_COPY_BYTES } else { COPY_BYTES };
    let most = wanted.min(limits.max_buffer_size).min(limits.max_storage_buffer_binding_size);
    let bytes = size_that_fits(gpu, most / 16 * 16);
    let quads = bytes as usize / 16;
    let most = limits.max_compute_workgroups_per_dimension as usize;
    let workgroups = quads.div_ceil(PEAK_COPY.threads * QUADS_PER_THREAD).clamp(1, most);
    let info = PeakCopyInfo { quads: quads as u32, threads: (workgroups * PEAK_COPY.threads) as u32 };
    let mut recording = Recording::new(gpu);
    let (input, output) = (recording.kept(bytes as usize), recording.kept(bytes as usize));
    let kernel = Kernel::plain(&PEAK_COPY);
    recording.push(Dispatch::new("peak_copy", kernel, &[input, output], &info, [workgroups, 1, 1]));
    let ms = fastest(&samples(gpu, stopwatch, recording)?);
    Ok((gigas(2 * bytes as usize, ms), bytes))
}

/// `most` bytes, or the half of it, or the half of that: as much as the device has room for twice.
fn size_that_fits(gpu: &Gpu, most: u64) -> u64 {
    let mut bytes = most;
    while bytes > 1 << 20 {
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffers = [(); 2].map(|()| gpu.zeros("peak_copy", bytes));
        let refused = block_on(scope.pop()).is_some();
        buffers.iter().for_each(wgpu::Buffer::destroy);
        if !refused {
            break;
        }
        bytes = bytes / 32 * 16;
    }
    bytes
}

/// Milliseconds of a program, by sample.
fn samples(gpu: &Gpu, stopwatch: &Stopwatch, recording: Recording<'_>) -> Result<Vec<f64>, GpuError> {
    let program = block_on(recording.compile(&mut |_, _| {}))?;
    let samples = stopwatch.passes(gpu, &|pass| program.encode(pass));
    program.destroy();
    samples
}

fn fastest(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Billions a second.
fn gigas(count: usize, ms: f64) -> f64 {
    count as f64 * 1e-6 / ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_in_a_millisecond_is_a_billion_in_a_second() {
        assert_eq!(gigas(1_000_000, 1.0), 1.0);
        assert_eq!(fastest(&[3.0, 1.5, 2.0]), 1.5);
    }

    #[test]
    fn the_count_is_the_shaders_own() {
        assert_eq!(PEAK_FMA.file().text.matches(" * b + c;").count(), 8);
    }
}
