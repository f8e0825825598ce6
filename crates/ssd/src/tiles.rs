//! Tiles: a large picture as overlapping windows, so that small objects are as large as the network knows them.
//!
//! [`windows`] lays them out; each goes through the detector like a picture, and so does the whole picture, where the
//! large objects are found. [`Merge`] joins what was found by one NMS over all windows. An object on a window's edge is
//! seen in part there and as a whole in another window, or in the whole picture: the part gives way to the whole.

use std::str::FromStr;

use crate::boxes::{CornerBox, Detection};
use crate::postprocess::{Candidate, DetectParams, best_first, gather};

/// How far neighbouring windows overlap, as a share of their side: objects up to that size are whole in one of them.
pub const OVERLAP: f64 = 0.25;

/// A picture up to so many inputs of the network large is not divided by [`Tiles::Auto`].
const LEAST: f64 = 1.5;

/// A box that ends so near to an edge inside the picture is cut by it, as a share of the window's side.
const EDGE: f32 = 0.03;

/// A cut box gives way to another box of its class that covers more than this share of it.
const COVERED: f32 = 0.5;

/// Most windows along a side.
pub const MOST: usize = 1000;

/// How a picture is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tiles {
    /// Into windows as large as the network's input, so that nothing is made smaller.
    Auto,
    /// Into so many windows along the longer side; along the other, as many as make them squares.
    Along(usize),
}

/// What is neither `auto` nor a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither auto nor a number from 1 to {MOST}")]
pub struct TilesError(String);

impl FromStr for Tiles {
    type Err = TilesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(count) if (1..=MOST).contains(&count) => Ok(Self::Along(count)),
            _ => Err(TilesError(text.to_owned())),
        }
    }
}

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

/// The windows of a picture of `size_px` (width, height) for a network with that input, row by row. None for a picture
/// that one window would cover: it goes through the detector as a whole anyway.
pub fn windows(size_px: [usize; 2], input_size: usize, tiles: Tiles) -> Vec<Window> {
    let longer = size_px[0].max(size_px[1]);
    let side = match tiles {
        Tiles::Auto if longer as f64 <= LEAST * input_size as f64 => longer,
        Tiles::Auto => input_size,
        // As wide that so many, each but the first without its overlap, are as long as the picture.
        Tiles::Along(count) => (longer as f64 / (1.0 + (count.max(1) - 1) as f64 * (1.0 - OVERLAP))).ceil() as usize,
    };
    if side >= longer || side == 0 {
        return Vec::new();
    }
    let [columns, rows] = size_px.map(|length| spans(length, side));
    let mut windows = Vec::new();
    for &(y, height) in &rows {
        for &(x, width) in &columns {
            windows.push(Window { x, y, width, height });
        }
    }
    windows
}

/// Start and length of the windows along one side of the picture, evenly from end to end.
fn spans(length: usize, side: usize) -> Vec<(usize, usize)> {
    if length <= side {
        return vec![(0, length)];
    }
    let (rest, step) = ((length - side) as f64, (1.0 - OVERLAP) * side as f64);
    // Rounded up, but for the last digits of a division.
    let steps = (rest / step - 1e-9).ceil().max(1.0);
    (0..=steps as usize).map(|index| ((rest * index as f64 / steps).round() as usize, side)).collect()
}

/// Joins the detections of all windows of a picture.
#[derive(Debug, Clone)]
pub struct Merge {
    size_px: [usize; 2],
    /// In fractions of the picture, and whether a window's edge cut them.
    found: Vec<(Detection, bool)>,
}

impl Merge {
    /// For a picture of that width and height, with what was found in the whole of it.
    pub fn new(size_px: [usize; 2], whole: &[Detection]) -> Self {
        Self { size_px, found: whole.iter().map(|detection| (*detection, false)).collect() }
    }

