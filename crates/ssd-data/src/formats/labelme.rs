//! labelme: a JSON for each picture, beside it or in a folder of its own, as X-AnyLabeling writes it, too.
//!
//! Points are pixels, counted from the edge. Of an outline, the bounding box is taken. A picture without a JSON is left
//! out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Deserialize;

use super::folder::{Folder, Lone, Reader};
use super::found::{Edges, Unusable, Written, WrittenObject};
use super::spec::{FormatSpec, Set};
use super::tree::{self, Ends, Tree};
use super::values::Scalar;
use super::{coco_json, sizes};
use crate::boxes_px::XywhPx;
use crate::error::DataError;
use crate::report::Reason;

/// Larger files are refused; one may hold its picture.
const MAX_BYTES: u64 = 256 << 20;

/// Bytes read at each end of a JSON to tell whether it is labelme's.
const LOOKED_AT: u64 = 4 << 10;

/// labelme, as a row of the table of formats.
pub(super) static FORMAT: FormatSpec = FormatSpec {
    name: "labelme",
    looked_for: "a JSON with shapes and the name of a picture (labelme)",
    // Such files alone, without their pictures, may be another program's.
    recognise: |tree| Ok(set(tree).into_iter().filter(|set| set.annotated > 0).collect()),
    named: |path| {
        let set = if path.is_dir() { set(&Tree::of(path)?) } else { None };
        let why = "give the folder that holds pictures and a .json of labelme for each";
        let other = || DataError::OtherLayout { path: path.into(), format: "labelme", why: why.into() };
        Ok(vec![set.ok_or_else(other)?])
    },
};

/// The set in a tree; `None` without any annotation.
fn set(tree: &Tree) -> Option<Set> {
    let all: Vec<&PathBuf> = tree.ending(&["json"]).collect();
    let annotations: Vec<PathBuf> = all.into_par_iter().filter(|file| looks_like(file)).cloned().collect();
    if annotations.is_empty() {
        return None;
    }
    let lone = |file: &Path| Lone::Annotation(picture(file));
    let folder = Folder::new(tree, &annotations, lone, |_| false);
    let annotated = folder.annotated();
    let reader: Reader = Arc::new(read);
    let splits = folder.splits();
    (!folder.entries.is_empty()).then(|| Set {
        annotated,
        splits,
        open: Box::new(move |take| Ok(vec![folder.read(take, true, &reader)])),
    })
}

/// Whether a file has labelme's list of shapes and the name or size of its picture.
fn looks_like(path: &Path) -> bool {
    let ends = Ends::of(path, LOOKED_AT);
    let has = |key: &str| ends.have(key);
    has("\"shapes\"") && (has("\"imagePath\"") || has("\"imageHeight\"") || has("\"shape_type\""))
}

/// A file, without the picture in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    /// Null for what is no shape.
    shapes: Vec<Option<Shape>>,
    #[serde(default)]
    image_path: Scalar,
    #[serde(default)]
    image_width: Scalar,
    #[serde(default)]
    image_height: Scalar,
}

#[derive(Deserialize)]
struct Shape {
    #[serde(default)]
    label: Scalar,
    points: Option<Vec<Scalar>>,
    /// Old files have none: all shapes are outlines.
    #[serde(default)]
    shape_type: Scalar,
    #[serde(default)]
    difficult: Scalar,
}

fn parse(text: &str) -> Result<File, String> {
    coco_json::parse(text.as_bytes()).map_err(|error| format!("it is not a file of labelme ({error})"))
}

/// The name of its picture that a file gives.
fn picture(path: &Path) -> Option<String> {
    parse(&tree::read_text(path, MAX_BYTES).ok()?).ok()?.image_path.text()
}

/// Reads a file. The error is a clause about it.
fn read(path: &Path) -> Result<Written, String> {
    written(&tree::read_text(path, MAX_BYTES)?)
}

/// What a text says of its picture.
pub(super) fn written(text: &str) -> Result<Written, String> {
    let File { shapes, image_width, image_height, .. } = parse(text)?;
    let size = sizes::known(image_width.number(), image_height.number());
    Ok(Written { size, objects: shapes.into_iter().flatten().map(|shape| (None, shape.object())).collect() })
}

