//! Steps of learning on the device, by Burn, and where their time goes.

use std::cell::RefCell;
use std::rc::Rc;

use burn::optim::GradientsParams;
use burn::tensor::Device;
use pollster::block_on;
use ssd::Ssd;
use ssd::boxes::{CornerBox, GroundTruth};
use ssd_gpu::GpuError;
use ssd_gpu::bench::median;
use ssd_gpu::methods::Row;
use ssd_learn::{BatchGradients, Example, HostBatch, LearnConfig, Learner, Local, Watch};

use super::report::{PartReport, TrainingReport};
use super::{Day, until};
use crate::detect::detector::milliseconds;
use crate::exchange::onnx::untrained;
use crate::failure::Failure;

/// Measured steps, unless the time is up before.
const STEPS: usize = 20;
/// Small enough for random weights to stay finite.
const LEARNING_RATE: f64 = 1e-4;

/// Measures a few steps if there is time.
pub(super) fn measure(day: &mut Day<'_>, rows: &[Row]) -> Result<(), Failure> {
    let (arch, images) = day.plan.training;
    let what = format!("training of {arch}, batch {images}");
    day.begin(what.clone());
    day.write(rows)?;
    let mut part = day.clock.part(until::TRAINING);
    match part.piece(|| steps(day)) {
        None => day.report.left_out.push(what),
        Some(Err(error)) => day.failed(&what, &error),
        Some(Ok(report)) => day.report.training = Some(report),
    }
    day.write(rows)
}

fn steps(day: &Day<'_>) -> Result<TrainingReport, GpuError> {
    let (arch, images) = day.plan.training;
    let device = day.device.device.clone().autodiff();
    let (header, _) = untrained(arch, super::plan::CLASSES[0], 1);
    let model = Ssd::new(arch, header.columns(), &device);
    let mut learner = Learner::new(&LearnConfig::default(), &header, model, device.clone());
    let pixels: Vec<Vec<f32>> = (0..images).map(|index| drawn(3 * header.input_size.pow(2), index)).collect();
    let targets = learner.matcher.targets(&truths());
    let group = || vec![pixels.iter().map(|pixels| Example { pixels, targets: targets.clone() }).collect::<Vec<_>>()];
    let mut number = 0;
    let mut step = |parts: &Parts<'_>| -> Result<f64, GpuError> {
        let (group, start) = (group(), milliseconds());
        number += 1;
        let gradients = |local: Local<'_>, batch| Ok::<_, GpuError>(in_parts(local, batch, parts));
        let reading = learner.step(&group, LEARNING_RATE, number, gradients, &mut parts.clone())?;
        block_on(reading.wait()).map_err(|error| GpuError::Read(error.to_string()))?;
        Ok(milliseconds() - start)
    };
    let queued = Parts::default();
    let first_step_ms = step(&queued)?;
    let (mut times, end) = (Vec::new(), until::TRAINING * day.clock.budget);
    while times.is_empty() || (times.len() < STEPS && day.clock.seconds() < end) {
        times.push(step(&queued)?);
    }
    let watched = Parts { device: Some(&day.device.device), ..Parts::default() };
    step(&watched)?;
    let step_ms = median(&times);
    Ok(TrainingReport {
        arch: arch.name(),
        batch: images,
        first_step_ms,
        step_ms,
        steps: times.len(),
        pictures_per_s: 1e3 * images as f64 / step_ms,
        parts: watched.times.take(),
    })
}

/// Forward, loss and backward, as [`Local::gradients`] has them, part by part.
fn in_parts(local: Local<'_>, batch: HostBatch, parts: &Parts<'_>) -> BatchGradients {
    let (pixels, targets) = parts.timed("upload", || batch.tensors(local.device));
    let predictions = parts.timed("forward", || local.model.forward(pixels));
    let loss = parts.timed("loss", || local.loss.loss(&predictions, &targets));
    let of_parts = loss.parts();
    let gradients = parts.timed("backward", || GradientsParams::from_grads(loss.total().backward(), local.model));
    BatchGradients { gradients, loss: of_parts }
}

/// The times of a step's parts, if there is a device to wait for; without one nothing waits, and nothing is recorded.
#[derive(Debug, Clone, Default)]
struct Parts<'a> {
    device: Option<&'a Device>,
    times: Rc<RefCell<Vec<PartReport>>>,
}

impl Parts<'_> {
    fn timed<T>(&self, name: &'static str, part: impl FnOnce() -> T) -> T {
        let Some(device) = self.device else { return part() };
        let start = milliseconds();
        let made = part();
        // A device that is lost says so when the loss is read.
        let _ = device.sync();
        self.times.borrow_mut().push(PartReport { name, ms: milliseconds() - start });
        made
    }
}

impl Watch for Parts<'_> {
    fn part<T>(&mut self, name: &'static str, part: impl FnOnce() -> T) -> T {
        // Its own parts are recorded.
        if name == "forward, loss, backward" { part() } else { self.timed(name, part) }
    }
}

/// Numbers as normalised pixels have them.
fn drawn(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|index| ((index * 37 + seed * 91) % 251) as f32 / 125.0 - 1.0).collect()
}

/// Objects of a picture, one small and one large.
fn truths() -> [GroundTruth; 2] {
    let truth = |bbox, class| GroundTruth { bbox, class, difficult: false };
    [truth(CornerBox::new(0.1, 0.1, 0.3, 0.35), 1), truth(CornerBox::new(0.3, 0.2, 0.9, 0.95), 7)]
}
