//! The device, which our kernels use directly, and Burn if its tensors are asked for (feature `burn-wgpu`).
//!
//! The kernels bypass Burn's queue, because a frame is one submit of commands whose buffers, bind groups and pipelines
//! were made at load; that is `program`. They need no feature and no limit that a WebGPU device may lack, and take
//! 16-bit floats, the device's clock and larger buffers where they are.

use std::collections::HashMap;
#[cfg(feature = "burn-wgpu")]
use std::sync::OnceLock;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "burn-wgpu")]
use burn::tensor::{Device, wgpu::WgpuSetup};

use crate::adapter::Adapter;
use crate::error::GpuError;
use crate::kernel::Kernel;
use crate::methods::Row;

/// A GPU with the pipelines that were compiled for it. Clones are handles to the same.
#[derive(Debug, Clone)]
pub struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    /// What Burn needs to take the device over.
    #[cfg(feature = "burn-wgpu")]
    setup: WgpuSetup,
    /// Burn's handle to the same device, once it has one.
    #[cfg(feature = "burn-wgpu")]
    burn: Arc<OnceLock<Device>>,
    name: String,
    adapter: Adapter,
    pipelines: Arc<Mutex<HashMap<Kernel, wgpu::ComputePipeline>>>,
}

/// What is asked of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// All that it has.
    All,
    /// What every WebGPU device has.
    Least,
}

impl Gpu {
    /// The device that Burn opened. `name` is the adapter's name where wgpu does not know it: in browsers.
    #[cfg(feature = "burn-wgpu")]
    pub fn new(burn: Device, setup: &WgpuSetup, name: Option<String>) -> Self {
        let WgpuSetup { instance, adapter, device, queue, .. } = setup.clone();
        let gpu = Self::of(&instance, &adapter, (device, queue), name);
        // There is none before.
        let _ = gpu.burn.set(burn);
        gpu
    }

