//! `WasmSight`: what a network sees in a picture, as `web/seeing-panel.js` reads it.

use burn::tensor::Device;
use serde::Serialize;
use ssd::boxes::CornerBox;
use ssd::cpu_network::CpuNetwork;
use ssd::postprocess::DetectParams;
use ssd::postprocess::explain::{Explained, MapView, Place, Rival, explain};
use ssd::preprocess::preprocess_rgba;
use ssd::weights::{self, Header};
use wasm_bindgen::prelude::*;

use crate::failure::{SOURCE, WEIGHTS, failure};
use crate::wire::BoxPx;

/// A network and the picture that it looked at last.
#[wasm_bindgen]
pub struct WasmSight {
    header: Header,
    network: CpuNetwork,
    seen: Option<Seen>,
}

/// Predictions, `[P, 4]` and `[P, C]`, and the picture's width and height.
struct Seen {
    offsets: Vec<f32>,
    logits: Vec<f32>,
    size: [usize; 2],
}

#[wasm_bindgen]
impl WasmSight {
    /// From a weights file.
    #[wasm_bindgen(constructor)]
    pub fn new(file: Vec<u8>) -> Result<WasmSight, JsValue> {
        let (header, model) =
            weights::load(file, &Device::flex()).map_err(|error| failure(WEIGHTS, &error.to_string()))?;
        let network = CpuNetwork::new(&model).map_err(|error| failure(WEIGHTS, &error.to_string()))?;
        Ok(Self { header, network, seen: None })
    }

    /// Looks at a picture of `[height, width, 4]` bytes, RGBA as a canvas has them.
    pub fn look(&mut self, rgba: &[u8], width: usize, height: usize) -> Result<(), JsValue> {
        if width == 0 || height == 0 || rgba.len() != width * height * 4 {
            return Err(failure(SOURCE, "the picture does not have the bytes of its size; open it again"));
        }
        let spec = self.header.preprocess();
        let pixels = preprocess_rgba(rgba, width, height, &spec);
        let found = self.network.forward(&pixels, 1, spec.input_size);
        let mut found = found.map_err(|error| failure(WEIGHTS, &error.to_string()))?;
        self.seen = found.offsets.pop().zip(found.logits.pop()).map(|(offsets, logits)| Seen {
            offsets,
            logits,
            size: [width, height],
        });
        Ok(())
    }

    /// How the detections in that picture come about, with `params` as [`DetectParams`].
    pub fn explain(&self, params: JsValue) -> Result<JsValue, JsValue> {
        let params: DetectParams = serde_wasm_bindgen::from_value(params)
            .map_err(|error| failure(SOURCE, &format!("the options cannot be used: {error}")))?;
        let params = params.checked(self.header.classes()).map_err(|error| failure(SOURCE, &error.to_string()))?;
        let Some(Seen { offsets, logits, size }) = &self.seen else {
            return Err(failure(SOURCE, "there is no picture to explain; open one"));
        };
        let explanation = explain(offsets, logits, &self.header.priors, self.header.score_activation, &params);
        let wire = Wire { labels: &self.header.labels, size: *size };
        let answer = Answer {
            width: size[0],
            height: size[1],
            detections: explanation.detections.iter().map(|found| wire.detection(found)).collect(),
            maps: explanation.maps.iter().map(|map| wire.map(map)).collect(),
        };
        serde_wasm_bindgen::to_value(&answer).map_err(|error| failure(SOURCE, &error.to_string()))
    }
}

/// An explanation as a plain object.
#[derive(Serialize)]
struct Answer<'a> {
    width: usize,
    height: usize,
    detections: Vec<DetectionOut<'a>>,
    maps: Vec<MapOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DetectionOut<'a> {
    label: &'a str,
    class_index: usize,
    score: f32,
    r#box: BoxPx,
    place: Place,
    offsets: [f32; 4],
    path: Vec<BoxPx>,
    removed: usize,
    rivals: Vec<RivalOut>,
}

#[derive(Serialize)]
struct RivalOut {
    r#box: BoxPx,
    score: f32,
    iou: f32,
    place: Place,
}

/// `labels` has the class of each cell's best score; empty where there is none.
#[derive(Serialize)]
struct MapOut<'a> {
    grid: usize,
    boxes: usize,
    scores: &'a [f32],
    labels: Vec<&'a str>,
    priors: Vec<BoxPx>,
}

/// What the objects for JS are made with.
struct Wire<'a> {
    labels: &'a [String],
    /// The picture's width and height.
    size: [usize; 2],
}

impl<'a> Wire<'a> {
    fn label(&self, class: usize) -> &'a str {
        class.checked_sub(1).and_then(|row| self.labels.get(row)).map_or("", String::as_str)
    }

    fn bbox(&self, bbox: &CornerBox) -> BoxPx {
        BoxPx::of(bbox, self.size)
    }

    fn rival(&self, rival: &Rival) -> RivalOut {
        let Rival { bbox, score, iou, place } = rival;
        RivalOut { r#box: self.bbox(bbox), score: *score, iou: *iou, place: *place }
    }

    fn detection(&self, found: &Explained) -> DetectionOut<'a> {
        DetectionOut {
            label: self.label(found.detection.class),
            class_index: found.detection.class,
            score: found.detection.score,
            r#box: self.bbox(&found.detection.bbox),
            place: found.place,
            offsets: found.offsets,
            path: found.path.iter().map(|step| self.bbox(step)).collect(),
            removed: found.removed,
            rivals: found.rivals.iter().map(|rival| self.rival(rival)).collect(),
        }
    }

    fn map<'m>(&self, map: &'m MapView) -> MapOut<'m>
    where
        'a: 'm,
    {
        MapOut {
            grid: map.grid,
            boxes: map.boxes,
            scores: &map.scores,
            labels: map.classes.iter().map(|&class| self.label(class)).collect(),
            priors: map.priors.iter().map(|prior| self.bbox(prior)).collect(),
        }
    }
}
