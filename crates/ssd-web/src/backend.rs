//! The device that a detector runs on: WebGPU, or the CPU inside wasm.

use serde::Deserialize;
use ssd_gpu::Gpu;
use ssd_gpu::gpu::Wish;
use wasm_bindgen::prelude::*;

use crate::failure::Failure;

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

    /// The device for Burn's tensors.
    #[cfg(feature = "burn-engine")]
    pub fn burn_device(&self) -> Result<burn::tensor::Device, Failure> {
        match self {
            Self::WebGpu(gpu) => gpu.burn_device().cloned().map_err(Failure::from),
            Self::Cpu => Ok(burn::tensor::Device::flex()),
        }
    }
}

#[wasm_bindgen]
extern "C" {
    /// Of `worker.js`: told when the device is gone.
    #[wasm_bindgen(js_name = deviceLost)]
    fn device_lost(reason: &str);
}

/// Opens a device. `adapter` is the adapter's name, which the page knows and wgpu does not.
pub async fn open(name: BackendName, adapter: Option<String>) -> Result<Backend, Failure> {
    match name {
        BackendName::WebGpu => webgpu(adapter).await.map(Backend::WebGpu),
        BackendName::Cpu => Ok(Backend::Cpu),
    }
}

async fn webgpu(adapter: Option<String>) -> Result<Gpu, Failure> {
    // Some browsers offer limits that they do not grant. An adapter gives one device, so there is a new one.
    let gpu = match Gpu::open(adapter.clone(), Wish::All).await {
        Err(_) => Gpu::open(adapter, Wish::Least).await,
        opened => opened,
    };
    let gpu = gpu.map_err(Failure::from)?;
    gpu.on_lost(|reason| device_lost(&reason));
    Ok(gpu)
}
