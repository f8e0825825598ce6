//! `WasmDetector`, the one class that JS sees.

use burn::tensor::Device;
use js_sys::{Function, Uint8Array};
use ssd::postprocess::postprocess;
use ssd::weights;
use ssd_gpu::Picture;
use ssd_gpu::frames::StageTimes;
use ssd_gpu::pipeline::{Outcome, Pipeline};
use wasm_bindgen::prelude::*;
use wgpu::ExternalImageSource;

use crate::backend::{self, Backend};
use crate::failure::{Failure, Kind};
use crate::import::{Import, Source};
use crate::wire::{self, EngineName, LoadOptions, Options, from_js, to_js};

/// Milliseconds on the worker's clock.
fn now() -> f64 {
    let worker = js_sys::global().unchecked_into::<web_sys::WorkerGlobalScope>();
    worker.performance().map_or(0.0, |clock| clock.now())
}

#[allow(unsafe_code, reason = "the linker defines the function, and it is called before all others")]
mod constructors {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }

    /// Runs the static constructors of all crates. If nothing did, the linker would take the module for a program that
    /// is called once, and each call of an export would run them all: 0.1 ms for every object that comes from JS.
    pub fn run() {
        // SAFETY: it has no arguments, and this is the first and only call.
        unsafe { __wasm_call_ctors() }
    }
}

/// Runs when the module is instantiated. Panics and warnings of the GPU go to the console.
#[wasm_bindgen(start)]
fn start() {
    constructors::run();
    console_error_panic_hook::set_once();
    // Fails only if there is a logger already.
    let _ = console_log::init_with_level(log::Level::Warn);
}

/// The size of a picture, width and height.
pub(crate) fn pixels(size: &[u32]) -> Result<[usize; 2], Failure> {
    match size {
        &[width, height] => Ok([width as usize, height as usize]),
        _ => Err(Failure::new(Kind::SourceInvalid, "a size is two numbers")),
    }
}

/// The bytes of a weights file to a network that is ready to run. The model that is read in between goes with this
/// function: the maps of the first picture take its memory, which wasm would not give back.
async fn pipeline(
    bytes: Vec<u8>,
    backend: &Backend,
    options: &LoadOptions,
    stage: &dyn Fn(&str, usize, Option<usize>),
) -> Result<Pipeline, Failure> {
    let (header, model) = weights::load(bytes, &Device::flex())?;
    match (backend, options.engine.unwrap_or_default()) {
        (Backend::WebGpu(gpu), EngineName::Own) => {
            let mut progress = |done: usize, total: usize| stage("compile", done, Some(total));
            let precision = options.precision.unwrap_or_default().into();
            Ok(Pipeline::on_gpu(header, &model, gpu, 1, precision, now, &mut progress).await?)
        }
        (Backend::Cpu, EngineName::Own) => Ok(Pipeline::on_cpu(header, &model, now)?),
        #[cfg(feature = "burn-engine")]
        (backend, EngineName::Burn) => Ok(Pipeline::on_burn(header, model, &backend.burn_device()?, now)),
        #[cfg(not(feature = "burn-engine"))]
        (_, EngineName::Burn) => {
            Err(Failure::new(Kind::SourceInvalid, "Burn's engine is in the wasm of the folder burn"))
        }
    }
}

/// A detector on a device.
#[wasm_bindgen]
pub struct WasmDetector {
    pub(crate) pipeline: Pipeline,
    backend: Backend,
    recognised: Option<String>,
    bytes: usize,
    converted: Option<Uint8Array>,
}

#[wasm_bindgen]
impl WasmDetector {
    /// From a file to a detector that has run once. `name` is the file's name, `adapter` that of the WebGPU adapter.
    /// `on_stage(stage, loaded, total)` is called with the stages `parse`, `device`, `convert` (of public checkpoints,
    /// counting tensors), `upload` and `compile` (counting kernels).
    pub async fn load(
        source: Source,
        name: Option<String>,
        adapter: Option<String>,
        options: JsValue,
        on_stage: Function,
    ) -> Result<WasmDetector, JsValue> {
        let stage = |name: &str, loaded: usize, total: Option<usize>| {
            let total = total.map_or(JsValue::NULL, JsValue::from);
            // A listener that throws misses its progress, and the detector still loads.
            let _ = on_stage.call3(&JsValue::NULL, &name.into(), &loaded.into(), &total);
        };
        let mut options: LoadOptions = from_js(&options)?;
        options.name = name;
        stage("parse", 0, None);
        let import = Import::open(source, &options)?;
        stage("device", 0, None);
        let backend = backend::open(options.backend, adapter).await?;
        let bytes = import.bytes(&mut |done, total| stage("convert", done, Some(total)))?;
        let length = bytes.len();
        let converted = (!import.as_it_is()).then(|| Uint8Array::from(bytes.as_slice()));
        stage("upload", 0, None);
        let pipeline = pipeline(bytes, &backend, &options, &stage).await?;
        let detector = Self { pipeline, backend, recognised: import.recognised, bytes: length, converted };
        detector.warm_up().await?;
        Ok(detector)
    }

