//! mAP of a model on a data set, while it is trained.
//!
//! Boxes are compared in pixels of the source pictures, as `eval` does it: COCO's small, medium and large are sizes
//! there.

use burn::module::Module as _;
use burn::tensor::Device;
use pollster::block_on;
use ssd::postprocess::DetectParams;
use ssd::weights::Header;
use ssd::{Detection, Ssd};
use ssd_data::{DataError, Loader, Prepared};
use ssd_gpu::kernel::Precision;
use ssd_gpu::pipeline::{Pipeline, PrecisionChoice};
use ssd_gpu::{Gpu, GpuError};
use ssd_measure::{ImageResult, Report, evaluate};

/// A model that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// A picture cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network cannot be run.
    #[error(transparent)]
    Network(#[from] GpuError),
}

/// Validation pictures kept as drawn examples.
const EXAMPLES: usize = 4;
/// Pictures that our kernels compute at once: their maps lie beside those of the training.
const GPU_BATCH: usize = 8;

/// What a validation gives.
#[derive(Debug)]
pub struct Validation {
    /// The measures.
    pub report: Report,
    /// The first pictures, and what was found in them.
    pub examples: Vec<(Prepared, Vec<Detection>)>,
}

/// Measures `model`, which has no autodiff, on all of `loader`, whose pictures are not augmented. Scores count from
/// 0.01, as in the paper. `gpu` is the model's device for our kernels, where they run on it.
///
/// # Errors
/// When a picture cannot be read, or the device fails.
pub fn validate(model: &Ssd, header: &Header, gpu: Option<&Gpu>, loader: &Loader) -> Result<Validation, ValidateError> {
    let params = DetectParams { score: 0.01, ..header.params() };
    let pipeline = pipeline(model, header, gpu)?;
    let (mut images, mut examples) = (Vec::new(), Vec::with_capacity(EXAMPLES));
    for batch in loader.epoch(0, 0) {
        let batch = batch?;
        let pixels: Vec<f32> = batch.iter().flat_map(|item| item.pixels.iter().copied()).collect();
        let found = block_on(pipeline.detect_input(&pixels, &params))?;
        for (item, detections) in batch.into_iter().zip(found) {
            images.push(ImageResult::from_normalised(item.size_px, &item.truths_px, &detections));
            if examples.len() < EXAMPLES {
                examples.push((item, detections));
            }
        }
    }
    Ok(Validation { report: evaluate(&images, &header.labels), examples })
}

/// What `detect` runs on the model's device: our kernels or our loops, and Burn's own forward on a device that has
/// neither, or no memory left for the kernels' maps.
fn pipeline(model: &Ssd, header: &Header, gpu: Option<&Gpu>) -> Result<Pipeline, GpuError> {
    let (device, clock) = (model.heads[0].offsets.conv.weight.device(), || 0.0);
    if device == Device::flex() {
        return Pipeline::on_cpu(header.clone(), model, clock);
    }
    if let Some(gpu) = gpu {
        let (model, precision) = (model.clone().to_device(&Device::flex()), PrecisionChoice::Only(Precision::Single));
        let mut quiet = |_, _| {};
        match block_on(Pipeline::on_gpu(header.clone(), &model, gpu, GPU_BATCH, precision, clock, &mut quiet)) {
            Err(GpuError::Memory(_) | GpuError::Size { .. } | GpuError::Kernel { .. }) => {}
            pipeline => return pipeline,
        }
    }
    Ok(Pipeline::on_burn(header.clone(), model.clone(), &device, clock))
}
