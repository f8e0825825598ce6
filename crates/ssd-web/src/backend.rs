//! The device a detector runs on: WebGPU, opened by Burn, or the CPU inside wasm.

use std::cell::RefCell;

use burn::tensor::Device;
use ssd_gpu::Gpu;

use crate::failure::{Failure, Kind};

/// Where to compute.
#[derive(Clone)]
pub enum Backend {
    WebGpu(Gpu),
    Cpu,
}

impl Backend {
    /// By the names of the page's contract.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WebGpu(_) => "webgpu",
            Self::Cpu => "cpu",
        }
    }

    /// What computes, as the user knows it.
    pub fn adapter(&self) -> &str {
        match self {
            Self::WebGpu(gpu) => gpu.name(),
            Self::Cpu => "CPU (WebAssembly)",
        }
    }
}

thread_local! {
    /// Burn's runtime is set up once in a worker; a second detector there shares it.
    static WEBGPU: RefCell<Option<Gpu>> = const { RefCell::new(None) };
}

/// Opens `webgpu` or `cpu`. `adapter` is what the page knows of the adapter, which is more than wgpu does.
pub async fn open(name: &str, adapter: Option<String>) -> Result<Backend, Failure> {
    match name {
        "webgpu" => webgpu(adapter).await.map(Backend::WebGpu),
        "cpu" => Ok(Backend::Cpu),
        other => {
            Err(Failure::new(Kind::WebGpuUnavailable, format!("There is no backend {other:?}; use webgpu or cpu.")))
        }
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
