//! `WasmDetector`, the one class that JS sees.

use burn::tensor::Device;
use js_sys::{Function, Uint8Array};
use ssd::preprocess::preprocess_rgba;
use ssd::weights;
use ssd_gpu::pipeline::Pipeline;
use wasm_bindgen::prelude::*;

use crate::backend::{self, Backend};
use crate::failure::{Failure, Kind};
use crate::wire::{Answer, Found, Info, Options, SelfTest, Timing, to_js};

/// Milliseconds on the worker's clock.
fn now() -> f64 {
    let worker = js_sys::global().unchecked_into::<web_sys::WorkerGlobalScope>();
    worker.performance().map_or(0.0, |clock| clock.now())
}

/// Runs when the module is instantiated: panics and the GPU's complaints go to the console, where they can be read.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
    // Fails only if a logger is there already.
    let _ = console_log::init_with_level(log::Level::Warn);
}

/// A detector on a device.
#[wasm_bindgen]
pub struct WasmDetector {
    pipeline: Pipeline,
    backend: Backend,
}

#[wasm_bindgen]
impl WasmDetector {
    /// From the bytes of a weights file to a detector that has run once. `on_stage` hears `parse`, `device`, `upload`, `compile`.
    pub async fn load(bytes: Uint8Array, backend: String, on_stage: Function) -> Result<WasmDetector, JsValue> {
        let stage = |name: &str| {
            // A listener that throws loses its progress, not the detector.
            let _ = on_stage.call1(&JsValue::NULL, &name.into());
        };
        stage("parse");
        let bytes = bytes.to_vec();
        weights::read_header(&bytes).map_err(Failure::from)?;
        stage("device");
        let backend = backend::open(&backend).await?;
        stage("upload");
        let (header, model) = weights::load(bytes, &Device::flex()).map_err(Failure::from)?;
        let pipeline = Pipeline::new(header, model, &backend.device, backend.is_gpu()).map_err(Failure::from)?;
        let detector = Self { pipeline, backend };
        stage("compile");
        detector.warm_up().await?;
        Ok(detector)
    }

    /// One grey picture through everything, so that the first real one finds its shaders compiled.
    async fn warm_up(&self) -> Result<(), Failure> {
        let header = self.pipeline.header();
        let predictions = self.pipeline.forward(vec![0.0; 3 * header.input_size * header.input_size])?;
        let pending = self.pipeline.launch(predictions, &header.params())?;
        self.pipeline.read(pending).await?;
        Ok(())
    }

    /// Detects in one picture: `[height, width, 4]` bytes, as a canvas gives them.
    pub async fn detect(
        &self,
        rgba: Vec<u8>,
        width: usize,
        height: usize,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        if width == 0 || height == 0 || rgba.len() != width * height * 4 {
            let sentence = format!("The picture has {} bytes and not {width} x {height} pixels.", rgba.len());
            return Err(Failure::new(Kind::SourceInvalid, sentence).into());
        }
        let header = self.pipeline.header();
        let params = Options::from_js(options)?.params(header)?;
        let start = now();
        let pixels = preprocess_rgba(&rgba, width, height, &header.preprocess());
        let preprocessed = now();
        let predictions = self.pipeline.forward(pixels).map_err(Failure::from)?;
        let networked = now();
        let pending = self.pipeline.launch(predictions, &params).map_err(Failure::from)?;
        let launched = now();
        let outcome = self.pipeline.read(pending).await.map_err(Failure::from)?;
        let finished = now();
        // On the CPU nothing is read back: all that follows the network is post-processing.
        let split = if self.backend.is_gpu() { launched } else { finished };
        let answer = Answer {
            detections: outcome.detections.iter().map(|d| Found::new(d, &header.labels, width, height)).collect(),
            width,
            height,
            timing: Timing {
                preprocess: preprocessed - start,
                network: networked - preprocessed,
                postprocess: split - networked,
                readback: finished - split,
            },
            readback_bytes: outcome.readback_bytes,
            candidates: outcome.candidates,
        };
        Ok(to_js(&answer)?)
    }

    /// What the weights and the device are.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> Result<JsValue, JsValue> {
        Ok(to_js(&Info::new(self.pipeline.header(), &self.backend))?)
    }

    /// Every kernel against its plain-Rust twin, on this adapter.
    #[wasm_bindgen(js_name = selfTest)]
    pub async fn self_test(&self) -> Result<JsValue, JsValue> {
        if !self.backend.is_gpu() {
            let sentence = "The kernels run on WebGPU alone; load the detector with the backend webgpu to test them.";
            return Err(Failure::new(Kind::WebGpuUnavailable, sentence).into());
        }
        let report = ssd_gpu::verify(&self.backend.device).await;
        Ok(to_js(&SelfTest::from(report))?)
    }
}
