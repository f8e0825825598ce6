//! The whole way of a picture: pixels → preprocess → network → decode → topk → nms → gather → detections, by an engine.
//!
//! Our kernels do all of it on a GPU ([`crate::frames`]). Burn does the network on whichever device its tensors are, and the twins
//! do the rest: that is the CPU, and on a GPU the reference that our kernels are measured against. The native programs and the
//! page both run exactly this; they bring the pixels and the clock.

use std::cell::RefCell;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use ssd::postprocess::{DetectParams, postprocess};
use ssd::preprocess::preprocess_rgba;
use ssd::weights::Header;
use ssd::{CenterBox, Detection, Predictions, Ssd};

use crate::error::GpuError;
use crate::frames::{Frame, GpuDetector, StageTimes};
use crate::gpu::Gpu;
use crate::half;
use crate::kernel::Precision;
use crate::picture::Picture;
use crate::program::Progress;

/// Which numbers our kernels compute with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrecisionChoice {
    /// 16 bits wide where the adapter has them, if the detections are then those of 32 bits; else 32 bits.
    #[default]
    Auto,
    /// This one.
    Only(Precision),
}

/// What computes.
enum Engine {
    /// Our kernels, throughout.
    Wgsl(Box<RefCell<GpuDetector>>),
    /// Burn and the twins.
    Burn { model: Box<Ssd>, device: Device },
}

/// A detector, ready for pictures.
pub struct Pipeline {
    header: Header,
    priors: Vec<CenterBox>,
    engine: Engine,
    /// Milliseconds since some moment.
    clock: fn() -> f64,
}

/// What came of one picture.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Normalised boxes, best first.
    pub detections: Vec<Detection>,
    /// Boxes that went into NMS, of all classes; not counted by Burn's engine.
    pub candidates: Option<u32>,
    /// Bytes that crossed from the GPU to the host; 0 on the CPU device.
    pub readback_bytes: usize,
    /// By the clock of the device that did it; `None` where a GPU has none.
    pub times: Option<StageTimes>,
}

