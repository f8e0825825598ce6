//! A picture's whole way: pixels → preprocess → network → decode → topk → nms → gather → detections, by one of three
//! engines.
//!
//! On a GPU our kernels do all of it ([`crate::frames`]). On the CPU [`ssd::cpu_network`] is the network, and the twins
//! are the other stages. Burn's own forward, on any device, is the reference for both. The page and the native programs
//! run exactly this, for detecting, for measuring and at the end of a training epoch; they bring the pixels and the
//! clock.

use std::cell::RefCell;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use ssd::cpu_network::{CpuNetwork, CpuPredictions};
use ssd::postprocess::{DetectParams, postprocess};
use ssd::preprocess::preprocess_rgba;
use ssd::weights::Header;
use ssd::{CenterBox, Detection, Predictions, Ssd};

use crate::agreement;
use crate::error::GpuError;
pub use crate::frames::Outcome;
use crate::frames::{Frame, GpuDetector, StageTimes};
use crate::gpu::Gpu;
use crate::kernel::Precision;
use crate::picture::Picture;
use crate::program::Progress;

/// The precision of our kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrecisionChoice {
    /// 16 bits where the adapter has them, if the detections are then those of 32 bits, or there is no memory for 32;
    /// else 32 bits.
    #[default]
    Auto,
    /// This one.
    Only(Precision),
}

/// What computes the network, and what the rest.
pub(crate) enum Engine {
    /// Our kernels for all stages.
    Wgsl(Box<RefCell<GpuDetector>>),
    /// Our loops for the network, the twins for the rest.
    Cpu(Box<CpuNetwork>),
    /// Burn for the network, the twins for the rest.
    Burn { model: Box<Ssd>, device: Device },
}

/// A detector, ready for pictures.
pub struct Pipeline {
    header: Header,
    priors: Vec<CenterBox>,
    pub(crate) engine: Engine,
    /// Milliseconds since any moment.
    clock: fn() -> f64,
}

