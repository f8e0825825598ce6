//! The whole way of a picture: pixels → preprocess → network → decode → topk → nms → gather → detections, by an engine.
//!
//! Our kernels do all of it on a GPU ([`crate::frames`]). On the CPU [`ssd::cpu_network`] does the network and the twins the rest. Burn's
//! own forward, on any device, is the reference that both are measured against. The native programs and the page run exactly
//! this; they bring the pixels and the clock.

use std::cell::RefCell;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use ssd::cpu_network::{CpuNetwork, CpuPredictions};
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
    /// Our loops, and the twins.
    Cpu(Box<CpuNetwork>),
    /// Burn, and the twins.
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
    /// Boxes that went into NMS, of all classes; counted on a GPU by our kernels alone.
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
        let detector = gpu_detector(&header, model, gpu, images, precision, progress).await?;
        Ok(Self::of_detector(header, detector, clock))
    }

    /// Our kernels, loaded already.
    pub fn of_detector(header: Header, detector: GpuDetector, clock: fn() -> f64) -> Self {
        Self::with(header, Engine::Wgsl(Box::new(RefCell::new(detector))), clock)
    }

    /// Our loops on the CPU. The model lies on the CPU device.
    ///
    /// # Errors
    ///
    /// When the network has a convolution that they do not know.
    pub fn on_cpu(header: Header, model: &Ssd, clock: fn() -> f64) -> Result<Self, GpuError> {
        let network = CpuNetwork::new(model)?;
        Ok(Self::with(header, Engine::Cpu(Box::new(network)), clock))
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

    /// Bytes that our kernels hold on the GPU, and the type of their numbers; `None` for the others, which keep no account.
    pub fn gpu_memory(&self) -> Option<(u64, Precision)> {
        match &self.engine {
            Engine::Wgsl(detector) => {
                let detector = detector.borrow();
                Some((detector.memory_bytes(), detector.precision()))
            }
            Engine::Cpu(_) | Engine::Burn { .. } => None,
        }
    }

    /// Starts on a batch of pictures; on a GPU this returns before anything is done. The other engines take `Rgba` alone.
    ///
    /// # Errors
    ///
    /// When a parameter is out of range, or a picture is not its pixels.
    pub fn submit(&self, pictures: &[Picture<'_>], params: &DetectParams) -> Result<Pending, GpuError> {
        let params = params.clone().checked(self.header.classes())?;
        if pictures.is_empty() {
            return Err(GpuError::Size { name: "the batch", got: 0, least: 1, most: usize::MAX });
        }
        match &self.engine {
            Engine::Wgsl(detector) => Ok(Pending::Wgsl(detector.borrow_mut().submit(pictures, &params)?)),
            Engine::Cpu(network) => {
                let (input, start, preprocessed) = self.input(pictures)?;
                let predictions = network.forward(&input, pictures.len(), self.header.input_size)?;
                let times = self.times(start, preprocessed);
                Ok(Pending::Cpu { predictions: Box::new(predictions), params, times })
            }
            Engine::Burn { model, device } => {
                let (input, start, preprocessed) = self.input(pictures)?;
                let shape = [pictures.len(), 3, self.header.input_size, self.header.input_size];
                let predictions = model.forward(Tensor::from_data(TensorData::new(input, shape), device));
                let times = self.times(start, preprocessed);
                Ok(Pending::Burn { predictions: Box::new(predictions), params, times })
            }
        }
    }

    /// What the two stages before now took.
    fn times(&self, start: f64, preprocessed: f64) -> StageTimes {
        StageTimes {
            preprocess_ms: preprocessed - start,
            network_ms: (self.clock)() - preprocessed,
            postprocess_ms: 0.0,
        }
    }

    /// The pictures as `[B, 3, S, S]`, and when that was begun and done.
    fn input(&self, pictures: &[Picture<'_>]) -> Result<(Vec<f32>, f64, f64), GpuError> {
        let start = (self.clock)();
        let spec = self.header.preprocess();
        let mut numbers = Vec::with_capacity(pictures.len() * 3 * spec.input_size * spec.input_size);
        for picture in pictures {
            let (bytes, [width, height]) = picture.rgba()?;
            numbers.extend(preprocess_rgba(bytes, width, height, &spec));
        }
        Ok((numbers, start, (self.clock)()))
    }

    /// What the network says of one picture, before it is decoded: offsets `[P, 4]` and logits `[P, C]`. For comparing it with other
    /// implementations; detecting never reads this much back from a GPU.
    ///
    /// # Errors
    ///
    /// When the picture is not its pixels, or the device fails.
    pub async fn predict(&self, picture: Picture<'_>) -> Result<(Vec<f32>, Vec<f32>), GpuError> {
        match self.submit(&[picture], &self.header.params())? {
            Pending::Wgsl(frame) => {
                frame.read().await?;
                let Engine::Wgsl(detector) = &self.engine else { return Ok(Default::default()) };
                let (images, reading) = {
                    let detector = detector.borrow();
                    (detector.images(), detector.predictions())
                };
                let (priors, classes) = (self.priors.len(), self.header.classes());
                let all = reading.await?;
                let (offsets, logits) = all.split_at(images * priors * 4);
                Ok((offsets[..priors * 4].to_vec(), logits[..priors * classes].to_vec()))
            }
            Pending::Cpu { predictions, .. } => {
                let CpuPredictions { offsets, logits } = *predictions;
                Ok((offsets.concat(), logits.concat()))
            }
            Pending::Burn { predictions, .. } => {
                Ok((floats(predictions.offsets).await?, floats(predictions.logits).await?))
            }
        }
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
            Pending::Cpu { predictions, params, times } => {
                let CpuPredictions { offsets, logits } = *predictions;
                let rows = offsets.iter().zip(&logits).map(|(offsets, logits)| (&offsets[..], &logits[..]));
                Ok(self.finish(rows, &params, times, 0))
            }
            Pending::Burn { predictions, params, mut times } => {
                let [_, priors, classes] = predictions.logits.dims();
                let waited = (self.clock)();
                let offsets = floats(predictions.offsets).await?;
                let logits = floats(predictions.logits).await?;
                // On a GPU the network is done when its output arrives.
                times.network_ms += (self.clock)() - waited;
                let rows = offsets.chunks_exact(priors * 4).zip(logits.chunks_exact(priors * classes));
                let on_cpu = matches!(&self.engine, Engine::Burn { device, .. } if *device == Device::flex());
                let read = if on_cpu { 0 } else { (offsets.len() + logits.len()) * size_of::<f32>() };
                Ok(self.finish(rows, &params, times, read))
            }
        }
    }

    /// What the twins make of each picture's offsets and logits.
    fn finish<'a>(
        &self,
        rows: impl Iterator<Item = (&'a [f32], &'a [f32])>,
        params: &DetectParams,
        mut times: StageTimes,
        readback_bytes: usize,
    ) -> Vec<Outcome> {
        let start = (self.clock)();
        let variances = self.header.priors.variances;
        let lists: Vec<Vec<Detection>> =
            rows.map(|(offsets, logits)| postprocess(offsets, logits, &self.priors, variances, params)).collect();
        times.postprocess_ms = (self.clock)() - start;
        let outcome = |detections| Outcome { detections, candidates: None, readback_bytes, times: Some(times) };
        lists.into_iter().map(outcome).collect()
    }
}

