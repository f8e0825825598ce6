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
use ssd_gpu::pipeline::{Outcome, Pending, Pipeline};
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

/// A picture as a detector takes it.
#[derive(Debug)]
pub struct Pixels {
    /// `[height, width, 4]`, as a texture stores them.
    rgba: Vec<u8>,
    width: usize,
    height: usize,
}

impl From<&RgbImage> for Pixels {
    fn from(image: &RgbImage) -> Self {
        let mut rgba = vec![255; 4 * image.len() / 3];
        for (to, from) in rgba.chunks_exact_mut(4).zip(image.chunks_exact(3)) {
            to[..3].copy_from_slice(from);
        }
        Self { rgba, width: image.width() as usize, height: image.height() as usize }
    }
}

impl Pixels {
    fn borrowed(&self) -> Picture<'_> {
        Picture::Rgba { bytes: &self.rgba, width: self.width, height: self.height }
    }
}

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

    /// How many batches are best in flight: two on a GPU, which then computes one while the host is busy with the
    /// other; anything else is done when [`Self::submit`] returns.
    pub fn in_flight(&self) -> usize {
        if self.pipeline.engine_name() == "wgsl" { 2 } else { 1 }
    }

    /// Starts on several pictures, up to the batch size that the detector was loaded for.
    ///
    /// # Errors
    /// If a parameter is out of range, a picture is empty or too large, or the device fails.
    pub fn submit(&self, pictures: &[&Pixels], params: &DetectParams) -> Result<Submitted, DetectorError> {
        if pictures.iter().any(|picture| picture.rgba.is_empty()) {
            return Err(DetectorError::EmptyPicture);
        }
        let started = milliseconds();
        let pictures: Vec<Picture<'_>> = pictures.iter().map(|picture| picture.borrowed()).collect();
        Ok(Submitted { pending: self.pipeline.submit(&pictures, params)?, started })
    }

    /// Waits for what was submitted: the result of each picture, with boxes as fractions of it, best first.
    ///
    /// # Errors
    /// If the device fails.
    pub fn read(&self, submitted: Submitted) -> Result<Vec<Outcome>, DetectorError> {
        Ok(pollster::block_on(self.pipeline.read(submitted.pending))?)
    }

    /// The result of one picture that was submitted.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn read_one(&self, submitted: Submitted) -> Result<(Vec<Detection>, Timing), DetectorError> {
        let started = submitted.started;
        let Outcome { detections, times, .. } = self.read(submitted)?.pop().ok_or(DetectorError::EmptyPicture)?;
        // Without a GPU clock, only the total time is known.
        let times = times.unwrap_or(Timing { network_ms: milliseconds() - started, ..Timing::default() });
        Ok((detections, times))
    }

    /// Detects in one picture. Boxes are fractions of it, best first.
    ///
    /// # Errors
    /// Those of [`Self::submit`] and [`Self::read`].
    pub fn detect(&self, image: &RgbImage, params: &DetectParams) -> Result<(Vec<Detection>, Timing), DetectorError> {
        self.read_one(self.submit(&[&Pixels::from(image)], params)?)
    }

    /// The network's predictions for a picture: offsets `[P, 4]`, logits `[P, C]`.
    ///
    /// # Errors
    /// If the picture is empty, or the device fails.
    pub fn predict(&self, image: &RgbImage) -> Result<(Vec<f32>, Vec<f32>), DetectorError> {
        let pixels = Pixels::from(image);
        if pixels.rgba.is_empty() {
            return Err(DetectorError::EmptyPicture);
        }
        Ok(pollster::block_on(self.pipeline.predict(&[pixels.borrowed()]))?)
    }

    /// [`Self::detect`] for several pictures at once, up to the batch size that the detector was loaded for.
    ///
    /// # Errors
    /// Those of [`Self::detect`].
    pub fn detect_batch(&self, images: &[&RgbImage], params: &DetectParams) -> Result<Vec<Outcome>, DetectorError> {
        let pictures: Vec<Pixels> = images.iter().copied().map(Pixels::from).collect();
        self.read(self.submit(&pictures.iter().collect::<Vec<_>>(), params)?)
    }
}

/// Pictures whose detections are still to be read.
pub struct Submitted {
    pending: Pending,
    /// In [`milliseconds`].
    started: f64,
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

/// Milliseconds since the first call.
pub(crate) fn milliseconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
}
