//! A whole detector on the GPU: one submit and one small read-back a frame.
//!
//! Everything that a frame needs is made at load. While a frame is read, the next one can be computed: the read-back has
//! buffers of its own, taken from a pool and put back. On devices that can, the stages are timed by the device itself, and the
//! times travel in the same read-back.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::wgpu::wgpu;
use ssd::Ssd;
use ssd::postprocess::DetectParams;
use ssd::weights::Header;

use crate::error::GpuError;
use crate::gpu::{Gpu, Mapping, map, staging};
use crate::kernel::Precision;
use crate::layout;
use crate::network::{self, Adapter};
use crate::picture::{Picture, PictureInput};
use crate::postprocess::{Counts, Found, Postprocess, readback_bytes, unpack};
use crate::program::{Program, Recording};

/// Passes of a frame: preprocess, network, postprocess; each is timed at its beginning and its end.
const PASSES: usize = 3;
const TIMES_BYTES: u64 = (2 * PASSES * size_of::<u64>()) as u64;
/// Where the headers begin in a read-back, behind the times.
const LIST_START: u64 = TIMES_BYTES.next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT);

/// A detector that lives on the GPU.
#[derive(Debug)]
pub struct GpuDetector {
    gpu: Gpu,
    picture: PictureInput,
    network: Program,
    predictions: wgpu::Buffer,
    /// Numbers in it; the buffer is a little longer.
    predicted: usize,
    postprocess: Postprocess,
    clock: Option<Clock>,
    images: usize,
    precision: Precision,
    pool: Arc<Mutex<Vec<wgpu::Buffer>>>,
}

/// The device's own stopwatch.
#[derive(Debug)]
struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
}

/// Milliseconds of a frame on the device, by its own clock.
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
    /// Everything for batches of `images` pictures, by the methods that suit `adapter`. `progress` hears how many kernels of
    /// how many are compiled.
    ///
    /// # Errors
    ///
    /// When the device refuses a kernel, or cannot hold the network.
    pub async fn new(
        gpu: &Gpu,
        header: &Header,
        model: &Ssd,
        images: usize,
        how: (Precision, Adapter),
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, GpuError> {
        gpu.within_memory(Self::make(gpu, header, model, images, how, progress)).await
    }

    async fn make(
        gpu: &Gpu,
        header: &Header,
        model: &Ssd,
        images: usize,
        (precision, adapter): (Precision, Adapter),
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, GpuError> {
        let mut recording = Recording::new(gpu);
        let (input, rows) = network::record(&mut recording, header, model, images, precision, adapter);
        let network = recording.compile(progress).await?;
        let predictions = network.buffer(rows.slot).clone();
        let predicted = images * rows.priors * (4 + rows.classes);
        let counts = Counts { images, priors: rows.priors, classes: rows.classes };
        let priors = header.priors.priors();
        let postprocess = Postprocess::new(gpu, &predictions, &priors, header.priors.variances, counts).await?;
        let picture =
            PictureInput::new(gpu, network.buffer(input.slot), header.preprocess(), images, precision).await?;
        let clock = gpu.has_timestamps().then(|| Clock::new(&gpu.device));
        let pool = Arc::default();
        let gpu = gpu.clone();
        Ok(Self { gpu, picture, network, predictions, predicted, postprocess, clock, images, precision, pool })
    }

    /// Puts one frame of up to `images` pictures into the queue. Returns at once.
    ///
    /// # Errors
    ///
    /// When a picture is not its pixels, or too large.
    pub fn submit(&mut self, pictures: &[Picture<'_>], params: &DetectParams) -> Result<Frame, GpuError> {
        if !(1..=self.images).contains(&pictures.len()) {
            return Err(GpuError::Size { name: "the batch", got: pictures.len(), least: 1, most: self.images });
        }
        for (image, picture) in pictures.iter().enumerate() {
            self.picture.upload(&self.gpu, image, picture)?;
        }
        self.postprocess.ask(&self.gpu, params);
        let max = params.max;
        let readback = LIST_START + readback_bytes(self.images, max) as u64;
        let staging = self.staging(readback);

        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.picture.encode(&mut self.pass(&mut encoder, 0), pictures.len());
        self.network.encode(&mut self.pass(&mut encoder, 1));
        self.postprocess.encode(&mut self.pass(&mut encoder, 2));
        if let Some(clock) = &self.clock {
            encoder.resolve_query_set(&clock.queries, 0..2 * PASSES as u32, &clock.resolved, 0);
            encoder.copy_buffer_to_buffer(&clock.resolved, 0, &staging, 0, TIMES_BYTES);
        }
        let stages = self.postprocess.stages;
        let headers = self.images * size_of::<layout::Header>();
        let records = readback_bytes(self.images, max) - headers;
        for (slot, start, bytes) in [(stages.headers, 0, headers), (stages.records, headers, records)] {
            let buffer = self.postprocess.program().buffer(slot);
            encoder.copy_buffer_to_buffer(buffer, 0, &staging, LIST_START + start as u64, bytes as u64);
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        Ok(Frame {
            mapping: map(&self.gpu.device, &staging, submission),
            staging,
            pool: self.pool.clone(),
            pictures: pictures.len(),
            images: self.images,
            max,
            readback_bytes: readback as usize,
            tick_ns: self.clock.is_some().then(|| self.gpu.tick_ns()),
        })
    }

    fn pass<'a>(&self, encoder: &'a mut wgpu::CommandEncoder, index: u32) -> wgpu::ComputePass<'a> {
        let timestamp_writes = self.clock.as_ref().map(|clock| wgpu::ComputePassTimestampWrites {
            query_set: &clock.queries,
            beginning_of_pass_write_index: Some(2 * index),
            end_of_pass_write_index: Some(2 * index + 1),
        });
        encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes })
    }

    /// A buffer of exactly that size from the pool, or a new one: after the first frames there is always one, unless more
    /// detections are asked for than before.
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

    /// The predictions of the last frame: offsets `[images, P, 4]`, then logits `[images, P, C]`. For tests; a frame reads
    /// back its detections alone.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub async fn predictions(&self) -> Result<Vec<f32>, GpuError> {
        let bytes = self.gpu.read(&self.predictions, (self.predicted * size_of::<f32>()) as u64).await?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }

    /// The program of the network, for the bench.
    pub(crate) fn network(&self) -> &Program {
        &self.network
    }

    /// What comes before and after it, and the numbers in between, for the bench.
    pub(crate) fn around(&mut self) -> (&PictureInput, &mut Postprocess, &wgpu::Buffer) {
        (&self.picture, &mut self.postprocess, &self.predictions)
    }

    /// How many pictures a frame has at most.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Frees all of it now.
    pub(crate) fn destroy(self) {
        self.network.destroy();
        self.postprocess.destroy();
        self.picture.destroy();
        if let Some(clock) = &self.clock {
            clock.resolved.destroy();
            clock.queries.destroy();
        }
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(wgpu::Buffer::destroy);
    }
}