impl Pipeline {
    /// Our kernels on a GPU, for batches of up to `images` pictures. The model is on the CPU device.
    ///
    /// # Errors
    /// When the device refuses a kernel, or has not enough memory.
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
        Ok(Self::with(header, Engine::Wgsl(Box::new(RefCell::new(detector))), clock))
    }

    /// Our loops on the CPU. The model is on the CPU device.
    ///
    /// # Errors
    /// When they do not support one of the network's convolutions.
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

    /// The model's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What computes: `wgsl`, `cpu` or `burn`.
    pub fn engine_name(&self) -> &'static str {
        match self.engine {
            Engine::Wgsl(_) => "wgsl",
            Engine::Cpu(_) => "cpu",
            Engine::Burn { .. } => "burn",
        }
    }

    /// Bytes that our kernels hold on the GPU, and their precision; `None` for the other engines, which keep no
    /// account.
    pub fn gpu_memory(&self) -> Option<(u64, Precision)> {
        match &self.engine {
            Engine::Wgsl(detector) => {
                let detector = detector.borrow();
                Some((detector.memory_bytes(), detector.precision()))
            }
            Engine::Cpu(_) | Engine::Burn { .. } => None,
        }
    }

    /// Starts on a batch of pictures; on a GPU this returns before anything is done. The other engines take `Rgba`
    /// alone.
    ///
    /// # Errors
    /// When a parameter is out of range, or a picture does not have its pixels.
    pub fn submit(&self, pictures: &[Picture<'_>], params: &DetectParams) -> Result<Pending, GpuError> {
        let params = params.clone().checked(self.header.classes())?;
        if pictures.is_empty() {
            return Err(GpuError::Size { name: "the batch", got: 0, least: 1, most: usize::MAX });
        }
        if let Engine::Wgsl(detector) = &self.engine {
            return Ok(Pending(Work::Wgsl(detector.borrow_mut().submit(pictures, &params)?)));
        }
        let start = (self.clock)();
        let input = self.preprocess(pictures)?;
        self.submit_input(&input, params, (self.clock)() - start)
    }

    /// `Rgba` pictures as the network gets them, `[B, 3, S, S]`.
    pub(crate) fn preprocess(&self, pictures: &[Picture<'_>]) -> Result<Vec<f32>, GpuError> {
        let spec = self.header.preprocess();
        let mut input = Vec::with_capacity(pictures.len() * self.image_numbers());
        for picture in pictures {
            let (bytes, [width, height]) = picture.rgba()?;
            input.extend(preprocess_rgba(bytes, width, height, &spec));
        }
        Ok(input)
    }

    /// The detections of each of any number of preprocessed pictures, `[B, 3, S, S]`.
    ///
    /// # Errors
    /// When a parameter is out of range, `input` is not a whole number of pictures, or the device fails.
    pub async fn detect_input(&self, input: &[f32], params: &DetectParams) -> Result<Vec<Vec<Detection>>, GpuError> {
        // A GPU was loaded for batches of some size.
        let most = match &self.engine {
            Engine::Wgsl(detector) => detector.borrow().images(),
            Engine::Cpu(_) | Engine::Burn { .. } => usize::MAX,
        };
        let params = params.clone().checked(self.header.classes())?;
        let mut found = Vec::new();
        for batch in input.chunks(most.saturating_mul(self.image_numbers())) {
            let outcomes = self.read(self.submit_input(batch, params.clone(), 0.0)?).await?;
            found.extend(outcomes.into_iter().map(|outcome| outcome.detections));
        }
        Ok(found)
    }

    /// Starts on a batch of preprocessed pictures. `params` are checked.
    fn submit_input(&self, input: &[f32], params: DetectParams, preprocess_ms: f64) -> Result<Pending, GpuError> {
        let (side, start) = (self.header.input_size, (self.clock)());
        if !input.len().is_multiple_of(self.image_numbers()) {
            return Err(GpuError::Input { got: input.len(), side });
        }
        let images = input.len() / self.image_numbers();
        let times = || StageTimes { preprocess_ms, network_ms: (self.clock)() - start, postprocess_ms: 0.0 };
        Ok(Pending(match &self.engine {
            Engine::Wgsl(detector) => Work::Wgsl(detector.borrow_mut().submit_input(input, &params)?),
            Engine::Cpu(network) => {
                let predictions = Box::new(network.forward(input, images, side)?);
                Work::Cpu { predictions, params, times: times() }
            }
            Engine::Burn { model, device } => {
                let predictions = Box::new(model.forward(input_tensor(input.to_vec(), side, device)));
                Work::Burn { predictions, params, times: times() }
            }
        }))
    }

    /// Numbers of a preprocessed picture.
    fn image_numbers(&self) -> usize {
        3 * self.header.input_size * self.header.input_size
    }

    /// The network's predictions: offsets `[B, P, 4]` and logits `[B, P, C]`. For comparisons with other
    /// implementations; detecting never reads this much back from a GPU.
    ///
    /// # Errors
    /// When a picture does not have its pixels, or the device fails.
    pub async fn predict(&self, pictures: &[Picture<'_>]) -> Result<(Vec<f32>, Vec<f32>), GpuError> {
        match self.submit(pictures, &self.header.params())?.0 {
            Work::Wgsl(frame) => {
                frame.read().await?;
                let Engine::Wgsl(detector) = &self.engine else { return Ok(Default::default()) };
                let (images, reading) = {
                    let detector = detector.borrow();
                    (detector.images(), detector.predictions())
                };
                let (priors, columns) = (self.priors.len(), self.header.columns());
                let all = reading.await?;
                let (offsets, logits) = all.split_at(images * priors * 4);
                let asked = pictures.len() * priors;
                Ok((offsets[..asked * 4].to_vec(), logits[..asked * columns].to_vec()))
            }
            Work::Cpu { predictions, .. } => {
                let CpuPredictions { offsets, logits } = *predictions;
                Ok((offsets.concat(), logits.concat()))
            }
            Work::Burn { predictions, .. } => {
                Ok((floats(predictions.offsets).await?, floats(predictions.logits).await?))
            }
        }
    }

    /// Waits for the detections of each picture.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn read(&self, pending: Pending) -> Result<Vec<Outcome>, GpuError> {
        match pending.0 {
            Work::Wgsl(frame) => frame.read().await,
            Work::Cpu { predictions, params, times } => {
                let CpuPredictions { offsets, logits } = *predictions;
                let rows = offsets.iter().zip(&logits).map(|(offsets, logits)| (&offsets[..], &logits[..]));
                Ok(self.finish(rows, &params, times, 0))
            }
            Work::Burn { predictions, params, mut times } => {
                let [_, priors, columns] = predictions.logits.dims();
                let waited = (self.clock)();
                let offsets = floats(predictions.offsets).await?;
                let logits = floats(predictions.logits).await?;
                // On a GPU the network has finished when its output arrives.
                times.network_ms += (self.clock)() - waited;
                let rows = offsets.chunks_exact(priors * 4).zip(logits.chunks_exact(priors * columns));
                let on_cpu = matches!(&self.engine, Engine::Burn { device, .. } if *device == Device::flex());
                let read = if on_cpu { 0 } else { (offsets.len() + logits.len()) * size_of::<f32>() };
                Ok(self.finish(rows, &params, times, read))
            }
        }
    }

    /// The twins, on each picture's offsets and logits.
    pub(crate) fn finish<'a>(
        &self,
        rows: impl Iterator<Item = (&'a [f32], &'a [f32])>,
        params: &DetectParams,
        mut times: StageTimes,
        readback_bytes: usize,
    ) -> Vec<Outcome> {
        let start = (self.clock)();
        let (variances, activation) = (self.header.priors.variances, self.header.score_activation);
        let lists: Vec<Vec<Detection>> = rows
            .map(|(offsets, logits)| postprocess(offsets, logits, &self.priors, variances, activation, params))
            .collect();
        times.postprocess_ms = (self.clock)() - start;
        let outcome = |detections| Outcome { detections, candidates: None, readback_bytes, times: Some(times) };
        lists.into_iter().map(outcome).collect()
    }
}

