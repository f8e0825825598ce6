//! The device that a detector runs on: WebGPU, opened by Burn, or the CPU inside wasm.

use std::cell::RefCell;

use burn::tensor::Device;
use serde::Deserialize;
use ssd_gpu::Gpu;

use crate::failure::{Failure, Kind};

/// The name of a device in `detector.d.ts`.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendName {
    WebGpu,
    Cpu,
}

/// An open device.
#[derive(Clone)]
pub enum Backend {
    WebGpu(Gpu),
    Cpu,
}

impl Backend {
    /// By its name in `detector.d.ts`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WebGpu(_) => "webgpu",
            Self::Cpu => "cpu",
        }
    }

    /// The device by the name that users know.
    pub fn adapter(&self) -> &str {
        match self {
            Self::WebGpu(gpu) => gpu.name(),
            Self::Cpu => "CPU (WebAssembly)",
        }
    }
}

thread_local! {
    /// Burn's runtime is set up once per worker; a second detector there shares it.
    static WEBGPU: RefCell<Option<Gpu>> = const { RefCell::new(None) };
}

/// Opens a device. `adapter` is the adapter's name, which the page knows and wgpu does not.
pub async fn open(name: BackendName, adapter: Option<String>) -> Result<Backend, Failure> {
    match name {
        BackendName::WebGpu => webgpu(adapter).await.map(Backend::WebGpu),
        BackendName::Cpu => Ok(Backend::Cpu),
    }
}

async fn webgpu(adapter: Option<String>) -> Result<Gpu, Failure> {
    if let Some(gpu) = WEBGPU.with_borrow(Clone::clone) {
        return Ok(gpu);
    }
    let (device, setup) = Device::wgpu_options().init_with_setup_async().await.map_err(|error| {
        let sentence = format!("WebGPU could not be started ({error}); update the browser or use the cpu backend.");
        Failure::new(Kind::WebGpuUnavailable, sentence)
    })?;
    let gpu = Gpu::new(device, &setup, adapter);
    WEBGPU.set(Some(gpu.clone()));
    Ok(gpu)
}
