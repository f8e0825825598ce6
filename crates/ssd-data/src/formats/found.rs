//! What a format's file says of one picture ([`Written`]), what becomes of it on the picture ([`Read`]), and whether
//! boxes fit. [`crate::pictures`] takes the results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ssd::CornerBox;

use super::ids::Id;
use super::sizes::{self, Turn};
use crate::boxes_px::XywhPx;
use crate::images;
use crate::report::{Reason, Skipped};

/// What a file says of one picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Written {
    /// The size that it gives, where it is one.
    pub size: Option<(f64, f64)>,
    /// Its objects, each with its own number, if it has one; or why one cannot be used.
    pub objects: Vec<(Option<Id>, Result<WrittenObject, Unusable>)>,
}

/// Why an object cannot be used.
pub(crate) type Unusable = (Reason, String);

/// An object as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WrittenObject {
    pub class: Arc<str>,
    pub edges: Edges,
    /// In square pixels, where it is not the box's.
    pub area_px: Option<f64>,
    pub difficult: bool,
    pub crowd: bool,
}

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Edges {
    /// In pixels; clipped to the picture.
    Px(XywhPx),
    /// In pixels, measured as written even beyond the picture, as COCO does.
    AsWritten(XywhPx),
    /// Left, upper, right and lower edge as fractions of the picture.
    Fractions([f64; 4]),
}

/// What a reader found in one folder.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The pictures of the split.
    pub reads: Vec<Read>,
    /// The classes in the data's own order, if it has one.
    pub names: Option<Vec<String>>,
    /// COCO's ids of the classes.
    pub category_ids: BTreeMap<String, Id>,
    /// Notes for the report, a sentence each.
    pub notes: Vec<String>,
    /// Whatever is left out that belongs to no picture.
    pub skipped: Vec<Skipped>,
}

/// The outcome for one picture of a split.
#[derive(Debug)]
pub(crate) struct Read {
    /// Its name in messages.
    pub name: String,
    /// The file with its annotation.
    pub annotation: PathBuf,
    /// The picture and its objects, or why it is left out.
    pub outcome: Result<Picture, Skipped>,
    /// Objects left out.
    pub rejected: Vec<Skipped>,
}

/// A picture that can be used.
#[derive(Debug)]
pub(crate) struct Picture {
    pub path: PathBuf,
    /// Of the picture that boxes refer to.
    pub size_px: (u32, u32),
    pub turn: Turn,
    /// Whether a little of it is missing at the end.
    pub cut_off: bool,
    pub objects: Vec<Object>,
    /// Its id in COCO.
    pub coco_id: Option<Id>,
}

/// An object whose class has a name but no number yet. Its box has an area within the picture ([`placed`]).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub class: Arc<str>,
    pub bbox_px: XywhPx,
    pub area_px: f64,
    pub difficult: bool,
    pub crowd: bool,
}

impl Object {
    /// Whether both are one: a line that is there twice.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.class, self.bbox_px, self.crowd) == (&other.class, other.bbox_px, other.crowd)
    }
}

/// Puts what is written of a picture onto it.
pub(crate) fn read(name: String, path: &Path, annotation: &Path, written: Written) -> Read {
    let mut rejected = Vec::new();
    let boxes = written.objects.len();
    let skipped = |reason, why| Skipped { boxes, ..Skipped::new(path, reason, why) };
    let header = images::header(path).map_err(|why| skipped(Reason::UnreadablePicture, why));
    let frame = header.and_then(|header| match sizes::frame(&header, written.size) {
        Ok((size_px, turn)) => Ok((size_px, turn, header.cut_off)),
        Err(why) => Err(skipped(Reason::OtherSize, why)),
    });
    let outcome = frame.map(|(size_px, turn, cut_off)| {
        let mut objects: Vec<Object> = Vec::with_capacity(boxes);
        for ((id, object), place) in written.objects.into_iter().zip(1..) {
            let object = object.and_then(|object| on_picture(object, size_px)).and_then(|object| {
                let twin = objects.iter().any(|other| object.is_same(other));
                if twin {
                    Err((Reason::RepeatedBox, format!("the same {} is there already", object.class)))
                } else {
                    Ok(object)
                }
            });
            match object {
                Ok(object) => objects.push(object),
                Err((reason, why)) => {
                    let what = id.map_or(format!("object {place}"), |id| format!("annotation {id} of {name}"));
                    rejected.push(Skipped::new(annotation, reason, format!("{what}: {why}")));
                }
            }
        }
        Picture { path: path.into(), size_px, turn, cut_off, objects, coco_id: None }
    });
    Read { name, annotation: annotation.into(), outcome, rejected }
}

