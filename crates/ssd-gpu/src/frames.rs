//! A whole detector on the GPU: one submit and one small read-back per frame.
//!
//! Everything that a frame needs is made at load. While a frame is read, the next one can be computed: the read-back
//! has buffers of its own, from a pool. Devices that can do so time the stages themselves, and the times come in the
//! same read-back.

use std::sync::{Arc, Mutex, PoisonError};

use ssd::postprocess::DetectParams;
use ssd::weights::Header;
use ssd::{Detection, Ssd};

use crate::adapter::Adapter;
use crate::clock::Clock;
use crate::error::GpuError;
use crate::gpu::{Gpu, ReadBack, read_back, staging};
use crate::kernel::Precision;
use crate::network;
use crate::picture::{Picture, PictureInput};
use crate::postprocess::{Counts, Postprocess, unpack};
use crate::program::{Program, Progress, Recording};
use crate::wgsl::{self, Record};

/// Passes of a frame: preprocess, network, postprocess.
const PASSES: u32 = 3;

/// A detector on the GPU.
#[derive(Debug)]
pub struct GpuDetector {
    gpu: Gpu,
    picture: PictureInput,
    network: Program,
    predictions: wgpu::Buffer,
    postprocess: Postprocess,
    clock: Option<Clock>,
    counts: Counts,
    precision: Precision,
    pool: Arc<Mutex<Vec<wgpu::Buffer>>>,
}

/// The result of one picture.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Normalised boxes, best first.
    pub detections: Vec<Detection>,
    /// Boxes that went into NMS, of all classes; only our kernels count them.
    pub candidates: Option<u32>,
    /// Bytes copied from the GPU to the host, for all pictures of the batch; 0 on the CPU device.
    pub readback_bytes: usize,
    /// Of the batch, by the clock of the device; `None` on a GPU without one.
    pub times: Option<StageTimes>,
}

/// Milliseconds of the stages of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StageTimes {
    /// Resize and normalise.
    pub preprocess_ms: f64,
    /// All layers.
    pub network_ms: f64,
    /// decode to gather.
    pub postprocess_ms: f64,
}

impl GpuDetector {
    /// For batches of up to `images` pictures, by the methods that suit `adapter`. `progress` is told how many kernels
    /// are compiled, and of how many.
    ///
    /// # Errors
    /// When the device refuses a kernel, or has not enough memory.
    pub async fn new(
        gpu: &Gpu,
        header: &Header,
        model: &Ssd,
        images: usize,
        (precision, adapter): (Precision, Adapter),
        progress: Progress<'_>,
    ) -> Result<Self, GpuError> {
        gpu.within_memory(async {
            let mut recording = Recording::new(gpu);
            let (input, rows) = network::record(&mut recording, header, model, images, precision, adapter);
            let network = recording.compile(progress).await?;
            let (input, predictions) = (network.buffer(input.slot), network.buffer(rows.slot).clone());
            let counts =
                Counts { images, priors: rows.priors, columns: rows.columns, activation: header.score_activation };
            let (priors, variances) = (header.priors.priors(), header.priors.variances);
            Ok(Self {
                picture: PictureInput::new(gpu, input, header.preprocess(), images, precision).await?,
                postprocess: Postprocess::new(gpu, &predictions, &priors, variances, counts).await?,
                clock: Clock::new(gpu, PASSES),
                gpu: gpu.clone(),
                network,
                predictions,
                counts,
                precision,
                pool: Arc::default(),
            })
        })
        .await
    }

