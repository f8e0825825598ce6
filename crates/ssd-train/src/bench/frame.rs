//! Whole frames, from a picture in memory to its detections, as `detect` and the page have them.

use pollster::block_on;
use ssd_gpu::bench::{Budget, median, percentile};
use ssd_gpu::pipeline::{Outcome, Pipeline};
use ssd_gpu::{GpuError, Picture};

use super::report::FrameReport;
use crate::detect::detector::milliseconds;

/// Seconds that each of the two measurements takes at most, in budgets of a measurement: a frame is a hundred launches.
const BUDGETS: f64 = 10.0;

/// What frames of all `pictures` are like, and how many bytes one reads back.
pub(super) fn measure(
    pipeline: &Pipeline,
    pictures: &[Picture<'_>],
    budget: Budget,
) -> Result<(FrameReport, usize), GpuError> {
    let params = pipeline.header().params();
    let submit = || pipeline.submit(pictures, &params);
    let read = |pending| -> Result<Vec<Outcome>, GpuError> { block_on(pipeline.read(pending)) };
    let budget_ms = BUDGETS * budget.seconds * 1e3;

    let warm_up = read(submit()?)?;
    let (mut latencies, started) = (Vec::new(), milliseconds());
    while latencies.is_empty() || (latencies.len() < budget.samples && milliseconds() - started < budget_ms) {
        let start = milliseconds();
        read(submit()?)?;
        latencies.push(milliseconds() - start);
    }

    let (mut frames, started) = (0, milliseconds());
    let mut pending = submit()?;
    while frames == 0 || (frames < latencies.len() && milliseconds() - started < budget_ms) {
        let next = submit()?;
        read(std::mem::replace(&mut pending, next))?;
        frames += 1;
    }
    read(pending)?;
    let pipelined_ms = (milliseconds() - started) / (frames + 1) as f64;

    let frame = FrameReport {
        runs: latencies.len(),
        latency_ms: median(&latencies),
        latency_p95_ms: percentile(&latencies, 0.95),
        pictures_per_s: 1e3 * pictures.len() as f64 / pipelined_ms,
    };
    Ok((frame, warm_up.first().map_or(0, |outcome| outcome.readback_bytes)))
}