/// An object in pixels of its picture, or why it cannot be used.
fn on_picture(object: WrittenObject, size_px: (u32, u32)) -> Result<Object, (Reason, String)> {
    let WrittenObject { class, edges, area_px, difficult, crowd } = object;
    let (width, height) = (f64::from(size_px.0), f64::from(size_px.1));
    let bbox_px = match edges {
        Edges::Px(bbox_px) => placed(&class, bbox_px, size_px)?,
        Edges::AsWritten(bbox_px) => placed(&class, bbox_px, size_px).map(|_| bbox_px)?,
        Edges::Fractions([x1, y1, x2, y2]) => {
            let bbox_px = XywhPx { x: x1 * width, y: y1 * height, w: (x2 - x1) * width, h: (y2 - y1) * height };
            placed(&class, bbox_px, size_px)?
        }
    };
    let area_px = area_px.filter(|area| area.is_finite() && *area >= 0.0).unwrap_or_else(|| bbox_px.area());
    Ok(Object { class, bbox_px, area_px, difficult, crowd })
}

/// The part of a box within its picture, both in pixels; identical to the bit if all of it is.
///
/// # Errors
/// Why the box cannot be used: it has no area, or none within the picture.
pub(crate) fn placed(class: &str, bbox_px: XywhPx, size_px: (u32, u32)) -> Result<XywhPx, (Reason, String)> {
    let XywhPx { x, y, w, h } = bbox_px;
    let words = || format!("the box of {class} at ({x}, {y}) of {w} x {h} pixels");
    let finite = [x, y, w, h, x + w, y + h, w * h].iter().all(|value| value.is_finite());
    if !(finite && w > 0.0 && h > 0.0) {
        return Err((Reason::NoArea, format!("{} has no width or no height", words())));
    }
    let (width, height) = (f64::from(size_px.0), f64::from(size_px.1));
    let (x1, y1, x2, y2) = (x.max(0.0), y.max(0.0), (x + w).min(width), (y + h).min(height));
    if x1 >= x2 || y1 >= y2 {
        return Err((
            Reason::OutsidePicture,
            format!("{} lies outside the picture of {width} x {height} pixels", words()),
        ));
    }
    let inside = x >= 0.0 && y >= 0.0 && x + w <= width && y + h <= height;
    let clipped = if inside { bbox_px } else { XywhPx { x: x1, y: y1, w: x2 - x1, h: y2 - y1 } };
    // Learning takes fractions in f32, in which a box of a thousandth of a pixel would vanish.
    if !fraction(&clipped, size_px).is_proper() {
        return Err((Reason::NoArea, format!("{} has almost no width or height", words())));
    }
    Ok(clipped)
}

/// A box in pixels as fractions of its picture.
pub(crate) fn fraction(bbox_px: &XywhPx, (width, height): (u32, u32)) -> CornerBox {
    let XywhPx { x, y, w, h } = *bbox_px;
    let (width, height) = (f64::from(width), f64::from(height));
    let [x1, y1, x2, y2] = [x / width, y / height, (x + w) / width, (y + h) / height].map(|edge| edge as f32);
    CornerBox::new(x1, y1, x2, y2).clipped()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (200, 100);

    fn xywh(x: f64, y: f64, w: f64, h: f64) -> XywhPx {
        XywhPx { x, y, w, h }
    }

    #[test]
    fn a_box_inside_is_unchanged_and_one_that_extends_beyond_is_clipped() {
        let inside = xywh(0.1, 0.2, 199.9, 99.8);
        assert_eq!(placed("cat", inside, SIZE), Ok(inside));
        assert_eq!(placed("cat", xywh(-10.0, 50.0, 30.0, 80.0), SIZE), Ok(xywh(0.0, 50.0, 20.0, 50.0)));
    }

    #[test]
    fn a_box_without_area_in_its_picture_has_a_reason() {
        let reason = |bbox| placed("cat", bbox, SIZE).map_err(|(reason, _)| reason);
        for bbox in [
            xywh(1.0, 1.0, 0.0, 5.0),
            xywh(1.0, 1.0, -4.0, 5.0),
            xywh(f64::NAN, 1.0, 2.0, 2.0),
            xywh(1.0, 1.0, f64::INFINITY, 2.0),
            xywh(1.0, 1.0, 1e200, 1e200),
            xywh(100.0, 1.0, 1e-12, 2.0),
        ] {
            assert_eq!(reason(bbox), Err(Reason::NoArea), "{bbox:?}");
        }
        for bbox in [xywh(200.0, 1.0, 5.0, 5.0), xywh(1.0, -9.0, 5.0, 9.0), xywh(1e9, 1.0, 5.0, 5.0)] {
            assert_eq!(reason(bbox), Err(Reason::OutsidePicture), "{bbox:?}");
        }
    }
}
