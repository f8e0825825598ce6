//! mAP of a model on a data set, while it is trained.
//!
//! Boxes are compared in pixels of the source pictures, as `eval` does it: COCO's small, medium and large are sizes there.

use burn::tensor::{Device, Tensor, TensorData};
use ssd::boxes::CenterBox;
use ssd::cpu_network::CpuNetwork;
use ssd::postprocess::{DetectParams, postprocess};
use ssd::weights::Header;
use ssd::{Detection, Ssd};
use ssd_cpu::ConvolutionError;
use ssd_data::{DataError, Loader, Prepared};
use ssd_measure::{ImageResult, Report, evaluate};

/// A model that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// A picture cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A step of the network cannot be run.
    #[error("the network cannot be run on the CPU: {0}")]
    Network(#[from] ConvolutionError),
}

/// So many pictures of a validation are kept with what was found in them, for eyes.
const EXAMPLES: usize = 4;

/// What a validation gives.
#[derive(Debug)]
pub struct Validation {
    /// The measures.
    pub report: Report,
    /// The first pictures, and what was found in them.
    pub examples: Vec<(Prepared, Vec<Detection>)>,
}

/// Measures `model`, which has no autodiff, on all of `loader`, whose pictures are not augmented. Scores count from 0.01, as
/// in the paper.
///
/// # Errors
///
/// When a picture cannot be read.
pub fn validate(model: &Ssd, header: &Header, loader: &Loader) -> Result<Validation, ValidateError> {
    let params = DetectParams { score: 0.01, ..header.params() };
    let priors = header.priors.priors();
    let device = model.heads[0].offsets.conv.weight.device();
    // Packed for the CPU the network takes a quarter of the time of Burn's own forward pass there.
    let packed = if device == Device::flex() { Some(CpuNetwork::new(model)?) } else { None };
    let (mut images, mut examples) = (Vec::new(), Vec::with_capacity(EXAMPLES));
    for batch in loader.epoch(0, 0) {
        let batch = batch?;
        let found = match &packed {
            Some(network) => detect_on_cpu(network, header, &priors, &batch, &params)?,
            None => {
                let shape = [batch.len(), 3, header.input_size, header.input_size];
                let pixels = Tensor::from_data(TensorData::new(pixels_of(&batch), shape), &device);
                detect(model, header, &priors, pixels, &params)
            }
        };
        for (item, detections) in batch.into_iter().zip(found) {
            let id = images.len() as i64;
            images.push(ImageResult::from_normalised(id, item.size_px, &item.truths_px, &detections));
            if examples.len() < EXAMPLES {
                examples.push((item, detections));
            }
        }
    }
    Ok(Validation { report: evaluate(&images, &header.labels), examples })
}

/// Pictures of a batch in one row.
fn pixels_of(batch: &[Prepared]) -> Vec<f32> {
    batch.iter().flat_map(|item| item.pixels.iter().copied()).collect()
}

fn detect_on_cpu(
    network: &CpuNetwork,
    header: &Header,
    priors: &[CenterBox],
    batch: &[Prepared],
    params: &DetectParams,
) -> Result<Vec<Vec<Detection>>, ConvolutionError> {
    let said = network.forward(&pixels_of(batch), batch.len(), header.input_size)?;
    let pictures = said.offsets.iter().zip(&said.logits);
    Ok(pictures.map(|(o, l)| postprocess(o, l, priors, header.priors.variances, params)).collect())
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