/// Our kernels in the wanted precision.
async fn gpu_detector(
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
        PrecisionChoice::Only(Precision::Half) if !gpu.has_f16() => Err(GpuError::NoHalf(gpu.name().to_owned())),
        PrecisionChoice::Only(precision) => load(precision, progress).await,
        PrecisionChoice::Auto => {
            let both = gpu.has_f16() && !gpu.adapter().software;
            let loads = if both { 2 } else { 1 };
            match load(Precision::Single, &mut |done, total| progress(done, loads * total)).await {
                Err(GpuError::Memory(_)) if gpu.has_f16() => load(Precision::Half, progress).await,
                Ok(single) if both => {
                    let half = load(Precision::Half, &mut |done, total| progress(total + done, 2 * total)).await;
                    agreement::better(single, half, header).await
                }
                single => single,
            }
        }
    }
}

/// A batch whose detections are still to be read.
#[derive(Debug)]
pub struct Pending(Work);

#[derive(Debug)]
enum Work {
    /// In flight on the GPU.
    Wgsl(Frame),
    /// The network has run, the twins have not. The times are those so far.
    Cpu { predictions: Box<CpuPredictions>, params: DetectParams, times: StageTimes },
    /// Burn has been called, and may still be computing.
    Burn { predictions: Box<Predictions>, params: DetectParams, times: StageTimes },
}

/// Preprocessed pictures of that side, `[B, 3, S, S]`, on a device.
pub(crate) fn input_tensor(input: Vec<f32>, side: usize, device: &Device) -> Tensor<4> {
    let images = input.len() / (3 * side * side);
    Tensor::from_data(TensorData::new(input, [images, 3, side, side]), device)
}

async fn floats(tensor: Tensor<3>) -> Result<Vec<f32>, GpuError> {
    let data = tensor.into_data_async().await.map_err(|error| GpuError::Read(error.to_string()))?;
    Ok(data.iter::<f32>().collect())
}
