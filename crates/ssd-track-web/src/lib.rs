//! The door between `web/tracker.js` and `ssd_track`: rows of numbers in and out, so that the module stays small
//! enough to load when somebody turns tracks on, on the page's own thread.
//!
//! A row is a run of numbers; each function says what of. Boxes are `x, y, width, height` in pixels.
#![cfg(target_arch = "wasm32")]

use std::collections::BTreeMap;

use ssd_track::{Counter, Detection, Point, Rect, Rules, Shape, TrackError, Tracker};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// A tracker and what it counts.
#[wasm_bindgen]
pub struct WasmTracker {
    tracker: Tracker,
    counters: BTreeMap<u32, Counter>,
    next: u32,
}

#[wasm_bindgen]
impl WasmTracker {
    /// A tracker by the default rules that has seen nothing.
    ///
    /// # Errors
    /// Never: the defaults are in their ranges.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Result<Self, JsError> {
        let tracker = Tracker::new(Rules::default()).map_err(|error| refused(&error))?;
        Ok(Self { tracker, counters: BTreeMap::new(), next: 0 })
    }

    /// Sets a rule, from the next frame on.
    ///
    /// # Errors
    /// If there is no such rule, or the value is out of its range.
    pub fn rule(&mut self, name: &str, value: f64) -> Result<(), JsError> {
        let mut rules = *self.tracker.rules();
        rules.set(name, value).and_then(|()| self.tracker.set_rules(rules)).map_err(|error| refused(&error))
    }

    /// Takes rows `class, score, x, y, width, height` of a frame at that time in seconds. Returns a row for each track
    /// that is seen in it: `number, index of its detection, 1 if it is confirmed, x, y, width, height`.
    ///
    /// # Errors
    /// If the time is before that of the last frame.
    pub fn update(&mut self, rows: &[f64], time: f64) -> Result<Vec<f64>, JsError> {
        let (rows, _) = rows.as_chunks::<6>();
        let found = rows.iter().map(|&[class, score, x, y, width, height]| Detection {
            bbox: Rect::new(x, y, x + width, y + height),
            class: class as usize,
            score,
        });
        self.tracker.update(&found.collect::<Vec<_>>(), time).map_err(|error| refused(&error))?;
        for counter in self.counters.values_mut() {
            counter.follow(&self.tracker);
        }
        let mut seen = Vec::new();
        for track in self.tracker.tracks() {
            if let Some(index) = track.detection() {
                let confirmed = f64::from(track.is_confirmed());
                seen.extend([track.number() as f64, index as f64, confirmed]);
                seen.extend(sides(track.bbox()));
            }
        }
        Ok(seen)
    }

    /// Rows `number, x, y, width, height`: the confirmed tracks of the last frame, where they should be at that time.
    pub fn at(&self, time: f64) -> Vec<f64> {
        let rows = self.tracker.at(time);
        rows.flat_map(|(track, bbox)| [track.number() as f64].into_iter().chain(sides(bbox))).collect()
    }

    /// Rows `x, y`: where a track has been, oldest first.
    pub fn trail(&self, number: f64) -> Vec<f64> {
        let track = self.tracker.tracks().iter().find(|track| track.number() as f64 == number);
        track.into_iter().flat_map(|track| track.trail()).flat_map(|Point { x, y }| [x, y]).collect()
    }

    /// Rows `class, how many are seen now, how many there were`.
    pub fn counts(&self) -> Vec<f64> {
        let counts = self.tracker.counts();
        counts.into_iter().flat_map(|(class, count)| [class as f64, count.now as f64, count.total as f64]).collect()
    }

    /// The score from which detections are of use.
    pub fn least_score(&self) -> f64 {
        let Rules { strong, weak, .. } = *self.tracker.rules();
        weak.min(strong)
    }

    /// Counts at a line of two points, or at a region of more: rows `x, y`. Returns what to ask for.
    ///
    /// # Errors
    /// If these points are no line and no region.
    pub fn count(&mut self, points: &[f64]) -> Result<u32, JsError> {
        let (points, _) = points.as_chunks::<2>();
        let points: Vec<Point> = points.iter().map(|&[x, y]| Point { x, y }).collect();
        let shape = match points.as_slice() {
            [from, to] => Shape::Line([*from, *to]),
            _ => Shape::Region(points),
        };
        let counter = Counter::new(shape).map_err(|error| refused(&error))?;
        self.next += 1;
        self.counters.insert(self.next, counter);
        Ok(self.next)
    }

    /// Ends that count.
    pub fn forget(&mut self, counter: u32) {
        self.counters.remove(&counter);
    }

    /// Rows `class, how many passed forward, how many back`.
    pub fn passed(&self, counter: u32) -> Vec<f64> {
        let passed = self.counters.get(&counter).into_iter().flat_map(Counter::passed);
        passed.flat_map(|(&class, passed)| [class as f64, passed.forward as f64, passed.back as f64]).collect()
    }
}

fn sides(bbox: Rect) -> [f64; 4] {
    [bbox.x1, bbox.y1, bbox.width(), bbox.height()]
}

/// The error as a sentence.
fn refused(error: &TrackError) -> JsError {
    let text = error.to_string();
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    JsError::new(&(first.to_uppercase() + rest))
}
