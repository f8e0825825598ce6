//! What crosses between JS and Rust, field by field as `detector.d.ts` names it.

use serde::{Deserialize, Serialize};
use serde_wasm_bindgen::Serializer;
use ssd::Detection;
use ssd::postprocess::{DetectParams, Nms};
use ssd::weights::{Header, Provenance};
use ssd_gpu::kernel::Precision;
use ssd_gpu::pipeline::{Outcome, Pipeline, PrecisionChoice};
use ssd_gpu::{VerifyCase, VerifyReport};
use wasm_bindgen::JsValue;

use crate::backend::Backend;
use crate::failure::{Failure, Kind};

/// How a detector is to be loaded. What is absent is chosen here.
#[derive(Debug, Deserialize)]
pub struct LoadOptions {
    pub backend: String,
    /// What the page knows of the adapter.
    pub adapter: Option<String>,
    engine: Option<String>,
    precision: Option<String>,
    /// What the file is called.
    pub name: Option<String>,
    /// Class names that stand for those of the file, or the lines of a text file with them.
    pub labels: Option<Vec<String>>,
}

impl LoadOptions {
    pub fn from_js(value: JsValue) -> Result<Self, Failure> {
        serde_wasm_bindgen::from_value(value)
            .map_err(|error| Failure::new(Kind::SourceInvalid, format!("The options are not understood: {error}.")))
    }

    /// Whether Burn's forward computes instead of our kernels.
    pub fn burn(&self) -> Result<bool, Failure> {
        match self.engine.as_deref() {
            None | Some("own") => Ok(false),
            Some("burn") => Ok(true),
            Some(other) => Err(unknown("engine", other, "own or burn")),
        }
    }

    pub fn precision(&self) -> Result<PrecisionChoice, Failure> {
        match self.precision.as_deref() {
            None | Some("auto") => Ok(PrecisionChoice::Auto),
            Some("f32") => Ok(PrecisionChoice::Only(Precision::Single)),
            Some("f16") => Ok(PrecisionChoice::Only(Precision::Half)),
            Some(other) => Err(unknown("precision", other, "auto, f32 or f16")),
        }
    }
}

fn unknown(what: &str, got: &str, known: &str) -> Failure {
    Failure::new(Kind::SourceInvalid, format!("There is no {what} {got:?}; use {known}."))
}

/// What a call may choose; the weights file's defaults stand in for the rest.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    score: Option<f32>,
    iou: Option<f32>,
    nms: Option<Nms>,
    top_k: Option<usize>,
    max_detections: Option<usize>,
    classes: Option<Vec<String>>,
}

impl Options {
    pub fn from_js(value: JsValue) -> Result<Self, Failure> {
        if value.is_undefined() || value.is_null() {
            return Ok(Self::default());
        }
        serde_wasm_bindgen::from_value(value)
            .map_err(|error| Failure::new(Kind::SourceInvalid, format!("The options are not understood: {error}.")))
    }

    pub fn params(self, header: &Header) -> Result<DetectParams, Failure> {
        let defaults = header.params();
        let class = |label: String| {
            let index = header.labels.iter().position(|known| *known == label);
            index.map(|index| index + 1).ok_or_else(|| {
                let known = header.labels.join(", ");
                Failure::new(Kind::SourceInvalid, format!("These weights know no class {label:?}; they know {known}."))
            })
        };
        let classes = self.classes.map(|labels| labels.into_iter().map(class).collect::<Result<_, _>>()).transpose()?;
        let params = DetectParams {
            score: self.score.unwrap_or(defaults.score),
            iou: self.iou.unwrap_or(defaults.iou),
            nms: self.nms.unwrap_or(defaults.nms),
            top_k: self.top_k.unwrap_or(defaults.top_k),
            max: self.max_detections.unwrap_or(defaults.max),
            classes,
        };
        Ok(params.checked(header.classes())?)
    }
}

/// What a detector says of itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    arch: String,
    labels: Vec<String>,
    input_size: usize,
    backend: &'static str,
    adapter: String,
    /// Of the numbers that our WGSL kernels compute with; null where they do not compute.
    precision: Option<&'static str>,
    /// Bytes that our WGSL kernels hold on the GPU; null where they do not compute.
    gpu_bytes: Option<f64>,
    provenance: Provenance,
    defaults: Defaults,
    /// What a public checkpoint was; null for a file of ours.
    recognised: Option<String>,
    /// Bytes of the weights as a file of ours.
    bytes: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Defaults {
    score: f32,
    iou: f32,
    top_k: usize,
    max: usize,
}