    /// A device of its own, of the fastest adapter. `name` is the adapter's name where wgpu does not know it: in
    /// browsers.
    ///
    /// # Errors
    /// When there is no adapter, or it gives no device.
    pub async fn open(name: Option<String>, wish: Wish) -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let fastest = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..wgpu::RequestAdapterOptions::default()
        };
        let refused = |error: &dyn std::fmt::Display| GpuError::NoDevice(error.to_string());
        let adapter = instance.request_adapter(&fastest).await.map_err(|error| refused(&error))?;
        // Burn takes for granted that the device has all that the adapter has.
        let (required_features, required_limits) = match wish {
            Wish::All => (adapter.features().difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS), adapter.limits()),
            Wish::Least => (wgpu::Features::empty(), wgpu::Limits::default()),
        };
        let asked = wgpu::DeviceDescriptor { required_features, required_limits, ..wgpu::DeviceDescriptor::default() };
        let (device, queue) = adapter.request_device(&asked).await.map_err(|error| refused(&error))?;
        Ok(Self::of(&instance, &adapter, (device, queue), name))
    }

    #[cfg_attr(not(feature = "burn-wgpu"), expect(unused_variables, reason = "Burn alone asks for the instance"))]
    fn of(
        instance: &wgpu::Instance,
        adapter: &wgpu::Adapter,
        (device, queue): (wgpu::Device, wgpu::Queue),
        name: Option<String>,
    ) -> Self {
        let info = adapter.get_info();
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| info.name.clone());
        Self {
            #[cfg(feature = "burn-wgpu")]
            setup: WgpuSetup {
                instance: instance.clone(),
                adapter: adapter.clone(),
                device: device.clone(),
                queue: queue.clone(),
                backend: info.backend,
            },
            #[cfg(feature = "burn-wgpu")]
            burn: Arc::default(),
            device,
            queue,
            adapter: Adapter::new(&name, info.device_type),
            name,
            pipelines: Arc::default(),
        }
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The device for Burn's tensors, which takes it over at the first call.
    ///
    /// # Errors
    /// When Burn refuses it.
    #[cfg(feature = "burn-wgpu")]
    pub fn burn_device(&self) -> Result<&Device, GpuError> {
        if let Some(device) = self.burn.get() {
            return Ok(device);
        }
        let taken = Device::wgpu_options().setup(self.setup.clone()).init();
        let device = taken.map_err(|error| GpuError::NoDevice(error.to_string()))?;
        Ok(self.burn.get_or_init(|| device))
    }

    /// Calls `listener` with the reason when the device is gone, with all its buffers: its driver was restarted, or the
    /// card unplugged.
    pub fn on_lost(&self, listener: fn(String)) {
        self.device.set_device_lost_callback(move |_, reason| listener(reason));
    }

    /// The graphics API: `vulkan`, `metal`, `dx12`, `webgpu`.
    pub fn backend(&self) -> String {
        self.device.adapter_info().backend.to_string()
    }

    /// The name and the version of its driver, where that is known.
    pub fn driver(&self) -> String {
        let info = self.device.adapter_info();
        format!("{} {}", info.driver, info.driver_info).trim().to_owned()
    }

    /// The same device, whose kernels are chosen by these rows of [`crate::methods`] before all others. They stay in
    /// memory until the program ends. For the bench.
    pub fn corrected(&self, rows: Vec<Row>) -> Self {
        Self { adapter: Adapter { measured: rows.leak(), ..self.adapter }, ..self.clone() }
    }

    /// The adapter as the choice of kernels sees it.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Whether kernels may use 16-bit floats.
    pub fn has_f16(&self) -> bool {
        self.device.features().contains(wgpu::Features::SHADER_F16)
    }

    /// Whether passes can be timed on the device itself.
    pub fn has_timestamps(&self) -> bool {
        self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// The pipeline of a kernel, compiled at the first call. Awaits compilation, which a browser does on another
    /// thread; otherwise the first frame would stall.
    pub(crate) async fn pipeline(&self, kernel: &Kernel) -> Result<wgpu::ComputePipeline, GpuError> {
        let known = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).get(kernel).cloned();
        if let Some(pipeline) = known {
            return Ok(pipeline);
        }
        // A driver that refuses valid WGSL reports an internal error.
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.module(kernel);
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.shader.name),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            // Kernels write their workgroup memory before they read it.
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..wgpu::PipelineCompilationOptions::default()
            },
            cache: None,
        });
        let (validation, internal) = (validation.pop(), internal.pop());
        if let Some(error) = validation.await.or(internal.await) {
            return Err(GpuError::Kernel { name: kernel.shader.name.into(), reason: error.to_string() });
        }
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(pipelines.entry(kernel.clone()).or_insert(pipeline).clone())
    }

    /// Natively wgpu would guard every index and count every loop. The kernels stay inside their buffers: quads are
    /// below `quads_in`, rows after the last are masked before they are read, weights are padded to whole tiles and to
    /// all slices of all parts, maps to whole quads; loops run to a uniform. Neither twins nor browsers notice a read
    /// outside whose value is discarded, so check this when you change a kernel.
    #[allow(unsafe_code, reason = "the only way to drop the guards in the innermost loops")]
    fn module(&self, kernel: &Kernel) -> wgpu::ShaderModule {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(kernel.shader.name),
            source: wgpu::ShaderSource::Wgsl(kernel.source().into()),
        };
        let checks = wgpu::ShaderRuntimeChecks {
            bounds_checks: false,
            force_loop_bounding: false,
            ..wgpu::ShaderRuntimeChecks::checked()
        };
        // SAFETY: the kernels are this crate's own text, and do as described above.
        unsafe { self.device.create_shader_module_trusted(descriptor, checks) }
    }

    /// Does `work`, and reports when the device has no memory left for it.
    pub(crate) async fn within_memory<T>(
        &self,
        work: impl Future<Output = Result<T, GpuError>>,
    ) -> Result<T, GpuError> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let done = work.await;
        match scope.pop().await {
            Some(_) => Err(GpuError::Memory(self.name.clone())),
            None => done,
        }
    }

    /// Submits a pass of its own. For load and for tests.
    pub(crate) fn submit(&self, encode: impl FnOnce(&mut wgpu::ComputePass<'_>)) {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encode(&mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default()));
        self.queue.submit([encoder.finish()]);
    }

    /// A buffer with these bytes, a whole number of words, for kernels to read.
    pub(crate) fn upload(&self, label: &str, bytes: &[u8]) -> wgpu::Buffer {
        let buffer = self.zeros(label, bytes.len() as u64);
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }

    /// A buffer of zeros that kernels write and read.
    pub(crate) fn zeros(&self, label: &str, bytes: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes.next_multiple_of(16).max(16),
            usage: STORAGE,
            mapped_at_creation: false,
        })
    }

    /// The bytes of a buffer. For load and for tests; `frames` reads a frame.
    pub(crate) async fn read(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<Vec<u8>, GpuError> {
        let staging = staging(&self.device, bytes);
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, bytes);
        let submission = self.queue.submit([encoder.finish()]);
        read_back(&self.device, &staging, submission).bytes().await
    }
}

const STORAGE: wgpu::BufferUsages =
    wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_SRC).union(wgpu::BufferUsages::COPY_DST);

/// A buffer that the host can read.
pub(crate) fn staging(device: &wgpu::Device, bytes: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("staging"),
        size: bytes,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A staging buffer on its way to the host.
#[derive(Debug)]
pub(crate) struct ReadBack {
    device: wgpu::Device,
    buffer: wgpu::Buffer,
    submission: wgpu::SubmissionIndex,
    done: async_channel::Receiver<Result<(), wgpu::BufferAsyncError>>,
}

/// Maps a staging buffer as soon as `submission` is done.
pub(crate) fn read_back(device: &wgpu::Device, buffer: &wgpu::Buffer, submission: wgpu::SubmissionIndex) -> ReadBack {
    let (tell, done) = async_channel::bounded(1);
    buffer.slice(..).map_async(wgpu::MapMode::Read, move |result| {
        // The caller may have given up.
        let _ = tell.try_send(result);
    });
    ReadBack { device: device.clone(), buffer: buffer.clone(), submission, done }
}

impl ReadBack {
    /// Waits for the bytes: natively by driving the device, in a browser by yielding to it.
    pub(crate) async fn bytes(self) -> Result<Vec<u8>, GpuError> {
        let failed = |error: &dyn std::fmt::Display| GpuError::Read(error.to_string());
        let poll = wgpu::PollType::Wait { submission_index: Some(self.submission), timeout: None };
        self.device.poll(poll).map_err(|error| failed(&error))?;
        self.done.recv().await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let bytes = self.buffer.slice(..).get_mapped_range().map_err(|error| failed(&error))?.to_vec();
        self.buffer.unmap();
        Ok(bytes)
    }
}
