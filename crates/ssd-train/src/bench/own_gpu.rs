//! Our kernels on a GPU.

use pollster::block_on;
use ssd::postprocess::DetectParams;
use ssd_gpu::Gpu;
use ssd_gpu::bench::{self, Budget, Layer, ShapeMethods, Stopwatch};
use ssd_gpu::pipeline::{Pipeline, gpu_detector};

use super::report::Peak;
use super::subject::Subject;
use super::{BenchOptions, Measured, PostprocessMeasured, SCORES};
use crate::detect::detector::milliseconds;
use crate::failure::Failure;

/// What the device can do at best.
pub(super) fn peak(gpu: &Gpu, budget: Budget) -> Result<Peak, Failure> {
    let peaks = block_on(bench::peaks(&Stopwatch::new(gpu, budget, milliseconds))).map_err(Failure::run)?;
    Ok(Peak { gflops: peaks.gflops, gbytes_per_s: peaks.gbytes_per_s, copy_mib: peaks.copy_bytes >> 20 })
}

/// Layers, stages and, if asked for, methods; the detector goes on as a pipeline.
pub(super) fn measure(
    gpu: &Gpu,
    subject: &Subject,
    plan: &[Layer],
    options: &BenchOptions,
    measured: &dyn Fn(&str),
) -> Result<(Measured, Pipeline, Vec<ShapeMethods>), Failure> {
    let Subject { header, model, .. } = subject;
    let precision = options.engine.precision.choice();
    let loaded = block_on(gpu_detector(header, model, gpu, options.batch, precision, &mut |_, _| {}));
    let mut detector = loaded.map_err(Failure::run)?;
    measured("kernels");

    let params = DetectParams::default();
    let predictions = block_on(async {
        detector.submit(&subject.pictures(), &params)?.read().await?;
        detector.predictions().await
    });
    let predictions = predictions.map_err(Failure::run)?;

    let stopwatch = Stopwatch::new(gpu, options.budget, milliseconds);
    let times = block_on(bench::layer_times(&detector, &stopwatch, &mut |name| measured(name)));
    let times = times.map_err(Failure::run)?;
    let layer = |layer: &Layer| {
        let time = times.iter().find(|time| time.name == layer.name);
        time.map_or((f64::NAN, String::new()), |time| (time.ms, time.method.clone()))
    };
    let layers = plan.iter().map(layer).collect();
    let stages = block_on(bench::stage_times(&mut detector, header, &SCORES, &stopwatch)).map_err(Failure::run)?;
    measured("stages");
    let methods = if options.methods { methods(&stopwatch, plan, &detector, measured)? } else { Vec::new() };

    let own = Measured {
        layers,
        network_ms: stages.network_ms,
        preprocess_ms: stages.preprocess_ms,
        postprocess: stages
            .postprocess
            .iter()
            .map(|time| PostprocessMeasured { ms: time.ms, candidates: Some(time.candidates) })
            .collect(),
        predictions,
    };
    Ok((own, Pipeline::of_detector(header.clone(), detector, milliseconds), methods))
}

/// Every way of doing each convolution.
fn methods(
    stopwatch: &Stopwatch<'_>,
    plan: &[Layer],
    detector: &ssd_gpu::frames::GpuDetector,
    measured: &dyn Fn(&str),
) -> Result<Vec<ShapeMethods>, Failure> {
    let mut all = Vec::new();
    for problem in bench::distinct_dense(plan) {
        let methods = bench::shape_methods(stopwatch, &problem, detector.images(), detector.precision());
        all.push(block_on(methods).map_err(Failure::run)?);
        measured(&problem.layers);
    }
    Ok(all)
}
