//! A weights file on a device, natively: picture in, detections and times out.
//!
//! Adds a file and a clock to [`ssd_gpu::pipeline::Pipeline`], which the page uses as well.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use burn::tensor::Device;
use image::RgbImage;
use ssd::postprocess::DetectParams;
use ssd::weights::Header;
use ssd::{Detection, Ssd};
use ssd_gpu::pipeline::{Outcome, Pipeline};
use ssd_gpu::{GpuError, Picture};

use crate::detect::engine::{EngineArgs, EngineName};
use crate::device::choice::DeviceChoice;
use crate::device::open::{self as device, DeviceError, OpenDevice};
use crate::failure::Failure;
use crate::weights_file::{self, WeightsFileError};

/// A detector that cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    /// The weights file cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsFileError),
    /// The device is not available.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The device failed, or a parameter is out of range.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// A picture without pixels.
    #[error("the picture has no pixels; leave it out")]
    EmptyPicture,
}

impl From<DetectorError> for Failure {
    /// Files and devices are the user's choice; failures on the device are not.
    fn from(error: DetectorError) -> Self {
        match error {
            DetectorError::Weights(_) | DetectorError::Device(_) => Self::input(error),
            DetectorError::Gpu(_) | DetectorError::EmptyPicture => Self::run(error),
        }
    }
}

/// How long the stages took, in milliseconds, by the clock of the device that ran them.
pub use ssd_gpu::frames::StageTimes as Timing;

/// A detector, ready for pictures.
pub struct Detector {
    pipeline: Pipeline,
    device_name: String,
}

impl Detector {
    /// Loads a weights file onto a device, for batches of up to `batch` pictures.
    ///
    /// # Errors
    /// If the file is not a detector, or the device is not available.
    pub fn load(path: &Path, choice: &DeviceChoice, engine: EngineArgs, batch: usize) -> Result<Self, DetectorError> {
        let (header, model) = weights_file::load(path, &Device::flex())?;
        let device = device::open(choice)?;
        let pipeline = pipeline(header, &model, &device, engine, batch)?;
        Ok(Self { pipeline, device_name: device.name })
    }

    /// The header of the weights file.
    pub fn header(&self) -> &Header {
        self.pipeline.header()
    }

    /// The device's name.
    pub fn device_name(&self) -> &str {
        &self.device_name
    }

    /// Detects in one picture. Boxes are fractions of it, best first.
    ///
    /// # Errors
    /// If a parameter is out of range, the picture is empty, or the device fails.
    pub fn detect(&self, image: &RgbImage, params: &DetectParams) -> Result<(Vec<Detection>, Timing), DetectorError> {
        let started = milliseconds();
        let mut found = self.detect_batch(&[image], params)?;
        let Outcome { detections, times, .. } = found.pop().ok_or(DetectorError::EmptyPicture)?;
        // Without a GPU clock, only the total time is known.
        let times = times.unwrap_or(Timing { network_ms: milliseconds() - started, ..Timing::default() });
        Ok((detections, times))
    }

    /// The network's predictions for a picture: offsets `[P, 4]`, logits `[P, C]`.
    ///
    /// # Errors
    /// If the picture is empty, or the device fails.
    pub fn predict(&self, image: &RgbImage) -> Result<(Vec<f32>, Vec<f32>), DetectorError> {
        if image.width() == 0 || image.height() == 0 {
            return Err(DetectorError::EmptyPicture);
        }
        let (width, height) = (image.width() as usize, image.height() as usize);
        Ok(pollster::block_on(self.pipeline.predict(&[Picture::Rgba { bytes: &rgba(image), width, height }]))?)
    }

    /// [`Self::detect`] for several pictures at once, up to the batch size that the detector was loaded for.
    ///
    /// # Errors
    /// Those of [`Self::detect`].
    pub fn detect_batch(&self, images: &[&RgbImage], params: &DetectParams) -> Result<Vec<Outcome>, DetectorError> {
        if images.iter().any(|image| image.width() == 0 || image.height() == 0) {
            return Err(DetectorError::EmptyPicture);
        }
        let pixels: Vec<Vec<u8>> = images.iter().map(|image| rgba(image)).collect();
        let pictures = images.iter().zip(&pixels).map(|(image, bytes)| Picture::Rgba {
            bytes,
            width: image.width() as usize,
            height: image.height() as usize,
        });
        let pictures: Vec<Picture<'_>> = pictures.collect();
        let pending = self.pipeline.submit(&pictures, params)?;
        Ok(pollster::block_on(self.pipeline.read(pending))?)
    }
}

/// What runs a model, which is on the CPU device, on a device: our kernels on a GPU, our loops on the CPU; Burn where
/// it is asked for, or where we have neither.
///
/// # Errors
/// If the device fails, or does not take the network.
pub(crate) fn pipeline(
    header: Header,
    model: &Ssd,
    device: &OpenDevice,
    engine: EngineArgs,
    batch: usize,
) -> Result<Pipeline, GpuError> {
    let own = engine.engine == EngineName::Own;
    match &device.gpu {
        Some(gpu) if own => {
            let precision = engine.precision.choice();
            pollster::block_on(Pipeline::on_gpu(header, model, gpu, batch, precision, milliseconds, &mut |_, _| {}))
        }
        None if own && device.is_cpu() => Pipeline::on_cpu(header, model, milliseconds),
        _ => Ok(Pipeline::on_burn(header, model.clone(), &device.device, milliseconds)),
    }
}

/// The pixels as a texture stores them.
fn rgba(image: &RgbImage) -> Vec<u8> {
    image.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect()
}

/// Milliseconds since the first call.
pub(crate) fn milliseconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
}
