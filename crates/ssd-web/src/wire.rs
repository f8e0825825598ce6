//! What crosses between JS and Rust, by the names of `detector.d.ts`, which explains it.

use js_sys::{Array, Object};
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serde_wasm_bindgen::{Deserializer, Serializer};
use ssd::Detection;
use ssd::postprocess::{DetectParams, Nms, SLOTS};
use ssd::weights::Header;
use ssd_gpu::frames::StageTimes;
use ssd_gpu::kernel::Precision;
use ssd_gpu::pipeline::{Outcome, Pipeline, PrecisionChoice};
use ssd_gpu::{VerifyCase, VerifyReport};
use wasm_bindgen::{JsCast, JsValue};

use crate::backend::{Backend, BackendName};
use crate::failure::{Failure, Kind, message};

/// Options from JS. serde-wasm-bindgen asks an object only for the fields of `T`; as a map, the object shows all of its
/// keys, and an unknown one is refused by name.
pub fn from_js<T: DeserializeOwned>(options: &JsValue) -> Result<T, Failure> {
    let entries = match options.dyn_ref::<Object>() {
        Some(object) => Object::entries(object),
        None => Array::new(),
    };
    let pairs = entries.iter().map(|entry| {
        let entry: Array = entry.unchecked_into();
        (entry.get(0).as_string().unwrap_or_default(), Deserializer::from(entry.get(1)))
    });
    T::deserialize(MapDeserializer::new(pairs)).map_err(|error: serde_wasm_bindgen::Error| {
        Failure::new(Kind::SourceInvalid, format!("the options cannot be used: {}", message(&error.into())))
    })
}

/// The options of `load`, as `detector.d.ts` explains them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadOptions {
    pub backend: BackendName,
    pub engine: Option<EngineName>,
    pub precision: Option<PrecisionName>,
    pub labels: Option<Vec<String>>,
    #[allow(dead_code, reason = "web/weights.js has used it before; here its name is known")]
    weights: Option<IgnoredAny>,
    #[allow(dead_code, reason = "the same")]
    sha256: Option<String>,
    #[allow(dead_code, reason = "the same")]
    cache: Option<bool>,
    /// The name of the file; not an option.
    #[serde(skip)]
    pub name: Option<String>,
}

/// What computes the network. `web/worker.js` takes the wasm that has it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineName {
    #[default]
    Own,
    Burn,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionName {
    #[default]
    Auto,
    F32,
    F16,
}

impl From<PrecisionName> for PrecisionChoice {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::Auto => Self::Auto,
            PrecisionName::F32 => Self::Only(Precision::Single),
            PrecisionName::F16 => Self::Only(Precision::Half),
        }
    }
}

/// The options of `detect`, as `detector.d.ts` explains them. `None` stands for the default of the weights file.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    score: Option<f32>,
    iou: Option<f32>,
    nms: Option<Nms>,
    top_k: Option<usize>,
    /// More than fits is as much as fits, so it may be any number, infinity included.
    max_detections: Option<f64>,
    #[serde(skip_serializing)]
    classes: Option<Vec<String>>,
    #[serde(skip_serializing)]
    #[allow(dead_code, reason = "web/tiles.js has used it before; here its name is known")]
    tiles: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    #[allow(dead_code, reason = "the same")]
    signal: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    #[allow(dead_code, reason = "the same")]
    on_progress: Option<IgnoredAny>,
}

impl Options {
    /// The defaults of a weights file.
    fn defaults(header: &Header) -> Self {
        let DetectParams { score, iou, nms, top_k, max, .. } = header.params();
        Self {
            score: Some(score),
            iou: Some(iou),
            nms: Some(nms),
            top_k: Some(top_k),
            max_detections: Some(max as f64),
            classes: None,
            tiles: None,
            signal: None,
            on_progress: None,
        }
    }

