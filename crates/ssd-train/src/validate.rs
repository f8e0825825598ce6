//! mAP of a model on a data set, while it is trained.
//!
//! Boxes are compared in pixels of the source pictures, as `eval` does it: COCO's small, medium and large are sizes there.

use burn::tensor::{Device, Tensor, TensorData};
use ssd::boxes::CenterBox;
use ssd::postprocess::{DetectParams, postprocess};
use ssd::weights::Header;
use ssd::{Detection, Ssd};

use crate::data::{DataError, Loader};
use crate::evaluation::{ImageResult, Report, evaluate};

/// Measures `model` on all of `loader`, whose pictures are not augmented. Scores count from 0.01, as in the paper.
///
/// # Errors
///
/// When a picture cannot be read.
pub fn validate(model: &Ssd, header: &Header, loader: &Loader, device: &Device) -> Result<Report, DataError> {
    let params = DetectParams { score: 0.01, ..header.params() };
    let priors = header.priors.priors();
    let mut images = Vec::new();
    for batch in loader.epoch(0, 0) {
        let batch = batch?;
        let pixels: Vec<f32> = batch.iter().flat_map(|item| item.pixels.iter().copied()).collect();
        let shape = [batch.len(), 3, header.input_size, header.input_size];
        let found = detect(model, header, &priors, Tensor::from_data(TensorData::new(pixels, shape), device), &params);
        for (item, detections) in batch.iter().zip(found) {
            let id = images.len() as i64;
            images.push(ImageResult::from_normalised(id, item.size_px, &item.truths_px, &detections));
        }
    }
    Ok(evaluate(&images, &header.labels))
}

/// The detections of each picture of a batch `[B, 3, S, S]`.
pub fn detect(
    model: &Ssd,
    header: &Header,
    priors: &[CenterBox],
    batch: Tensor<4>,
    params: &DetectParams,
) -> Vec<Vec<Detection>> {
    let predictions = model.forward(batch);
    let offsets: Vec<f32> = predictions.offsets.into_data().iter::<f32>().collect();
    let logits: Vec<f32> = predictions.logits.into_data().iter::<f32>().collect();
    let offsets = offsets.chunks_exact(priors.len() * 4);
    let logits = logits.chunks_exact(priors.len() * header.classes());
    offsets.zip(logits).map(|(o, l)| postprocess(o, l, priors, header.priors.variances, params)).collect()
}
