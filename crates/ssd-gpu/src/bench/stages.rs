//! A pipeline part by part: its network's layers, and the stages around it.

use burn::module::Module as _;
use burn::tensor::Device;
use pollster::block_on;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use ssd::Ssd;
use ssd::postprocess::DetectParams;

use super::layers::{NetworkTimes, Progress, by_burn, by_kernels, by_loops, by_plain_burn};
use super::stopwatch::Stopwatch;
use crate::error::GpuError;
use crate::frames::{GpuDetector, StageTimes};
use crate::picture::Picture;
use crate::pipeline::{Engine, Pipeline, input_tensor};
use crate::wgsl;

/// The post-processing at one threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PostprocessTime {
    /// For all pictures.
    pub ms: f64,
    /// How many candidates went into NMS, of the first picture; only our kernels count them.
    pub candidates: Option<u32>,
}

/// How long the parts of a pipeline take, in milliseconds, for all pictures of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct PartTimes {
    /// Resize and normalise.
    pub preprocess_ms: f64,
    /// All layers.
    pub network: NetworkTimes,
    /// At each threshold, in the order asked for.
    pub postprocess: Vec<PostprocessTime>,
}

/// Measures the parts of a pipeline on pictures that have been a frame of it. The post-processing gets
/// `drawn_predictions`, so that its time does not hang on what the weights say of a picture.
///
/// # Errors
/// When the device fails, or a threshold is out of its range.
pub fn part_times(
    pipeline: &mut Pipeline,
    pictures: &[Picture<'_>],
    scores: &[f32],
    stopwatch: &Stopwatch,
    progress: Progress<'_>,
) -> Result<PartTimes, GpuError> {
    let header = pipeline.header().clone();
    let (images, priors, columns) = (pictures.len(), header.priors.len(), header.columns());
    let params = scores.iter().map(|&score| DetectParams { score, ..header.params() }.checked(header.classes()));
    let params: Vec<DetectParams> = params.collect::<Result<_, _>>()?;
    let drawn = drawn_predictions(images, priors, columns);
    let (input, host) = (pipeline.preprocess(pictures)?, Device::flex());

    let network = match &mut pipeline.engine {
        Engine::Wgsl(detector) => {
            return part_times_of_kernels(detector.get_mut(), &params, &drawn, stopwatch, progress);
        }
        Engine::Cpu(network) => by_loops(network, (&input, images, header.input_size), stopwatch, progress)?,
        Engine::Burn { model, device } => {
            let input = input_tensor(input, header.input_size, device);
            by_burn(model, &input, stopwatch, progress)?
        }
    };
    let preprocess_ms = stopwatch.calls(&host, &mut || drop(pipeline.preprocess(pictures)))?;
    let (offsets, logits) = drawn.split_at(images * priors * 4);
    let postprocess = |params: &DetectParams| -> Result<PostprocessTime, GpuError> {
        let rows = || offsets.chunks_exact(priors * 4).zip(logits.chunks_exact(priors * columns));
        let mut work = || drop(pipeline.finish(rows(), params, StageTimes::default(), 0));
        Ok(PostprocessTime { ms: stopwatch.calls(&host, &mut work)?, candidates: None })
    };
    let postprocess = params.iter().map(postprocess).collect::<Result<_, _>>()?;
    Ok(PartTimes { preprocess_ms, network, postprocess })
}

/// The same on a GPU, on the pictures of the last frame.
fn part_times_of_kernels(
    detector: &mut GpuDetector,
    params: &[DetectParams],
    drawn: &[f32],
    stopwatch: &Stopwatch,
    progress: Progress<'_>,
) -> Result<PartTimes, GpuError> {
    let (gpu, images) = (&detector.gpu().clone(), detector.images());
    let network = by_kernels(detector, stopwatch, progress)?;
    let (picture, postprocess, predictions) = detector.around();
    let preprocess_ms = stopwatch.pass(gpu, &|pass| picture.encode(pass, images))?;
    gpu.queue.write_buffer(predictions, 0, bytemuck::cast_slice(drawn));
    let mut times = Vec::new();
    for params in params {
        postprocess.ask(gpu, params);
        let ms = stopwatch.pass(gpu, &|pass| postprocess.encode(pass))?;
        let headers = postprocess.program().buffer(postprocess.slots.headers);
        let bytes = block_on(gpu.read(headers, size_of::<wgsl::Header>() as u64))?;
        let candidates = Some(bytemuck::pod_read_unaligned::<wgsl::Header>(&bytes).candidates);
        times.push(PostprocessTime { ms, candidates });
    }
    Ok(PartTimes { preprocess_ms, network, postprocess: times })
}

/// Burn on a device, for comparison with a pipeline on it: as it would run the network best beside our kernels; by
/// nothing but its own convolution where its best is, or is part of, what the pipeline runs. The model is on the CPU
/// device, or on that one.
///
/// # Errors
/// When the device fails.
pub fn burn_times(
    pipeline: &Pipeline,
    (model, device): (&Ssd, &Device),
    pictures: &[Picture<'_>],
    stopwatch: &Stopwatch,
    progress: Progress<'_>,
) -> Result<NetworkTimes, GpuError> {
    let model = model.clone().to_device(device);
    let input = input_tensor(pipeline.preprocess(pictures)?, pipeline.header().input_size, device);
    match pipeline.engine {
        Engine::Wgsl(_) => by_burn(&model, &input, stopwatch, progress),
        Engine::Cpu(_) | Engine::Burn { .. } => by_plain_burn(&model, &input, stopwatch, progress),
    }
}

/// How far apart the priors are that an object is seen at.
const OBJECT_EVERY: usize = 64;

/// Predictions as a busy picture might have them and the worst case of post-processing at once: every 64th prior is
/// sure of a class, so that some are above 0.5, and all others are so unsure that with up to some fifty classes every
/// one of them is above 0.01 in every class. Offsets `[images, priors, 4]`, then logits `[images, priors, classes]`.
pub fn drawn_predictions(images: usize, priors: usize, classes: usize) -> Vec<f32> {
    let mut rng = Pcg64::seed_from_u64(1);
    let mut numbers: Vec<f32> = (0..images * priors * 4).map(|_| rng.random_range(-1.0f32..1.0)).collect();
    for prior in 0..images * priors {
        let start = numbers.len();
        numbers.extend((0..classes).map(|_| rng.random_range(-0.3f32..0.3)));
        if prior % OBJECT_EVERY == 0 {
            numbers[start + 1 + prior / OBJECT_EVERY % (classes - 1)] = 8.0;
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_predictions_are_all_above_one_percent_and_a_few_above_a_half() {
        let (priors, classes) = (640, 21);
        let drawn = drawn_predictions(2, priors, classes);
        assert_eq!(drawn.len(), 2 * priors * (4 + classes));
        let rows = drawn[2 * priors * 4..].chunks_exact(classes);
        let scores = |row: &[f32]| -> Vec<f32> {
            let sum: f32 = row.iter().map(|logit| logit.exp()).sum();
            row[1..].iter().map(|logit| logit.exp() / sum).collect()
        };
        let seen = rows.clone().filter(|row| scores(row).iter().any(|score| *score > 0.5)).count();
        assert_eq!(seen, 2 * priors / OBJECT_EVERY);
        let low = rows.filter(|row| scores(row).iter().any(|score| *score <= 0.01)).count();
        assert!(low <= seen, "{low} of the unsure are below 0.01");
    }
}