    /// Runs a grey picture through all stages, so that the first real one has nothing to wait for.
    async fn warm_up(&self) -> Result<(), Failure> {
        let picture = Picture::Rgba { bytes: &[128; 16], width: 2, height: 2 };
        let pending = self.pipeline.submit(&[picture], &self.pipeline.header().params())?;
        self.pipeline.read(pending).await?;
        Ok(())
    }

    /// Detects in pixels, `[height, width, 4]` bytes, RGBA as a canvas has them. They are those of a picture of `size`
    /// pixels, width and height, perhaps shrunk; with a size of 1 by 1 the boxes are fractions.
    #[wasm_bindgen(js_name = detectPixels)]
    pub async fn detect_pixels(
        &self,
        rgba: Vec<u8>,
        width: usize,
        height: usize,
        size: &[u32],
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        self.detect(&Picture::Rgba { bytes: &rgba, width, height }, size, options).await
    }

    /// Detects in a bitmap of a picture of `size` pixels, which goes from texture to texture: for our kernels on WebGPU
    /// only. The bitmap must stay open until the promise is settled.
    #[wasm_bindgen(js_name = detectBitmap)]
    pub async fn detect_bitmap(
        &self,
        bitmap: web_sys::ImageBitmap,
        size: &[u32],
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let (width, height) = (bitmap.width() as usize, bitmap.height() as usize);
        let source = ExternalImageSource::ImageBitmap(bitmap);
        self.detect(&Picture::External { source, width, height }, size, options).await
    }

    /// Runs without a break up to its first wait, so frames are submitted in the order of the calls.
    async fn detect(&self, picture: &Picture<'_>, size: &[u32], options: JsValue) -> Result<JsValue, JsValue> {
        let start = now();
        let size_px = pixels(size)?;
        let params = from_js::<Options>(&options)?.params(self.pipeline.header())?;
        let pending = self.pipeline.submit(std::slice::from_ref(picture), &params).map_err(Failure::from)?;
        let mut outcomes = self.pipeline.read(pending).await.map_err(Failure::from)?;
        let outcome = outcomes.pop().ok_or_else(|| Failure::new(Kind::DeviceLost, "The device returned no result"))?;
        Ok(to_js(&wire::result(&outcome, &self.pipeline, size_px, now() - start))?)
    }

    /// Detections from the predictions of another runtime: offsets `[P, 4]` and logits `[P, C]`, row by row, for a
    /// picture of `width` x `height` pixels.
    pub fn decode(
        &self,
        offsets: &[f32],
        logits: &[f32],
        width: usize,
        height: usize,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let start = now();
        let header = self.pipeline.header();
        let params = from_js::<Options>(&options)?.params(header)?;
        let priors = header.priors.priors();
        let expected = [priors.len() * 4, priors.len() * header.columns()];
        let got = [offsets.len(), logits.len()];
        if got != expected {
            let clause = format!("offsets and logits have {got:?} numbers; this network has {expected:?}");
            return Err(Failure::new(Kind::SourceInvalid, clause).into());
        }
        let (variances, activation) = (header.priors.variances, header.score_activation);
        let detections = postprocess(offsets, logits, &priors, variances, activation, &params);
        let postprocess_ms = now() - start;
        let times = StageTimes { preprocess_ms: 0.0, network_ms: 0.0, postprocess_ms };
        let outcome = Outcome { detections, candidates: None, readback_bytes: 0, times: Some(times) };
        Ok(to_js(&wire::result(&outcome, &self.pipeline, [width, height], postprocess_ms))?)
    }

    /// What the weights and the device are.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> Result<JsValue, JsValue> {
        Ok(to_js(&wire::info(&self.pipeline, &self.backend, self.recognised.as_deref(), self.bytes))?)
    }

    /// The weights file that a public checkpoint was converted to, once; `None` for a file of ours and in later calls.
    #[wasm_bindgen(js_name = takeConverted)]
    pub fn take_converted(&mut self) -> Option<Uint8Array> {
        self.converted.take()
    }

    /// Compares every kernel with its plain-Rust twin on this adapter.
    #[wasm_bindgen(js_name = selfTest)]
    pub async fn self_test(&self) -> Result<JsValue, JsValue> {
        let Backend::WebGpu(gpu) = &self.backend else {
            let sentence = "The kernels run on WebGPU only; load the detector with the backend webgpu to test them.";
            return Err(Failure::new(Kind::WebGpuUnavailable, sentence).into());
        };
        Ok(to_js(&wire::self_test(&ssd_gpu::verify(gpu).await))?)
    }
}
