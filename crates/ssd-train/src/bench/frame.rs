//! Whole frames, from a picture in memory to its detections, as `detect` and the page have them.

use std::time::Instant;

use pollster::block_on;
use ssd_gpu::bench::{Budget, median, percentile};
use ssd_gpu::kernel::Precision;
use ssd_gpu::pipeline::{Outcome, Pipeline};

use super::subject::Subject;
use super::timer::milliseconds;
use crate::failure::Failure;

/// Seconds that each of the two measurements takes at most, in budgets of a measurement: a frame is a hundred launches.
const BUDGETS: f64 = 10.0;

/// What frames are like. A frame is a whole batch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FrameTimes {
    /// How many were measured one by one.
    pub(super) runs: usize,
    /// Median, from the hand-over of the pictures to the detections.
    pub(super) latency_ms: f64,
    pub(super) latency_p95_ms: f64,
    /// Pictures a second where the next frame is handed over before the last one is read.
    pub(super) pictures_per_s: f64,
    pub(super) readback_bytes: usize,
    /// What our kernels hold on the GPU.
    pub(super) memory_bytes: Option<u64>,
    /// Whether they compute with 16-bit numbers.
    pub(super) half: bool,
}

pub(super) fn measure(pipeline: &Pipeline, subject: &Subject, budget: Budget) -> Result<FrameTimes, Failure> {
    let pictures = subject.pictures();
    let params = pipeline.header().params();
    let submit = || pipeline.submit(&pictures, &params).map_err(Failure::run);
    let read = |pending| -> Result<Vec<Outcome>, Failure> { block_on(pipeline.read(pending)).map_err(Failure::run) };

    let warm_up = read(submit()?)?;
    let seconds = BUDGETS * budget.seconds;
    let (mut latencies, started) = (Vec::new(), Instant::now());
    while latencies.is_empty() || (latencies.len() < budget.samples && started.elapsed().as_secs_f64() < seconds) {
        let start = Instant::now();
        read(submit()?)?;
        latencies.push(milliseconds(start));
    }

    let (mut frames, started) = (0, Instant::now());
    let mut pending = submit()?;
    while frames == 0 || (frames < latencies.len() && started.elapsed().as_secs_f64() < seconds) {
        let next = submit()?;
        read(std::mem::replace(&mut pending, next))?;
        frames += 1;
    }
    read(pending)?;
    let pipelined_ms = milliseconds(started) / (frames + 1) as f64;

    let memory = pipeline.gpu_memory();
    Ok(FrameTimes {
        runs: latencies.len(),
        latency_ms: median(&latencies),
        latency_p95_ms: percentile(&latencies, 0.95),
        pictures_per_s: 1e3 * pictures.len() as f64 / pipelined_ms,
        readback_bytes: warm_up.first().map_or(0, |outcome| outcome.readback_bytes),
        memory_bytes: memory.map(|(bytes, _)| bytes),
        half: memory.is_some_and(|(_, precision)| precision == Precision::Half),
    })
}