impl Shape {
    /// The object, or why it cannot be used.
    fn object(self) -> Result<WrittenObject, Unusable> {
        let class = self.label.text().ok_or((Reason::UnknownClass, "it has no label".into()))?;
        let point = |point: &Scalar| match point.numbers()[..] {
            [x, y, ..] if x.is_finite() && y.is_finite() => Some([x, y]),
            _ => None,
        };
        let points: Option<Vec<[f64; 2]>> = self.points.iter().flatten().map(point).collect();
        let no_box = |why: String| (Reason::NoArea, why);
        let points = points.ok_or_else(|| no_box(format!("a point of {class} is not two numbers")))?;
        let kind = self.shape_type.text().unwrap_or_else(|| "polygon".into());
        let [x1, y1, x2, y2] = match (&kind[..], &points[..]) {
            // The centre, and a point on the edge.
            ("circle", [[x, y], edge]) => {
                let radius = (edge[0] - x).hypot(edge[1] - y);
                [x - radius, y - radius, x + radius, y + radius]
            }
            ("point" | "points" | "line" | "linestrip", _) | (_, [] | [_]) => {
                return Err(no_box(format!("{class} is a {kind} of {} points, which has no box", points.len())));
            }
            (_, [first, ..]) => points.iter().fold([first[0], first[1], first[0], first[1]], |[a, b, c, d], [x, y]| {
                [a.min(*x), b.min(*y), c.max(*x), d.max(*y)]
            }),
        };
        let edges = Edges::Px(XywhPx { x: x1, y: y1, w: x2 - x1, h: y2 - y1 });
        Ok(WrittenObject {
            class: class.into(),
            edges,
            area_px: None,
            difficult: self.difficult.is_set(),
            crowd: false,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn each_shape_is_its_bounding_box_or_left_out_by_itself() {
        let text = r#"{"version": "5.4.1", "flags": {}, "shapes": [
            {"label": "cat", "points": [[30, 12.5], [10, 2]], "group_id": null, "shape_type": "rectangle", "flags": {}},
            {"label": " dog ", "points": [[1, 2], [5, 9], [3, 1]], "shape_type": "polygon", "difficult": true},
            {"label": 7, "points": [[10, 10], [13, 14]], "shape_type": "circle"},
            {"label": "old", "points": [[1, 2], [5, 9], [3, 1]], "line_color": null},
            {"label": "tail", "points": [[1, 2], [5, 9]], "shape_type": "line"},
            {"label": "", "points": [[1, 2], [5, 9]], "shape_type": "rectangle"},
            {"label": "cat", "points": [[1, null], [5, 9]], "shape_type": "rectangle"}
        ], "imagePath": "..\\photos\\a.jpg", "imageData": "aGVsbG8=", "imageHeight": 60, "imageWidth": 50}"#;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        assert!(looks_like(file.path()));
        let written = read(file.path()).unwrap();
        assert_eq!(written.size, Some((50.0, 60.0)));
        let boxes: Vec<(String, [f64; 4], bool)> = written
            .objects
            .iter()
            .filter_map(|(_, object)| object.as_ref().ok())
            .map(|object| {
                let Edges::Px(XywhPx { x, y, w, h }) = object.edges else { panic!("{object:?}") };
                (object.class.to_string(), [x, y, w, h], object.difficult)
            })
            .collect();
        assert_eq!(
            boxes,
            [
                ("cat".into(), [10.0, 2.0, 20.0, 10.5], false),
                ("dog".into(), [1.0, 1.0, 4.0, 8.0], true),
                ("7".into(), [5.0, 5.0, 10.0, 10.0], false),
                ("old".into(), [1.0, 1.0, 4.0, 8.0], false),
            ]
        );
        let reasons: Vec<Reason> =
            written.objects.iter().filter_map(|(_, object)| Some(object.as_ref().err()?.0)).collect();
        assert_eq!(reasons, [Reason::NoArea, Reason::UnknownClass, Reason::NoArea]);
        assert_eq!(picture(file.path()).as_deref(), Some("..\\photos\\a.jpg"));
    }
}