    /// Takes what was found in a window, in fractions of it.
    pub fn add(&mut self, window: &Window, found: &[Detection]) {
        let [width, height] = self.size_px.map(|side| side as f32);
        let inner = [
            window.x > 0,
            window.y > 0,
            window.x + window.width < self.size_px[0],
            window.y + window.height < self.size_px[1],
        ];
        self.found.extend(found.iter().map(|detection| {
            let CornerBox { x1, y1, x2, y2 } = detection.bbox;
            let near = [x1 < EDGE, y1 < EDGE, x2 > 1.0 - EDGE, y2 > 1.0 - EDGE];
            let cut = inner.iter().zip(near).any(|(inner, near)| *inner && near);
            let x = |part: f32| (window.x as f32 + part * window.width as f32) / width;
            let y = |part: f32| (window.y as f32 + part * window.height as f32) / height;
            (Detection { bbox: CornerBox::new(x(x1), y(y1), x(x2), y(y2)), ..*detection }, cut)
        }));
    }

    /// What is in the picture, best first: of boxes of a class that overlap by more than `params.iou` the better one,
    /// and of cut ones those that no other box covers.
    pub fn finish(self, params: &DetectParams) -> Vec<Detection> {
        let boxes: Vec<CornerBox> = self.found.iter().map(|(found, _)| found.bbox).collect();
        let classes = self.found.iter().map(|(found, _)| found.class).max().unwrap_or_default();
        // As candidates by class, whole ones and cut ones apart. Their index decides between equals.
        let mut rows: Vec<[Vec<Candidate>; 2]> = vec![Default::default(); classes];
        for (index, (found, cut)) in self.found.iter().enumerate() {
            rows[found.class - 1][usize::from(*cut)].push(Candidate { score: found.score, prior: index as u32 });
        }
        let kept: Vec<Vec<Candidate>> = rows.into_iter().map(|row| merged(row, &boxes, params)).collect();
        gather(&kept, &boxes, params).iter().map(|gathered| gathered.detection).collect()
    }
}

/// Those of a class that stay: whole ones come first, however good the cut ones are.
fn merged(row: [Vec<Candidate>; 2], boxes: &[CornerBox], params: &DetectParams) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    for (mut candidates, cut) in row.into_iter().zip([false, true]) {
        best_first(&mut candidates);
        for candidate in candidates {
            let bbox = &boxes[candidate.prior as usize];
            let gives_way = |better: &Candidate| {
                let other = &boxes[better.prior as usize];
                other.iou(bbox) > params.iou || (cut && covered(bbox, other) > COVERED)
            };
            if !kept.iter().any(gives_way) {
                kept.push(candidate);
            }
        }
    }
    kept
}

