//! A recorded layout: the tensors of its file by rule, and the outputs of the real network with them.
//!
//! `tests/fixtures/checkpoints/make.py` wrote them; `weights.py` and `picture.py` there define the rules.

use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;
use ssd_import::TensorFile;

use crate::{drawn, workspace_root};

/// What was recorded of one layout.
pub struct Fixture {
    /// The layout's, and its files'.
    pub name: String,
    facts: Value,
    rows: Vec<u8>,
}

/// A detection in pixels of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// 1-based; 0 is background.
    pub class: usize,
    /// 0 to 1.
    pub score: f32,
    /// Left, upper, right and lower edge.
    pub corners_px: [f32; 4],
}

/// What was detected in one picture.
pub struct Recorded {
    /// `synthetic`, or a photograph's.
    pub name: String,
    /// The least score of a detection.
    pub score: f32,
    /// The IoU from which NMS drops the lower of two boxes.
    pub iou: f32,
    /// Candidates of a class before NMS.
    pub top_k: usize,
    /// Detections of a picture.
    pub max: usize,
    /// What its own project detected.
    pub detections: Vec<Found>,
}

impl Recorded {
    /// Whether its picture is the one by rule.
    pub fn is_synthetic(&self) -> bool {
        self.name == "synthetic"
    }
}

impl Fixture {
    /// The fixtures are part of the repository: a missing one fails the test.
    pub fn open(name: &str) -> Self {
        let folder = workspace_root().join("tests/fixtures/checkpoints");
        let read = |path: &Path| {
            std::fs::read(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
        };
        let facts = serde_json::from_slice(&read(&folder.join(format!("{name}.json")))).expect("a fixture is JSON");
        Self { name: name.to_owned(), facts, rows: read(&folder.join(format!("{name}.safetensors"))) }
    }

    /// A recorded fact by its JSON pointer; a missing one fails the test.
    pub fn fact(&self, path: &str) -> &Value {
        self.facts.pointer(path).unwrap_or_else(|| panic!("{} lacks {path}", self.name))
    }

    /// A checkpoint in this layout, with `prefix` before every name, opened.
    pub fn checkpoint(&self, prefix: &str) -> TensorFile {
        TensorFile::open(Box::new(self.bytes(prefix, |_| true))).expect("the file is whole")
    }

    /// The same as a safetensors file, with the `wanted` tensors only.
    pub fn bytes(&self, prefix: &str, wanted: impl Fn(&str) -> bool) -> Vec<u8> {
        let lines = self.fact("/tensors").as_array().expect("a list of tensors");
        let tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> =
            lines.iter().map(|line| tensor(line, prefix)).collect();
        let views = tensors.iter().filter(|(name, ..)| wanted(name)).map(|(name, dtype, shape, bytes)| {
            (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).expect("as many bytes as the shape has"))
        });
        safetensors::serialize(views, None).expect("tensors are a file")
    }

    /// Recorded rows of an output: their indices and their values.
    pub fn rows(&self, output: &str) -> (Vec<usize>, Vec<f32>) {
        let file = SafeTensors::deserialize(&self.rows).expect("a fixture is safetensors");
        let view = |name: &str| file.tensor(name).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let (rows, values) = (view("rows"), view(output));
        let rows = rows.data().as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as usize).collect();
        (rows, values.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// What was detected in each picture.
    pub fn pictures(&self) -> Vec<Recorded> {
        let number = |value: &Value| value.as_f64().expect("a number") as f32;
        let found = |row: &Value| Found {
            class: row[0].as_u64().expect("a class") as usize,
            score: number(&row[1]),
            corners_px: [2, 3, 4, 5].map(|i| number(&row[i])),
        };
        let recorded = |picture: &Value| Recorded {
            name: picture["name"].as_str().expect("a name").to_owned(),
            score: number(&picture["score"]),
            iou: number(&picture["iou"]),
            top_k: picture["top_k"].as_u64().expect("a count") as usize,
            max: picture["max"].as_u64().expect("a count") as usize,
            detections: picture["detections"].as_array().expect("a list").iter().map(found).collect(),
        };
        self.fact("/pictures").as_array().expect("a list").iter().map(recorded).collect()
    }
}

/// One line of the table: `[name, dtype, shape, lo, hi]`, then what is added to some of the numbers.
fn tensor(line: &Value, prefix: &str) -> (String, Dtype, Vec<usize>, Vec<u8>) {
    let name = line[0].as_str().expect("a name");
    let shape: Vec<usize> =
        line[2].as_array().expect("a shape").iter().map(|size| size.as_u64().expect("a size") as usize).collect();
    let count = shape.iter().product::<usize>();
    let full = format!("{prefix}{name}");
    if line[1] == "I64" {
        let value = line[3].as_i64().expect("a whole number");
        return (full, Dtype::I64, shape, value.to_le_bytes().repeat(count));
    }
    let Some((lo, hi)) = line[3].as_f64().zip(line[4].as_f64()) else {
        return (full, Dtype::F32, shape, f32::NAN.to_le_bytes().repeat(count));
    };
    let mut numbers: Vec<f64> = (0..count as u64).map(|i| lo + drawn(name, i) * (hi - lo)).collect();
    if let (Some(start), Some(step), Some(count), Some(add)) =
        (line[5].as_u64(), line[6].as_u64(), line[7].as_u64(), line[8].as_f64())
    {
        (0..count).for_each(|i| numbers[(start + i * step) as usize] += add);
    }
    (full, Dtype::F32, shape, numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect())
}

/// Sides of the picture by rule.
pub const SYNTHETIC: (usize, usize) = (400, 300);

/// The picture by rule, RGBA.
pub fn synthetic() -> Vec<u8> {
    const DISCS: [(i32, i32, i32); 6] =
        [(90, 80, 60), (280, 110, 85), (180, 220, 50), (340, 250, 35), (60, 240, 25), (200, 150, 120)];
    let value = |x: u32, y: u32, c: u32| {
        let tile = hashed(x / 50, y / 50, c) & 255;
        let wave = ((x * (c + 2) + y * (4 - c)) % 128).abs_diff(64);
        let value = tile * 176 / 255 + wave + (hashed(x, y, c + 3) & 15);
        let inside = |(cx, cy, r): &&(i32, i32, i32)| (x as i32 - cx).pow(2) + (y as i32 - cy).pow(2) < r * r;
        let turned = DISCS.iter().filter(inside).count() % 2 == 1;
        if turned { 255 - value as u8 } else { value as u8 }
    };
    let (width, height) = (SYNTHETIC.0 as u32, SYNTHETIC.1 as u32);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    pixels.flat_map(|(x, y)| [value(x, y, 0), value(x, y, 1), value(x, y, 2), 255]).collect()
}

fn hashed(a: u32, b: u32, c: u32) -> u32 {
    let parts = [(a, 374_761_393), (b, 668_265_263), (c, 2_246_822_519)];
    let h = parts.iter().fold(0u32, |sum, (number, factor)| sum.wrapping_add(number.wrapping_mul(*factor)));
    let h = (h ^ (h >> 13)).wrapping_mul(1_274_126_177);
    h ^ (h >> 16)
}