impl Clock {
    fn new(device: &wgpu::Device) -> Self {
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("stages"),
            ty: wgpu::QueryType::Timestamp,
            count: 2 * PASSES as u32,
        });
        let resolved = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("times"),
            size: TIMES_BYTES,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        Self { queries, resolved }
    }
}

/// A frame on its way.
#[derive(Debug)]
pub struct Frame {
    mapping: Mapping,
    staging: wgpu::Buffer,
    pool: Arc<Mutex<Vec<wgpu::Buffer>>>,
    pictures: usize,
    images: usize,
    max: usize,
    readback_bytes: usize,
    /// Nanoseconds of a tick, where the device keeps time.
    tick_ns: Option<f32>,
}

/// What came of a frame.
#[derive(Debug, Clone)]
pub struct FrameResult {
    /// Of each picture.
    pub found: Vec<Found>,
    /// By the device's clock, where it has one.
    pub times: Option<StageTimes>,
    /// Bytes that crossed to the host.
    pub readback_bytes: usize,
}

impl Frame {
    /// Waits for the detections.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub async fn read(self) -> Result<FrameResult, GpuError> {
        self.mapping.wait().await?;
        let (times, found) = {
            let mapped = self.staging.slice(..).get_mapped_range();
            let bytes = mapped.map_err(|error| GpuError::Read { reason: error.to_string() })?;
            let (times, list) = bytes.split_at(LIST_START as usize);
            let times = self.tick_ns.map(|tick_ns| stage_times(times, tick_ns));
            (times, unpack(list, self.images, self.max))
        };
        self.staging.unmap();
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).push(self.staging);
        let mut found = found?;
        found.truncate(self.pictures);
        Ok(FrameResult { found, times, readback_bytes: self.readback_bytes })
    }
}

fn stage_times(bytes: &[u8], tick_ns: f32) -> StageTimes {
    let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes[..TIMES_BYTES as usize]);
    // A clock may be coarse and may have been reset in between: a time is never negative.
    let ms = |pass: usize| ticks[2 * pass + 1].saturating_sub(ticks[2 * pass]) as f64 * f64::from(tick_ns) * 1e-6;
    StageTimes { preprocess_ms: ms(0), network_ms: ms(1), postprocess_ms: ms(2) }
}
