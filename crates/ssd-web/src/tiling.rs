//! Large pictures in windows: where they are, and what was found in all of them as one list. `web/tiles.js` cuts them
//! out and sends each through the detector like a picture.

use ssd::Detection;
use ssd::boxes::CornerBox;
use ssd::tiles::{Merge, Tiles, TilesError, Window, windows};
use ssd_gpu::frames::StageTimes;
use ssd_gpu::pipeline::Outcome;
use wasm_bindgen::prelude::*;

use crate::door::{WasmDetector, pixels};
use crate::failure::{Failure, Kind};
use crate::wire::{self, Options, from_js, to_js};

#[wasm_bindgen]
impl WasmDetector {
    /// The windows of a picture of `size` pixels, width and height: x, y, width and height of each. None for a picture
    /// that stays whole.
    pub fn windows(&self, size: &[u32], tiles: &str) -> Result<Vec<u32>, JsValue> {
        let tiles =
            tiles.parse::<Tiles>().map_err(|error: TilesError| Failure::new(Kind::SourceInvalid, error.to_string()))?;
        let windows = windows(pixels(size)?, self.pipeline.header().input_size, tiles);
        let mut sides = Vec::new();
        for Window { x, y, width, height } in windows {
            sides.extend_from_slice(&[x, y, width, height].map(|side| side as u32));
        }
        Ok(sides)
    }

    /// Joins what was found in a picture of `size` pixels and in its `windows`. Each detection is seven numbers: the
    /// index of its window, or a larger number for the whole picture; class and score; x, y, width and height of its
    /// box as fractions of the window. Those of a window come one after the other.
    pub fn join(&self, found: &[f32], windows: &[u32], size: &[u32], options: JsValue) -> Result<JsValue, JsValue> {
        let size_px = pixels(size)?;
        let params = from_js::<Options>(&options)?.params(self.pipeline.header())?;
        let windows: Vec<Window> = windows.as_chunks().0.iter().map(window).collect();
        let found = || found.as_chunks().0.iter().map(detection).filter(|(_, found)| found.class > 0);
        let whole: Vec<Detection> = found().filter(|(at, _)| *at >= windows.len()).map(|(_, found)| found).collect();
        let mut merge = Merge::new(size_px, &whole);
        for (at, found) in found() {
            if let Some(window) = windows.get(at) {
                merge.add(window, &[found]);
            }
        }
        let times = Some(StageTimes::default());
        let outcome = Outcome { detections: merge.finish(&params), candidates: None, readback_bytes: 0, times };
        Ok(to_js(&wire::result(&outcome, &self.pipeline, size_px, 0.0))?)
    }
}

fn window(sides: &[u32; 4]) -> Window {
    let [x, y, width, height] = sides.map(|side| side as usize);
    Window { x, y, width, height }
}

fn detection(row: &[f32; 7]) -> (usize, Detection) {
    let &[at, class, score, x, y, width, height] = row;
    (at as usize, Detection { bbox: CornerBox::new(x, y, x + width, y + height), class: class as usize, score })
}
