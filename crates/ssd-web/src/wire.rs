//! What crosses between JS and Rust, field by field as `detector.d.ts` names it.

use serde::{Deserialize, Serialize};
use serde_wasm_bindgen::Serializer;
use ssd::Detection;
use ssd::postprocess::{DetectParams, Nms};
use ssd::weights::{Header, Provenance};
use ssd_gpu::{VerifyCase, VerifyReport};
use wasm_bindgen::JsValue;

use crate::backend::Backend;
use crate::failure::{Failure, Kind};

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
    provenance: Provenance,
    defaults: Defaults,
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
    pub fn new(header: &Header, backend: &Backend) -> Self {
        Self {
            arch: header.arch.to_string(),
            labels: header.labels.clone(),
            input_size: header.input_size,
            backend: backend.name,
            adapter: backend.adapter.clone(),
            provenance: header.provenance.clone(),
            defaults: Defaults { score: header.score, iou: header.iou, top_k: header.top_k, max: header.max },
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
}

/// Milliseconds. On WebGPU `network` and `postprocess` end when the work is handed to the GPU, and `readback` is the wait for it
/// to be done: to measure them apart would take a second read-back.
#[derive(Debug, Serialize)]
pub struct Timing {
    pub preprocess: f64,
    pub network: f64,
    pub postprocess: f64,
    pub readback: f64,
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