    /// Puts one frame of up to `images` pictures into the queue. Returns at once.
    ///
    /// # Errors
    /// When a picture does not have its pixels, or is too large.
    pub fn submit(&mut self, pictures: &[Picture<'_>], params: &DetectParams) -> Result<Frame, GpuError> {
        self.check_batch(pictures.len())?;
        for (image, picture) in pictures.iter().enumerate() {
            self.picture.upload(&self.gpu, image, picture)?;
        }
        Ok(self.frame(pictures.len(), pictures.len(), params))
    }

    /// The same for pictures that are preprocessed, `[B, 3, S, S]`.
    ///
    /// # Errors
    /// When there are too many.
    pub fn submit_input(&mut self, input: &[f32], params: &DetectParams) -> Result<Frame, GpuError> {
        let pictures = input.len() / self.picture.numbers();
        self.check_batch(pictures)?;
        self.picture.write(&self.gpu, input);
        Ok(self.frame(pictures, 0, params))
    }

    fn check_batch(&self, got: usize) -> Result<(), GpuError> {
        let most = self.counts.images;
        if (1..=most).contains(&got) { Ok(()) } else { Err(GpuError::Size { name: "the batch", got, least: 1, most }) }
    }

    /// A frame of `pictures` pictures, the first `uploaded` of which are in textures.
    fn frame(&mut self, pictures: usize, uploaded: usize, params: &DetectParams) -> Frame {
        self.postprocess.ask(&self.gpu, params);
        let output = self.postprocess.output();
        let times = Clock::bytes(PASSES);
        let readback_bytes = times + output.iter().map(|(_, bytes)| *bytes as u64).sum::<u64>();
        let staging = self.staging(readback_bytes);

        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let clock = self.clock.as_ref();
        self.picture.encode(&mut Clock::pass(clock, &mut encoder, 0), uploaded);
        self.network.encode(&mut Clock::pass(clock, &mut encoder, 1));
        self.postprocess.encode(&mut Clock::pass(clock, &mut encoder, 2));
        if let Some(clock) = clock {
            clock.copy(&mut encoder, &staging);
        }
        let mut start = times;
        for (buffer, bytes) in output {
            encoder.copy_buffer_to_buffer(buffer, 0, &staging, start, bytes as u64);
            start += bytes as u64;
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        Frame {
            arriving: read_back(&self.gpu.device, &staging, submission),
            staging,
            pool: self.pool.clone(),
            pictures,
            images: self.counts.images,
            max: params.max,
            clock: self.clock.clone(),
        }
    }

    /// A buffer of exactly that size, from the pool if it has one: after the first frames it always does, unless `max`
    /// changes.
    fn staging(&self, bytes: u64) -> wgpu::Buffer {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.retain(|buffer| buffer.size() == bytes);
        pool.pop().unwrap_or_else(|| staging(&self.gpu.device, bytes))
    }

    /// Bytes on the GPU: weights, maps, tables, pictures.
    pub fn memory_bytes(&self) -> u64 {
        self.network.bytes() + self.postprocess.program().bytes() + self.picture.bytes()
    }

    /// The type of the numbers in feature maps and weights.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The predictions of the last frame: offsets `[images, P, 4]`, then logits `[images, P, C]`. For comparisons; a
    /// frame reads back only its detections. The future does not borrow the detector.
    ///
    /// # Errors
    /// When the device fails.
    pub fn predictions(&self) -> impl Future<Output = Result<Vec<f32>, GpuError>> + use<> {
        let (gpu, buffer) = (self.gpu.clone(), self.predictions.clone());
        let Counts { images, priors, columns, .. } = self.counts;
        let bytes = images * priors * (4 + columns) * size_of::<f32>();
        async move { Ok(bytemuck::pod_collect_to_vec(&gpu.read(&buffer, bytes as u64).await?)) }
    }

    /// The GPU.
    pub(crate) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// The program of the network, for the bench.
    pub(crate) fn network(&self) -> &Program {
        &self.network
    }

    /// The stages before and after the network, and the predictions, for the bench.
    pub(crate) fn around(&mut self) -> (&PictureInput, &mut Postprocess, &wgpu::Buffer) {
        (&self.picture, &mut self.postprocess, &self.predictions)
    }

    /// Most pictures of a frame.
    pub fn images(&self) -> usize {
        self.counts.images
    }

    /// Frees all memory now.
    pub(crate) fn destroy(self) {
        self.network.destroy();
        self.postprocess.destroy();
        self.picture.destroy();
        if let Some(clock) = self.clock {
            clock.destroy();
        }
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(wgpu::Buffer::destroy);
    }
}

/// A frame in flight.
#[derive(Debug)]
pub struct Frame {
    arriving: ReadBack,
    staging: wgpu::Buffer,
    pool: Arc<Mutex<Vec<wgpu::Buffer>>>,
    pictures: usize,
    images: usize,
    max: usize,
    clock: Option<Clock>,
}

impl Frame {
    /// Waits for the result of each picture.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn read(self) -> Result<Vec<Outcome>, GpuError> {
        let bytes = self.arriving.bytes().await?;
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).push(self.staging);
        let (times, lists) = bytes.split_at(Clock::bytes(PASSES) as usize);
        let times = self.clock.map(|clock| {
            let ms = clock.ms(times);
            StageTimes { preprocess_ms: ms[0], network_ms: ms[1], postprocess_ms: ms[2] }
        });
        let outcome = |(header, records): (wgsl::Header, Vec<Record>)| Outcome {
            detections: records.iter().map(Detection::from).collect(),
            candidates: Some(header.candidates),
            readback_bytes: bytes.len(),
            times,
        };
        let lists = unpack(lists, self.images, self.max)?;
        Ok(lists.into_iter().take(self.pictures).map(outcome).collect())
    }
}
