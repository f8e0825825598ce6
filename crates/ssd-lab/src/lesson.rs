//! `WasmLesson`: a lesson as `web/lab-worker.js` sees it, call by call.

use image::RgbImage;
use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use ssd::weights::Provenance;
use ssd::{CornerBox, GroundTruth};
use ssd_teach::{Exam, Lesson, Role, TeachConfig};
use wasm_bindgen::prelude::*;

use crate::failure::{SOURCE, failure, of_teaching};
use crate::wire::BoxPx;

/// The options of a lesson.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    /// The names of all classes in the pictures.
    labels: Vec<String>,
    keep_classes: bool,
    steps: usize,
    seed: u64,
    /// The name of the file to start from.
    name: Option<String>,
}

/// A named box, in pixels of its picture.
#[derive(Deserialize)]
struct Named {
    label: String,
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

/// `Teaching.measure()`'s answer, as `web/teach.js` explains it.
#[derive(Serialize)]
struct Measured {
    ap50: Option<f64>,
    pictures: usize,
    worst: Vec<usize>,
}

/// What is found in a picture, as `Teaching.detect()` of `web/teach.js` gives it.
#[derive(Serialize)]
struct Found {
    width: usize,
    height: usize,
    detections: Vec<FoundOne>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FoundOne {
    label: String,
    class_index: usize,
    score: f32,
    r#box: BoxPx,
}

/// See [`Lesson`].
#[wasm_bindgen]
pub struct WasmLesson {
    lesson: Lesson,
    /// The names of all classes in the pictures.
    labels: Vec<String>,
    pictures: usize,
    name: Option<String>,
}

fn wrong(error: impl ToString) -> JsValue {
    failure(SOURCE, &format!("the options cannot be used: {}", error.to_string()))
}

#[wasm_bindgen]
impl WasmLesson {
    /// From a weights file.
    #[wasm_bindgen(constructor)]
    pub fn new(file: Vec<u8>, options: JsValue) -> Result<WasmLesson, JsValue> {
        let Options { labels, keep_classes, steps, seed, name } =
            serde_wasm_bindgen::from_value(options).map_err(wrong)?;
        let config = TeachConfig { keep_classes, steps, seed, ..TeachConfig::default() };
        let lesson = Lesson::new(file, &labels, config).map_err(of_teaching)?;
        Ok(Self { lesson, labels, pictures: 0, name })
    }

    /// Opens a picture of `[height, width, 4]` bytes, RGBA as a canvas has them, with an array of
    /// `{ label, x, y, width, height }`. Returns how many views of it there are to look at.
    pub fn open(
        &mut self,
        rgba: &[u8],
        width: u32,
        height: u32,
        boxes: JsValue,
        held_out: bool,
    ) -> Result<usize, JsValue> {
        let boxes: Vec<Named> = serde_wasm_bindgen::from_value(boxes).map_err(wrong)?;
        let rgb = rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        let picture = RgbImage::from_raw(width, height, rgb)
            .filter(|_| width > 0 && height > 0)
            .ok_or_else(|| failure(SOURCE, "the picture does not have the bytes of its size; open it again"))?;
        let truths: Vec<GroundTruth> =
            boxes.iter().filter_map(|named| self.truth(named, width as f32, height as f32)).collect();
        if held_out {
            return Ok(self.lesson.open(picture, &truths, Role::Exam));
        }
        self.pictures += 1;
        Ok(self.lesson.open(picture, &truths, Role::Lesson))
    }

    /// A box as a fraction of its picture; `None` for one of another class, or without an area.
    fn truth(&self, named: &Named, width: f32, height: f32) -> Option<GroundTruth> {
        let class = self.labels.iter().position(|label| *label == named.label)? + 1;
        let corner_px = CornerBox::new(named.x, named.y, named.x + named.width, named.y + named.height);
        let bbox = corner_px.scaled(1.0 / width, 1.0 / height).clipped();
        bbox.is_proper().then_some(GroundTruth { bbox, class, difficult: false })
    }

    /// Looks at the next view. Returns how many are left.
    pub fn look(&mut self) -> Result<usize, JsValue> {
        self.lesson.look().map_err(of_teaching)
    }

    /// Takes a step. Returns its loss.
    pub fn step(&mut self) -> Result<f32, JsValue> {
        self.lesson.step().map(|parts| parts.iter().sum()).map_err(of_teaching)
    }

    /// What the detector as it is now finds in a picture of `[height, width, 4]` bytes, RGBA as a canvas has them.
    pub fn detect(&self, rgba: &[u8], width: usize, height: usize) -> Result<JsValue, JsValue> {
        if width == 0 || height == 0 || rgba.len() != width * height * 4 {
            return Err(failure(SOURCE, "the picture does not have the bytes of its size; open it again"));
        }
        let found = self.lesson.detect(rgba, width, height).map_err(of_teaching)?;
        let detections = found.into_iter().map(|(label, one)| FoundOne {
            label,
            class_index: one.class,
            score: one.score,
            r#box: BoxPx::of(&one.bbox, [width, height]),
        });
        let found = Found { width, height, detections: detections.collect() };
        serde_wasm_bindgen::to_value(&found).map_err(wrong)
    }

    /// The weights file as it is now.
    pub fn file(&self) -> Result<Uint8Array, JsValue> {
        let provenance = Provenance {
            data: format!("{} pictures in a web page", self.pictures),
            source_file: self.name.clone(),
            command: "taught in a web page".into(),
            device: "CPU (WebAssembly)".into(),
            ..Provenance::default()
        };
        let bytes = self.lesson.file(provenance).map_err(of_teaching)?;
        Ok(Uint8Array::from(bytes.as_slice()))
    }

    /// Measures on the held-out pictures.
    pub fn measure(&self) -> Result<JsValue, JsValue> {
        let Exam { report, worst } = self.lesson.exam();
        let measured = Measured { ap50: report.voc_all_point, pictures: report.images, worst };
        serde_wasm_bindgen::to_value(&measured).map_err(wrong)
    }
}
