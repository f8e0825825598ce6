//! The device a detector runs on: WebGPU through Burn's wgpu, or the CPU inside wasm.

use std::cell::RefCell;

use burn::tensor::Device;

use crate::failure::{Failure, Kind};

/// A device and what it is called.
#[derive(Clone)]
pub struct Backend {
    pub device: Device,
    pub name: &'static str,
    pub adapter: String,
}

impl Backend {
    pub fn is_gpu(&self) -> bool {
        self.name == "webgpu"
    }
}

thread_local! {
    /// Burn's runtime is set up once in a worker; a second detector there shares it.
    static WEBGPU: RefCell<Option<Backend>> = const { RefCell::new(None) };
}

/// How many kernels Burn collects before it hands them to the GPU: all of a frame's, so that a frame is few submits.
const TASKS_MAX: usize = 128;

/// Opens `webgpu` or `cpu`.
pub async fn open(name: &str) -> Result<Backend, Failure> {
    match name {
        "webgpu" => webgpu().await,
        "cpu" => Ok(Backend { device: Device::flex(), name: "cpu", adapter: "CPU (WebAssembly)".into() }),
        other => {
            Err(Failure::new(Kind::WebGpuUnavailable, format!("There is no backend {other:?}; use webgpu or cpu.")))
        }
    }
}

async fn webgpu() -> Result<Backend, Failure> {
    if let Some(backend) = WEBGPU.with_borrow(Clone::clone) {
        return Ok(backend);
    }
    let (device, setup) =
        Device::wgpu_options().tasks_max(TASKS_MAX).init_with_setup_async().await.map_err(|error| {
            let sentence = format!("WebGPU could not be started ({error}); update the browser or use the cpu backend.");
            Failure::new(Kind::WebGpuUnavailable, sentence)
        })?;
    // Browsers fill in what they like; the page's own pre-flight may know more.
    let adapter = setup.adapter.get_info().name;
    let backend = Backend { device, name: "webgpu", adapter };
    WEBGPU.set(Some(backend.clone()));
    Ok(backend)
}