impl Pipeline {
    /// Our kernels on a GPU, for batches of up to `images` pictures. The model lies on the CPU device.
    ///
    /// # Errors
    ///
    /// When the device refuses a kernel, or cannot hold the network.
    pub async fn on_gpu(
        header: Header,
        model: &Ssd,
        gpu: &Gpu,
        images: usize,
        precision: PrecisionChoice,
        clock: fn() -> f64,
        progress: Progress<'_>,
    ) -> Result<Self, GpuError> {
        let load = async |precision, progress: Progress<'_>| {
            GpuDetector::new(gpu, &header, model, images, (precision, *gpu.adapter()), progress).await
        };
        let detector = match precision {
            PrecisionChoice::Only(precision) => load(precision, progress).await?,
            PrecisionChoice::Auto if gpu.has_f16() && !gpu.adapter().software => {
                let single = load(Precision::Single, &mut |done, total| progress(done, 2 * total)).await?;
                let half = load(Precision::Half, &mut |done, total| progress(total + done, 2 * total)).await;
                half::better(single, half, &header).await?
            }
            PrecisionChoice::Auto => load(Precision::Single, progress).await?,
        };
        Ok(Self::with(header, Engine::Wgsl(Box::new(RefCell::new(detector))), clock))
    }

    /// Burn's own forward on `device`.
    pub fn on_burn(header: Header, model: Ssd, device: &Device, clock: fn() -> f64) -> Self {
        let model = Box::new(model.to_device(device));
        Self::with(header, Engine::Burn { model, device: device.clone() }, clock)
    }

    fn with(header: Header, engine: Engine, clock: fn() -> f64) -> Self {
        Self { priors: header.priors.priors(), header, engine, clock }
    }

    /// What the model is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes that our kernels hold on the GPU, and the type of their numbers; `None` for Burn's engine, which keeps no account.
    pub fn gpu_memory(&self) -> Option<(u64, Precision)> {
        match &self.engine {
            Engine::Wgsl(detector) => {
                let detector = detector.borrow();
                Some((detector.memory_bytes(), detector.precision()))
            }
            Engine::Burn { .. } => None,
        }
    }

    /// Starts on a batch of pictures; on a GPU this returns before anything is done. Burn's engine takes `Rgba` alone.
    ///
    /// # Errors
    ///
    /// When a parameter is out of range, or a picture is not its pixels.
    pub fn submit(&self, pictures: &[Picture<'_>], params: &DetectParams) -> Result<Pending, GpuError> {
        let params = params.clone().checked(self.header.classes())?;
        match &self.engine {
            Engine::Wgsl(detector) => Ok(Pending::Wgsl(detector.borrow_mut().submit(pictures, &params)?)),
            Engine::Burn { model, device } => {
                let start = (self.clock)();
                let input = self.input(pictures, device)?;
                let preprocessed = (self.clock)();
                let predictions = Box::new(model.forward(input));
                let times = StageTimes {
                    preprocess_ms: preprocessed - start,
                    network_ms: (self.clock)() - preprocessed,
                    postprocess_ms: 0.0,
                };
                Ok(Pending::Burn { predictions, params, times })
            }
        }
    }

    /// The pictures as a tensor, `[B, 3, S, S]`.
    fn input(&self, pictures: &[Picture<'_>], device: &Device) -> Result<Tensor<4>, GpuError> {
        let spec = self.header.preprocess();
        let mut numbers = Vec::with_capacity(pictures.len() * 3 * spec.input_size * spec.input_size);
        for picture in pictures {
            let (bytes, [width, height]) = picture.rgba()?;
            numbers.extend(preprocess_rgba(bytes, width, height, &spec));
        }
        let shape = [pictures.len(), 3, spec.input_size, spec.input_size];
        Ok(Tensor::from_data(TensorData::new(numbers, shape), device))
    }

    /// Waits for the detections of each picture.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub async fn read(&self, pending: Pending) -> Result<Vec<Outcome>, GpuError> {
        match pending {
            Pending::Wgsl(frame) => {
                let result = frame.read().await?;
                let outcome = |found: crate::Found| Outcome {
                    detections: found.detections,
                    candidates: Some(found.candidates),
                    readback_bytes: result.readback_bytes,
                    times: result.times,
                };
                Ok(result.found.into_iter().map(outcome).collect())
            }
            Pending::Burn { predictions, params, mut times } => {
                let (_, priors, classes) = predictions.logits.dims().into();
                let waited = (self.clock)();
                let offsets = floats(predictions.offsets).await?;
                let logits = floats(predictions.logits).await?;
                let start = (self.clock)();
                // On a GPU the network is done when its output arrives.
                times.network_ms += start - waited;
                let rows = offsets.chunks_exact(priors * 4).zip(logits.chunks_exact(priors * classes));
                let variances = self.header.priors.variances;
                let lists: Vec<Vec<Detection>> =
                    rows.map(|(offsets, logits)| postprocess(offsets, logits, &self.priors, variances, &params)).collect();
                times.postprocess_ms = (self.clock)() - start;
                let readback_bytes = if self.is_on_cpu() { 0 } else { (offsets.len() + logits.len()) * size_of::<f32>() };
                let outcome = |detections| Outcome { detections, candidates: None, readback_bytes, times: Some(times) };
                Ok(lists.into_iter().map(outcome).collect())
            }
        }
    }

    fn is_on_cpu(&self) -> bool {
        matches!(&self.engine, Engine::Burn { device, .. } if *device == Device::flex())
    }
}

/// Pictures whose detections are on their way.
#[derive(Debug)]
pub enum Pending {
    /// On the GPU, by our kernels.
    Wgsl(Frame),
    /// Burn's network has been called; the twins have not.
    Burn {
        /// What the network said.
        predictions: Box<Predictions>,
        /// Checked.
        params: DetectParams,
        /// So far.
        times: StageTimes,
    },
}

async fn floats(tensor: Tensor<3>) -> Result<Vec<f32>, GpuError> {
    let data = tensor.into_data_async().await.map_err(|error| GpuError::Read { reason: error.to_string() })?;
    Ok(data.iter::<f32>().collect())
}
