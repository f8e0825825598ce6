//! One network on one device: everything that a [`Report`] holds.

use pollster::block_on;
use ssd_gpu::GpuError;
use ssd_gpu::bench::{self, Progress, Stopwatch};
use ssd_gpu::kernel::Precision;

use super::report::{ByScore, Correctness, DeviceReport, Peak, Rates, Report};
use super::subject::Subject;
use super::{frame, tracks};
use crate::detect::detector::pipeline;
use crate::detect::engine::{EngineArgs, EngineName};
use crate::device::open::OpenDevice;

/// The thresholds at which the post-processing is measured: to look at, and to evaluate with.
const SCORES: [f32; 2] = [0.5, 0.01];

/// Where and how a network is measured.
pub(super) struct Setup<'a> {
    pub(super) device: &'a OpenDevice,
    pub(super) engine: EngineArgs,
    pub(super) stopwatch: Stopwatch,
    /// Burn's times as well.
    pub(super) burn: bool,
    /// Every method for each convolution as well.
    pub(super) methods: bool,
}

/// Measures a network whose predictions have to be `want` on a device with that peak.
pub(super) fn measure(
    subject: &Subject,
    want: &[f32],
    peak: Peak,
    setup: &Setup<'_>,
    measured: Progress<'_>,
) -> Result<Report, GpuError> {
    let (Subject { header, model, .. }, Setup { device, engine, stopwatch, .. }) = (subject, setup);
    let pictures = subject.pictures();
    let (images, budget) = (pictures.len(), stopwatch.budget);
    let plan = bench::layers(model, header.input_size);
    let mut pipeline = pipeline(header.clone(), model, device, *engine, images)?;
    let (offsets, logits) = block_on(pipeline.predict(&pictures))?;
    measured("kernels");
    let own = bench::part_times(&mut pipeline, &pictures, &SCORES, stopwatch, measured)?;
    measured("stages");
    let precision = pipeline.gpu_memory().map_or(Precision::Single, |(_, precision)| precision);
    let own_gpu = device.gpu.as_ref().filter(|_| engine.engine == EngineName::Own);
    let methods = match own_gpu.filter(|_| setup.methods) {
        Some(gpu) => bench::method_times(gpu, &plan, (images, precision), stopwatch, measured)?,
        None => Vec::new(),
    };
    let burn = || bench::burn_times(&pipeline, (model, &device.device), &pictures, stopwatch, measured);
    let burn = setup.burn.then(burn).transpose()?;
    let (frame, readback_bytes) = frame::measure(&pipeline, &pictures, budget)?;
    measured("frames");
    let track_step_ms = tracks::step_ms(budget);
    measured("tracks");

    let rates = Rates { images, peak_gflops: peak.gflops };
    let layers: Vec<_> = plan.iter().map(|layer| rates.layer(layer, &own.network, burn.as_ref())).collect();
    let gflop = layers.iter().map(|layer| layer.gflop).sum();
    let [high, low] = [0, 1].map(|at| own.postprocess[at]);
    Ok(Report {
        device: DeviceReport::new(device),
        arch: header.arch.name(),
        classes: header.classes(),
        batch: images,
        engine: pipeline.engine_name(),
        precision: precision.name(),
        peak,
        layers,
        network: rates.network(gflop, own.network.ms, burn.map(|burn| burn.ms)),
        preprocess_ms: own.preprocess_ms,
        postprocess_ms: ByScore { high: high.ms, low: low.ms },
        postprocess_candidates: ByScore { high: high.candidates, low: low.candidates },
        readback_bytes,
        memory_bytes: pipeline.gpu_memory().map(|(bytes, _)| bytes),
        frame,
        track_step_ms,
        methods: methods.iter().flat_map(|shape| rates.methods(shape, bench::method_tolerance(precision))).collect(),
        correct: Correctness::new(&[offsets, logits].concat(), want, precision),
    })
}