/// Our kernels with the numbers that are asked for, for batches of up to `images` pictures. The model lies on the CPU device.
///
/// # Errors
///
/// When the device refuses a kernel, or cannot hold the network.
pub async fn gpu_detector(
    header: &Header,
    model: &Ssd,
    gpu: &Gpu,
    images: usize,
    precision: PrecisionChoice,
    progress: Progress<'_>,
) -> Result<GpuDetector, GpuError> {
    let load = async |precision, progress: Progress<'_>| {
        GpuDetector::new(gpu, header, model, images, (precision, *gpu.adapter()), progress).await
    };
    match precision {
        PrecisionChoice::Only(Precision::Half) if !gpu.has_f16() => {
            Err(GpuError::NoHalf { adapter: gpu.name().to_owned() })
        }
        PrecisionChoice::Only(precision) => load(precision, progress).await,
        PrecisionChoice::Auto if gpu.has_f16() && !gpu.adapter().software => {
            let single = load(Precision::Single, &mut |done, total| progress(done, 2 * total)).await?;
            let half = load(Precision::Half, &mut |done, total| progress(total + done, 2 * total)).await;
            half::better(single, half, header).await
        }
        PrecisionChoice::Auto => load(Precision::Single, progress).await,
    }
}

/// Pictures whose detections are on their way.
#[derive(Debug)]
pub enum Pending {
    /// On the GPU, by our kernels.
    Wgsl(Frame),
    /// The CPU has done the network; the twins' part is left.
    Cpu {
        /// What the network said.
        predictions: Box<CpuPredictions>,
        /// Checked.
        params: DetectParams,
        /// So far.
        times: StageTimes,
    },
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