    pub fn params(self, header: &Header) -> Result<DetectParams, Failure> {
        let defaults = header.params();
        let class = |label: String| {
            let index = header.labels.iter().position(|known| *known == label);
            index.map(|index| index + 1).ok_or_else(|| {
                let known = header.labels.join(", ");
                Failure::new(Kind::SourceInvalid, format!("These weights have no class {label:?}; they have {known}."))
            })
        };
        let classes = self.classes.map(|labels| labels.into_iter().map(class).collect::<Result<_, _>>()).transpose()?;
        let params = DetectParams {
            score: self.score.unwrap_or(defaults.score),
            iou: self.iou.unwrap_or(defaults.iou),
            nms: self.nms.unwrap_or(defaults.nms),
            top_k: self.top_k.unwrap_or(defaults.top_k),
            // Not a number becomes 0, which is refused.
            max: self.max_detections.map_or(defaults.max, |most| most.clamp(0.0, SLOTS as f64) as usize),
            classes,
        };
        Ok(params.checked(header.classes())?)
    }
}

/// `DetectorInfo`, apart from what only the page knows.
pub fn info(pipeline: &Pipeline, backend: &Backend, recognised: Option<&str>, bytes: usize) -> Value {
    let (header, memory) = (pipeline.header(), pipeline.gpu_memory());
    let mut defaults = json!(Options::defaults(header));
    defaults["max"] = json!(header.max);
    json!({
        "arch": header.arch,
        "labels": header.labels,
        "inputSize": header.input_size,
        "priors": header.priors.len(),
        "backend": backend.name(),
        "adapter": backend.adapter(),
        "precision": memory.map(|(_, precision)| precision.name()),
        "gpuBytes": memory.map(|(bytes, _)| bytes),
        "provenance": header.provenance,
        "software": matches!(backend, Backend::WebGpu(gpu) if gpu.adapter().software),
        "stageTimes": !matches!(backend, Backend::WebGpu(gpu) if !gpu.has_timestamps()),
        "defaults": defaults,
        "recognised": recognised,
        "bytes": bytes,
    })
}

/// `Result` for a picture of `width` x `height` pixels. The whole call took `waited` milliseconds.
pub fn result(outcome: &Outcome, pipeline: &Pipeline, [width, height]: [usize; 2], waited: f64) -> Value {
    let Outcome { detections, readback_bytes, candidates, times } = outcome;
    let labels = &pipeline.header().labels;
    let found = |found: &Detection| {
        let corner_px = found.bbox.scaled(width as f32, height as f32);
        let (x, y) = (corner_px.x1, corner_px.y1);
        json!({
            "label": labels.get(found.class - 1),
            "classIndex": found.class,
            "score": found.score,
            "box": { "x": x, "y": y, "width": corner_px.width(), "height": corner_px.height() },
        })
    };
    // A device without a clock: only the sum is known.
    let unknown = StageTimes { preprocess_ms: 0.0, network_ms: waited, postprocess_ms: 0.0 };
    let StageTimes { preprocess_ms: preprocess, network_ms: network, postprocess_ms: postprocess } =
        times.unwrap_or(unknown);
    let readback = (waited - preprocess - network - postprocess).max(0.0);
    // Wasm returns no memory to the browser, so its pages are what it has taken.
    let wasm_bytes = core::arch::wasm32::memory_size(0) as u64 * 65_536;
    json!({
        "detections": detections.iter().map(found).collect::<Vec<_>>(),
        "width": width,
        "height": height,
        "timing": {
            "preprocess": preprocess,
            "network": network,
            "postprocess": postprocess,
            "readback": readback,
            "total": waited,
        },
        "readbackBytes": readback_bytes,
        "candidates": candidates,
        "memory": { "gpu": pipeline.gpu_memory().map(|(bytes, _)| bytes), "wasm": wasm_bytes },
    })
}

/// `SelfTestReport`.
pub fn self_test(report: &VerifyReport) -> Value {
    let failed = report.failed().len();
    let case = |VerifyCase { name, ok, detail }: &VerifyCase| json!({ "name": name, "ok": ok, "detail": detail });
    let cases: Vec<Value> = report.cases.iter().map(case).collect();
    json!({ "passed": cases.len() - failed, "failed": failed, "cases": cases })
}

/// A value as a plain JS object.
pub fn to_js(value: &Value) -> Result<JsValue, Failure> {
    let plain = Serializer::json_compatible();
    value.serialize(&plain).map_err(|error| {
        Failure::new(Kind::DeviceLost, format!("The result could not be passed to the page: {error}."))
    })
}
