//! The stages of a frame by themselves: preprocess, network, post-processing.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use ssd::postprocess::DetectParams;
use ssd::weights::Header;

use super::stopwatch::Stopwatch;
use crate::error::GpuError;
use crate::frames::GpuDetector;
use crate::wgsl;

/// The post-processing at one threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PostprocessTime {
    /// The threshold.
    pub score: f32,
    /// For all pictures.
    pub ms: f64,
    /// How many candidates went into NMS, of the first picture.
    pub candidates: u32,
}

/// How long the stages take, in milliseconds, for all pictures of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct StageReport {
    /// Resize and normalise.
    pub preprocess_ms: f64,
    /// All layers.
    pub network_ms: f64,
    /// At each threshold, in the order asked for.
    pub postprocess: Vec<PostprocessTime>,
}

/// Measures the stages on the pictures of the last frame. The post-processing gets [`drawn_predictions`], so that its
/// time does not hang on what the weights say of a picture.
///
/// # Errors
///
/// When the device fails.
pub async fn stage_times(
    detector: &mut GpuDetector,
    header: &Header,
    scores: &[f32],
    stopwatch: &Stopwatch<'_>,
) -> Result<StageReport, GpuError> {
    let gpu = stopwatch.gpu;
    let images = detector.images();
    let network_ms = stopwatch.median_ms(&|pass| detector.network().encode(pass)).await?;
    let (picture, postprocess, predictions) = detector.around();
    let preprocess_ms = stopwatch.median_ms(&|pass| picture.encode(pass, images)).await?;

    let drawn = drawn_predictions(images, header.priors.len(), header.columns());
    gpu.queue.write_buffer(predictions, 0, bytemuck::cast_slice(&drawn));
    let mut times = Vec::new();
    for &score in scores {
        postprocess.ask(gpu, &DetectParams { score, ..header.params() }.checked(header.classes())?);
        let ms = stopwatch.median_ms(&|pass| postprocess.encode(pass)).await?;
        let headers = postprocess.program().buffer(postprocess.slots.headers);
        let bytes = gpu.read(headers, size_of::<wgsl::Header>() as u64).await?;
        let candidates = bytemuck::pod_read_unaligned::<wgsl::Header>(&bytes).candidates;
        times.push(PostprocessTime { score, ms, candidates });
    }
    Ok(StageReport { preprocess_ms, network_ms, postprocess: times })
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