/// The share of a box that another covers; 0 for a box without area.
fn covered(bbox: &CornerBox, other: &CornerBox) -> f32 {
    let area = bbox.area();
    if area > 0.0 { bbox.intersection(other).area() / area } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a detector that makes no mistake finds in a window: the part of each object in it, if it is a third of the
    /// object at least. Parts have the higher scores, so that nothing but the rule on cut boxes speaks for whole ones.
    fn seen(objects_px: &[CornerBox], window: &Window) -> Vec<Detection> {
        let [x, y, w, h] = [window.x, window.y, window.width, window.height].map(|side| side as f32);
        let frame = CornerBox::new(x, y, x + w, y + h);
        let part = |object: &CornerBox| {
            let part = object.intersection(&frame);
            let share = part.area() / object.area();
            let bbox = CornerBox::new((part.x1 - x) / w, (part.y1 - y) / h, (part.x2 - x) / w, (part.y2 - y) / h);
            (share > 0.3).then_some(Detection { bbox, class: 1, score: if share < 0.999 { 0.95 } else { 0.8 } })
        };
        objects_px.iter().filter_map(part).collect()
    }

    /// All that is found in a picture, in pixels; in the whole of it, only what is `visible` pixels large.
    fn found(size_px: [usize; 2], tiles: &[Window], objects_px: &[CornerBox], visible: f32) -> Vec<CornerBox> {
        let large: Vec<CornerBox> = objects_px.iter().copied().filter(|object| object.width() >= visible).collect();
        let all = Window { x: 0, y: 0, width: size_px[0], height: size_px[1] };
        let mut merge = Merge::new(size_px, &seen(&large, &all));
        for window in tiles {
            merge.add(window, &seen(objects_px, window));
        }
        let kept = merge.finish(&DetectParams { max: 512, ..DetectParams::default() });
        kept.iter().map(|detection| detection.bbox.scaled(size_px[0] as f32, size_px[1] as f32)).collect()
    }

    #[test]
    fn windows_cover_every_pixel_and_overlap_by_a_quarter_at_least() {
        for size_px in [[1000, 700], [2000, 301], [451, 451], [3000, 100], [300, 20_000]] {
            let tiles = windows(size_px, 300, Tiles::Auto);
            let ends = |of: fn(&Window) -> (usize, usize)| {
                let mut spans: Vec<(usize, usize)> = tiles.iter().map(of).collect();
                spans.sort_unstable();
                spans.dedup();
                spans
            };
            for (length, spans) in
                size_px.into_iter().zip([ends(|tile| (tile.x, tile.width)), ends(|tile| (tile.y, tile.height))])
            {
                assert_eq!(spans[0].0, 0);
                assert_eq!(spans.last().map(|(start, side)| start + side), Some(length), "{size_px:?}");
                assert!(spans.windows(2).all(|two| two[0].0 + two[0].1 >= two[1].0 + 74), "{size_px:?}: {spans:?}");
            }
            assert!(tiles.iter().all(|tile| tile.width <= 300 && tile.height <= 300), "nothing is made smaller");
        }
    }

    #[test]
    fn small_pictures_stay_whole_and_a_number_is_that_of_windows_along_the_longer_side() {
        assert_eq!(windows([450, 300], 300, Tiles::Auto), []);
        assert_eq!(windows([0, 0], 300, Tiles::Auto), []);
        assert_eq!(windows([900, 900], 300, Tiles::Along(1)), []);
        for count in 2..20 {
            let tiles = windows([1600, 800], 300, Tiles::Along(count));
            assert_eq!(tiles.iter().filter(|tile| tile.y == 0).count(), count);
        }
        assert_eq!("auto".parse(), Ok(Tiles::Auto));
        assert_eq!("4".parse(), Ok(Tiles::Along(4)));
        assert!(["0", "1001", "-1", "Auto", ""].iter().all(|text| text.parse::<Tiles>().is_err()));
    }

    #[test]
    fn an_object_across_any_seam_is_found_once_and_whole() {
        let size_px = [1000, 700];
        let tiles = windows(size_px, 300, Tiles::Auto);
        for size in [20.0, 40.0, 70.0] {
            // Over every edge of every window and in its corners, pixel by pixel.
            let corner = |tile: &Window| {
                let [xs, ys] = [[tile.x, tile.x + tile.width], [tile.y, tile.y + tile.height]];
                xs.into_iter().flat_map(move |x| ys.map(|y| (x as f32, y as f32)))
            };
            for (edge_x, edge_y) in tiles.iter().flat_map(corner) {
                for shift in -90..20 {
                    let (x, y) = (edge_x + shift as f32, edge_y + 0.5 * shift as f32);
                    let object = CornerBox::new(x, y, x + size, y + size);
                    if x < 0.0 || y < 0.0 || object.x2 > 1000.0 || object.y2 > 700.0 {
                        continue;
                    }
                    let found = found(size_px, &tiles, &[object], f32::MAX);
                    assert_eq!(found.len(), 1, "{object:?} is {found:?}");
                    assert!(found[0].iou(&object) > 0.99, "{object:?} is {found:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_larger_than_a_window_is_that_of_the_whole_picture() {
        let size_px = [1000, 700];
        let tiles = windows(size_px, 300, Tiles::Auto);
        let object = CornerBox::new(130.0, 90.0, 640.0, 480.0);
        let found = found(size_px, &tiles, &[object], 200.0);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].iou(&object) > 0.99);
    }

    #[test]
    fn neighbours_stay_two_and_classes_do_not_mix() {
        let size_px = [1000, 700];
        let tiles = windows(size_px, 300, Tiles::Auto);
        let pair = [CornerBox::new(230.0, 90.0, 260.0, 150.0), CornerBox::new(250.0, 90.0, 280.0, 150.0)];
        assert_eq!(found(size_px, &tiles, &pair, f32::MAX).len(), 2);

        let bbox = CornerBox::new(0.1, 0.1, 0.2, 0.2);
        let mut merge = Merge::new(size_px, &[Detection { bbox, class: 1, score: 0.6 }]);
        merge.found.push((Detection { bbox, class: 2, score: 0.9 }, true));
        let classes: Vec<usize> = merge.finish(&DetectParams::default()).iter().map(|found| found.class).collect();
        assert_eq!(classes, [2, 1], "best first");
    }
}
