//! What both doors send to the page.

use serde::Serialize;
use ssd::CornerBox;

/// A box in pixels of its picture.
#[derive(Serialize)]
pub struct BoxPx {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

impl BoxPx {
    /// Of a box as a fraction of a picture of that width and height.
    pub fn of(bbox: &CornerBox, size: [usize; 2]) -> Self {
        let [width, height] = size.map(|side| side as f32);
        let corner_px = bbox.scaled(width, height);
        Self { x: corner_px.x1, y: corner_px.y1, width: corner_px.width(), height: corner_px.height() }
    }
}
