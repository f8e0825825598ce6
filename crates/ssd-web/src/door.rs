//! `WasmDetector`, the one class that JS sees.

use burn::tensor::Device;
use burn::tensor::wgpu::wgpu::ExternalImageSource;
use js_sys::{Function, Uint8Array};
use ssd::weights;
use ssd_gpu::Picture;
use ssd_gpu::pipeline::Pipeline;
use wasm_bindgen::prelude::*;

use crate::backend::{self, Backend};
use crate::failure::{Failure, Kind};
use crate::import::{Import, Source};
use crate::wire::{Answer, Info, LoadOptions, Options, SelfTest, to_js};

/// Milliseconds on the worker's clock.
fn now() -> f64 {
    let worker = js_sys::global().unchecked_into::<web_sys::WorkerGlobalScope>();
    worker.performance().map_or(0.0, |clock| clock.now())
}

#[allow(unsafe_code, reason = "the linker defines it, and it is called before anything else")]
mod constructors {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }

    /// Runs the static constructors of all crates. Where nobody does, the linker takes the module for a program that is called once, and
    /// lets each call of each export run them all: a tenth of a millisecond for every object that crosses over from JS.
    pub fn run() {
        // SAFETY: it takes nothing, and this is the first and only call.
        unsafe { __wasm_call_ctors() }
    }
}

/// Runs when the module is instantiated: panics and the GPU's complaints go to the console, where they can be read.
#[wasm_bindgen(start)]
fn start() {
    constructors::run();
    console_error_panic_hook::set_once();
    // Fails only if a logger is there already.
    let _ = console_log::init_with_level(log::Level::Warn);
}

/// A detector on a device.
#[wasm_bindgen]
pub struct WasmDetector {
    pipeline: Pipeline,
    backend: Backend,
    recognised: Option<String>,
    bytes: usize,
    converted: Option<Uint8Array>,
}

#[wasm_bindgen]
impl WasmDetector {
    /// From a file to a detector that has run once. `on_stage(stage, loaded, total)` hears `parse`, `device`, for a public checkpoint
    /// `convert` with the number of tensors, `upload`, and `compile` with the number of kernels.
    pub async fn load(source: Source, options: JsValue, on_stage: Function) -> Result<WasmDetector, JsValue> {
        let stage = |name: &str, loaded: usize, total: Option<usize>| {
            let total = total.map_or(JsValue::NULL, JsValue::from);
            // A listener that throws loses its progress, not the detector.
            let _ = on_stage.call3(&JsValue::NULL, &name.into(), &loaded.into(), &total);
        };
        let options = LoadOptions::from_js(options)?;
        stage("parse", 0, None);
        let import = Import::open(source, &options)?;
        stage("device", 0, None);
        let backend = backend::open(&options.backend, options.adapter.clone()).await?;
        let bytes = import.bytes(&mut |done, total| stage("convert", done, Some(total)))?;
        let length = bytes.len();
        let converted = (!import.as_it_is()).then(|| Uint8Array::from(bytes.as_slice()));
        stage("upload", 0, None);
        let (header, model) = weights::load(bytes, &Device::flex()).map_err(Failure::from)?;
        let pipeline = match &backend {
            Backend::WebGpu(gpu) if !options.burn()? => {
                let mut progress = |done: usize, total: usize| stage("compile", done, Some(total));
                let precision = options.precision()?;
                Pipeline::on_gpu(header, &model, gpu, 1, precision, now, &mut progress).await.map_err(Failure::from)?
            }
            Backend::WebGpu(gpu) => Pipeline::on_burn(header, model, gpu.burn_device(), now),
            Backend::Cpu if !options.burn()? => Pipeline::on_cpu(header, &model, now).map_err(Failure::from)?,
            Backend::Cpu => Pipeline::on_burn(header, model, &Device::flex(), now),
        };
        let detector = Self { pipeline, backend, recognised: import.recognised, bytes: length, converted };
        detector.warm_up().await?;
        Ok(detector)
    }

    /// One grey picture through everything, so that nothing is left to do before the first real one.
    async fn warm_up(&self) -> Result<(), Failure> {
        let picture = Picture::Rgba { bytes: &[128; 16], width: 2, height: 2 };
        let pending = self.pipeline.submit(&[picture], &self.pipeline.header().params())?;
        self.pipeline.read(pending).await?;
        Ok(())
    }

    /// Detects in one picture: `[height, width, 4]` bytes, as a canvas gives them.
    #[wasm_bindgen(js_name = detectPixels)]
    pub async fn detect_pixels(
        &self,
        rgba: Vec<u8>,
        width: usize,
        height: usize,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        self.detect(&Picture::Rgba { bytes: &rgba, width, height }, [width, height], options).await
    }

    /// Detects in one bitmap, which goes from texture to texture. With our kernels on WebGPU alone; the bitmap has to stay open
    /// until the promise is settled.
    #[wasm_bindgen(js_name = detectBitmap)]
    pub async fn detect_bitmap(&self, bitmap: web_sys::ImageBitmap, options: JsValue) -> Result<JsValue, JsValue> {
        let (width, height) = (bitmap.width() as usize, bitmap.height() as usize);
        let source = ExternalImageSource::ImageBitmap(bitmap);
        self.detect(&Picture::External { source, width, height }, [width, height], options).await
    }

    /// Up to its first wait this runs through, and calls begin in their order, so frames are computed in it, too.
    async fn detect(&self, picture: &Picture<'_>, size: [usize; 2], options: JsValue) -> Result<JsValue, JsValue> {
        let start = now();
        let params = Options::from_js(options)?.params(self.pipeline.header())?;
        let pending = self.pipeline.submit(std::slice::from_ref(picture), &params).map_err(Failure::from)?;
        let mut outcomes = self.pipeline.read(pending).await.map_err(Failure::from)?;
        let outcome = outcomes.pop().ok_or_else(|| Failure::new(Kind::DeviceLost, "The device gave no answer"))?;
        Ok(to_js(&Answer::new(outcome, &self.pipeline, size, now() - start))?)
    }

    /// What the weights and the device are.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> Result<JsValue, JsValue> {
        Ok(to_js(&Info::new(&self.pipeline, &self.backend, self.recognised.clone(), self.bytes))?)
    }

    /// The weights file that a public checkpoint became; nothing where the file was ours, and from the second call on.
    #[wasm_bindgen(js_name = takeConverted)]
    pub fn take_converted(&mut self) -> Option<Uint8Array> {
        self.converted.take()
    }

    /// Every kernel against its plain-Rust twin, on this adapter.
    #[wasm_bindgen(js_name = selfTest)]
    pub async fn self_test(&self) -> Result<JsValue, JsValue> {
        let Backend::WebGpu(gpu) = &self.backend else {
            let sentence = "The kernels run on WebGPU alone; load the detector with the backend webgpu to test them.";
            return Err(Failure::new(Kind::WebGpuUnavailable, sentence).into());
        };
        Ok(to_js(&SelfTest::from(ssd_gpu::verify(gpu).await))?)
    }
}
