//! A weights file on a device, natively: picture in, detections and times out.
//!
//! The way of a picture is [`ssd_gpu::pipeline::Pipeline`]'s, the same as in the page; here it gets a file and a clock.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use image::RgbImage;
use ssd::Detection;
use ssd::postprocess::DetectParams;
use ssd::preprocess::preprocess_rgb;
use ssd::weights::{self, Header, WeightsError};
use ssd_gpu::GpuError;
use ssd_gpu::pipeline::Pipeline;

use crate::cli::DeviceChoice;
use crate::device::{self, DeviceError, OpenDevice};

/// A detector that cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    /// The weights file cannot be read.
    #[error("cannot read {path}: {source}; check the path")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The weights file is not a detector.
    #[error("{path}: {source}")]
    Weights {
        /// The file.
        path: String,
        /// Why.
        source: WeightsError,
    },
    /// The device is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The device failed, or a parameter is out of range.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// A picture without pixels.
    #[error("the picture has no pixels; leave it out")]
    EmptyPicture,
}

/// How long the parts took, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timing {
    /// Resize and normalise, on the host.
    pub preprocess_ms: f64,
    /// The network, until the device is done.
    pub network_ms: f64,
    /// Decode to gather, and the read-back.
    pub postprocess_ms: f64,
}

/// A detector, ready for pictures.
pub struct Detector {
    pipeline: Pipeline,
    device: OpenDevice,
}

impl Detector {
    /// Loads a weights file onto a device.
    ///
    /// # Errors
    ///
    /// When the file is no detector, or the device is not there.
    pub fn load(path: &Path, choice: &DeviceChoice) -> Result<Self, DetectorError> {
        let name = || path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| DetectorError::Read { path: name(), source })?;
        let device = device::open(choice)?;
        let (header, model) =
            weights::load(bytes, &Device::flex()).map_err(|source| DetectorError::Weights { path: name(), source })?;
        Ok(Self { pipeline: Pipeline::new(header, model, &device.device, device.gpu)?, device })
    }

    /// What the weights file says of itself.
    pub fn header(&self) -> &Header {
        self.pipeline.header()
    }

    /// What the device is called.
    pub fn device_name(&self) -> String {
        self.device.name.clone()
    }

    /// Detects in one picture. Boxes are fractions of it, best first.
    ///
    /// # Errors
    ///
    /// When a parameter is out of range, the picture is empty, or the device fails.
    pub fn detect(&self, image: &RgbImage, params: &DetectParams) -> Result<(Vec<Detection>, Timing), DetectorError> {
        let (width, height) = (image.width() as usize, image.height() as usize);
        if width == 0 || height == 0 {
            return Err(DetectorError::EmptyPicture);
        }
        let start = Instant::now();
        let pixels = preprocess_rgb(image.as_raw(), width, height, &self.header().preprocess());
        let preprocessed = Instant::now();
        let predictions = self.pipeline.forward(pixels)?;
        // Waiting here costs a little; without it the network's time would be counted as the post-processing's.
        self.device.device.sync().map_err(|error| GpuError::Read { reason: error.to_string() })?;
        let networked = Instant::now();
        let pending = self.pipeline.launch(predictions, params)?;
        let outcome = pollster::block_on(self.pipeline.read(pending))?;
        let ms = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1e3;
        let timing = Timing {
            preprocess_ms: ms(start, preprocessed),
            network_ms: ms(preprocessed, networked),
            postprocess_ms: ms(networked, Instant::now()),
        };
        Ok((outcome.detections, timing))
    }
}