impl Info {
    pub fn new(pipeline: &Pipeline, backend: &Backend, recognised: Option<String>, bytes: usize) -> Self {
        let (header, memory) = (pipeline.header(), pipeline.gpu_memory());
        Self {
            arch: header.arch.to_string(),
            labels: header.labels.clone(),
            input_size: header.input_size,
            backend: backend.name(),
            adapter: backend.adapter().to_owned(),
            precision: memory.map(|(_, precision)| match precision {
                Precision::Single => "f32",
                Precision::Half => "f16",
            }),
            gpu_bytes: memory.map(|(bytes, _)| bytes as f64),
            provenance: header.provenance.clone(),
            defaults: Defaults { score: header.score, iou: header.iou, top_k: header.top_k, max: header.max },
            recognised,
            bytes: bytes as f64,
        }
    }
}

/// The detections of one picture, in its pixels.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub detections: Vec<Found>,
    pub width: usize,
    pub height: usize,
    pub timing: Timing,
    pub readback_bytes: usize,
    /// Boxes that went into NMS; null on the CPU, which does not count them.
    pub candidates: Option<u32>,
    pub memory: Memory,
}

/// Bytes that are held at present.
#[derive(Debug, Serialize)]
pub struct Memory {
    /// By our kernels on the GPU; null where others compute.
    gpu: Option<f64>,
    /// By the wasm module, which gives nothing back to the browser.
    wasm: f64,
}

impl Memory {
    pub fn new(pipeline: &Pipeline) -> Self {
        let pages = core::arch::wasm32::memory_size(0);
        Self { gpu: pipeline.gpu_memory().map(|(bytes, _)| bytes as f64), wasm: pages as f64 * 65_536.0 }
    }
}

/// Milliseconds, by the clock of the device that did the work; `readback` is the rest of the wait.
#[derive(Debug, Serialize)]
pub struct Timing {
    pub preprocess: f64,
    pub network: f64,
    pub postprocess: f64,
    pub readback: f64,
}

impl Answer {
    /// `waited` is how long all of it took, in milliseconds.
    pub fn new(outcome: Outcome, pipeline: &Pipeline, [width, height]: [usize; 2], waited: f64) -> Self {
        let labels = &pipeline.header().labels;
        let detections = outcome.detections.iter().map(|d| Found::new(d, labels, width, height)).collect();
        // A device without a clock: all that can be said is how long it took.
        let timing = outcome.times.map_or(
            Timing { preprocess: 0.0, network: waited, postprocess: 0.0, readback: 0.0 },
            |times| Timing {
                preprocess: times.preprocess_ms,
                network: times.network_ms,
                postprocess: times.postprocess_ms,
                readback: (waited - times.preprocess_ms - times.network_ms - times.postprocess_ms).max(0.0),
            },
        );
        let Outcome { readback_bytes, candidates, .. } = outcome;
        Self { detections, width, height, timing, readback_bytes, candidates, memory: Memory::new(pipeline) }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    label: String,
    class_index: usize,
    score: f32,
    #[serde(rename = "box")]
    box_px: BoxPx,
}

#[derive(Debug, Serialize)]
struct BoxPx {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

impl Found {
    pub fn new(detection: &Detection, labels: &[String], width: usize, height: usize) -> Self {
        let corner_px = detection.bbox.scaled(width as f32, height as f32);
        Self {
            label: labels.get(detection.class - 1).cloned().unwrap_or_default(),
            class_index: detection.class,
            score: detection.score,
            box_px: BoxPx { x: corner_px.x1, y: corner_px.y1, width: corner_px.width(), height: corner_px.height() },
        }
    }
}

/// Every kernel against its twin, on this adapter.
#[derive(Debug, Serialize)]
pub struct SelfTest {
    passed: usize,
    failed: usize,
    cases: Vec<Case>,
}

#[derive(Debug, Serialize)]
struct Case {
    name: String,
    ok: bool,
    detail: String,
}

impl From<VerifyReport> for SelfTest {
    fn from(report: VerifyReport) -> Self {
        let failed = report.failed().len();
        let passed = report.cases.len() - failed;
        let case = |case: VerifyCase| Case { name: case.name, ok: case.ok, detail: case.detail };
        Self { passed, failed, cases: report.cases.into_iter().map(case).collect() }
    }
}

/// A value as a plain JS object.
pub fn to_js(value: &impl Serialize) -> Result<JsValue, Failure> {
    let plain = Serializer::json_compatible();
    value.serialize(&plain).map_err(|error| {
        Failure::new(Kind::DeviceLost, format!("The result could not be handed to the page: {error}."))
    })
}
