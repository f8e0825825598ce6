//! The whole way of one picture: pixels → network → decode → topk → nms → gather → detections, on whichever device.
//!
//! On a GPU nothing is read back but the buffer of [`GpuPostprocess`]; on the CPU device the twins do its work. The native
//! programs and the page both run exactly this; they bring the pixels and the clock.

use burn::tensor::{Device, Int, Tensor, TensorData};
use ssd::postprocess::{DetectParams, postprocess};
use ssd::weights::Header;
use ssd::{CenterBox, Detection, Predictions, Ssd};

use crate::error::GpuError;
use crate::network::GpuNetwork;
use crate::postprocess::{GpuPostprocess, unpack};

/// What computes.
enum Engine {
    /// Our kernels, throughout.
    Gpu { network: Box<GpuNetwork>, postprocess: Box<GpuPostprocess> },
    /// Burn and the twins.
    Cpu(Box<Ssd>),
}

/// A detector on a device, ready for pictures.
pub struct Pipeline {
    header: Header,
    priors: Vec<CenterBox>,
    device: Device,
    engine: Engine,
}

/// What came of one picture.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Normalised boxes, best first.
    pub detections: Vec<Detection>,
    /// Boxes that went into NMS, of all classes; not counted on the CPU device.
    pub candidates: Option<u32>,
    /// Bytes that crossed from the GPU to the host; 0 on the CPU device.
    pub readback_bytes: usize,
}

impl Pipeline {
    /// A pipeline that computes on `device`; `gpu` says whether that is a wgpu device. The model lies on the CPU device.
    ///
    /// # Errors
    ///
    /// When the kernels cannot be used with this model or device.
    pub fn new(header: Header, model: Ssd, device: &Device, gpu: bool) -> Result<Self, GpuError> {
        let priors = header.priors.priors();
        let engine = if gpu {
            let postprocess = GpuPostprocess::new(device, &priors, header.priors.variances, header.classes())?;
            Engine::Gpu { network: Box::new(GpuNetwork::new(model, device)), postprocess: Box::new(postprocess) }
        } else {
            Engine::Cpu(Box::new(model))
        };
        Ok(Self { header, priors, device: device.clone(), engine })
    }

    /// What the model is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Starts the network on one preprocessed picture, `[3, S, S]`; on a GPU this returns before it is done.
    ///
    /// # Errors
    ///
    /// When the device is not the one that the pipeline was made for.
    ///
    /// # Panics
    ///
    /// If `pixels` is not `3 * S * S` long, which [`ssd::preprocess`] sees to.
    pub fn forward(&self, pixels: Vec<f32>) -> Result<Predictions, GpuError> {
        let size = self.header.input_size;
        let input = Tensor::from_data(TensorData::new(pixels, [1, 3, size, size]), &self.device);
        match &self.engine {
            Engine::Gpu { network, .. } => network.forward(input),
            Engine::Cpu(model) => Ok(model.forward(input)),
        }
    }

    /// Starts the post-processing of one picture's predictions; on a GPU this returns before it is done.
    ///
    /// # Errors
    ///
    /// When a parameter is out of range, or the predictions are another model's.
    pub fn launch(&self, predictions: Predictions, params: &DetectParams) -> Result<Pending, GpuError> {
        let params = params.clone().checked(self.header.classes())?;
        Ok(match &self.engine {
            Engine::Gpu { postprocess, .. } => {
                let buffer = Box::new(postprocess.launch(predictions.offsets, predictions.logits, &params)?);
                Pending::Gpu { buffer, readback_bytes: GpuPostprocess::readback_bytes(&params) }
            }
            Engine::Cpu(_) => Pending::Cpu { predictions: Box::new(predictions), params },
        })
    }

    /// Waits for the detections.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub async fn read(&self, pending: Pending) -> Result<Outcome, GpuError> {
        match pending {
            Pending::Gpu { buffer, readback_bytes } => {
                let data = buffer.into_data_async().await.map_err(read_error)?;
                let found = unpack(data)?;
                Ok(Outcome { detections: found.detections, candidates: Some(found.candidates), readback_bytes })
            }
            Pending::Cpu { predictions, params } => {
                let offsets = floats(predictions.offsets).await?;
                let logits = floats(predictions.logits).await?;
                let detections = postprocess(&offsets, &logits, &self.priors, self.header.priors.variances, &params);
                Ok(Outcome { detections, candidates: None, readback_bytes: 0 })
            }
        }
    }
}

/// A picture whose detections are on their way.
#[derive(Debug)]
pub enum Pending {
    /// In a buffer on the GPU.
    Gpu {
        /// What the last kernel writes.
        buffer: Box<Tensor<1, Int>>,
        /// Its size.
        readback_bytes: usize,
    },
    /// Not begun: the CPU has nobody to wait for.
    Cpu {
        /// What the network said.
        predictions: Box<Predictions>,
        /// Checked.
        params: DetectParams,
    },
}

fn read_error(error: impl std::fmt::Display) -> GpuError {
    GpuError::Read { reason: error.to_string() }
}

async fn floats(tensor: Tensor<3>) -> Result<Vec<f32>, GpuError> {
    Ok(tensor.into_data_async().await.map_err(read_error)?.iter::<f32>().collect())
}
