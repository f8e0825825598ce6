//! The readers against malformed input: no panic, no endless loop, and no box without area.
//!
//! Arbitrary bytes, and valid files with bytes changed, cut out or repeated. Size limits, which the readers apply
//! before they parse, bound memory; depth is tested here.

use proptest::prelude::*;

use super::coco_json::{self, CocoFile};
use super::found::{Edges, placed};
use super::{labelme, via, voc_xml, yolo_labels, yolo_yaml};
use crate::boxes_px::XywhPx;

const XML: &str = "<?xml version=\"1.0\"?><annotation><size><width>3</width></size>\
    <object><name>cat</name><difficult>1</difficult>\
    <bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>30</xmax><ymax>1e2</ymax></bndbox><part><name>p</name></part></object>\
    <!-- c --><object><name>d&amp;g</name>\
    <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>";
const JSON: &str = r#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 4, "height": 5.0}],
    "categories": [{"id": 2, "name": "c", "supercategory": "d"}], "annotations": [{"id": 1, "image_id": 1,
    "category_id": 2, "bbox": [1, 2, 3e0, 4], "area": 3, "iscrowd": 0, "segmentation": [[1, 2]]}]}"#;
const LABELME: &str = r#"{"shapes": [{"label": "c", "points": [[1, 2], [3, 4.5]], "shape_type": "rectangle"},
    {"label": "d", "points": [[9, 9], [9, 12]], "shape_type": "circle"}], "imagePath": "a.jpg", "imageWidth": 20}"#;
const VIA: &str = r#"{"_via_img_metadata": {"a": {"filename": "a.jpg", "regions": [
    {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4},
     "region_attributes": {"class": "c"}},
    {"shape_attributes": {"name": "polygon", "all_points_x": [1, 5], "all_points_y": [2, 4]},
     "region_attributes": {}}]}}}"#;
const LABELS: &str = "0 0.5 0.5 0.2 0.2\n12 0.1 0.1 0.9 0.1 0.5 0.9\n\n3.0 1e-3 .5 1 1\n";
const YAML: &str = "path: ../x\ntrain: [a, 'b']\nval: images/val # c\nnc: 2\nnames:\n  0: cat\n  1: \"d\\u0041\"\n\
    extra: &a {b: [*a, c]}\n";

/// Runs all parsers on a text and checks what the readers rely on.
fn read_all(text: &str) {
    // Errors are fine, too.
    let _ = voc_xml::parse(text);
    let _ = yolo_yaml::parse(text);
    if let Ok(file) = coco_json::parse::<CocoFile>(text.as_bytes()) {
        let classes = file.classes();
        assert!(classes.is_sorted_by(|a, b| a.0 < b.0), "{text:?}");
    }
    for (_, object) in labelme::written(text).map(|written| written.objects).unwrap_or_default() {
        let edges = object.map(|object| object.edges);
        if let Ok(Edges::Px(bbox_px)) = edges {
            in_picture(bbox_px, (640, 480));
        }
    }
    if let Some(file) = coco_json::parse(text.as_bytes()).ok().and_then(|file| via::as_coco(&file).ok()) {
        file.annotations
            .iter()
            .flatten()
            .filter_map(|object| object.bbox_px().ok())
            .for_each(|b| in_picture(b, (640, 480)));
    }
    for line in yolo_labels::parse_lines(text).unwrap_or_default() {
        let [x1, y1, x2, y2] = line.edges;
        in_picture(XywhPx { x: x1 * 640.0, y: y1 * 480.0, w: (x2 - x1) * 640.0, h: (y2 - y1) * 480.0 }, (640, 480));
    }
}

/// An accepted box has an area within its picture.
fn in_picture(bbox_px: XywhPx, size_px: (u32, u32)) {
    let Ok(bbox) = placed("cat", bbox_px, size_px) else { return };
    let (width, height) = (f64::from(size_px.0), f64::from(size_px.1));
    assert!(bbox.w > 0.0 && bbox.h > 0.0 && bbox.x >= 0.0 && bbox.y >= 0.0, "{bbox:?}");
    assert!(bbox.x + bbox.w <= width * 1.000_001 && bbox.y + bbox.h <= height * 1.000_001, "{bbox:?}");
}

/// A valid text with a few bytes changed, cut out or repeated.
fn mutated(text: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((0..text.len(), 0..text.len(), any::<u8>(), 0..4), 1..8);
    changes.prop_map(move |changes| {
        let mut bytes = text.as_bytes().to_vec();
        for (at, other, byte, kind) in changes {
            let (at, other) = (at.min(bytes.len()), other.min(bytes.len()));
            let part = at.min(other)..at.max(other);
            match kind {
                0 => bytes.splice(at..at, [byte]).for_each(drop),
                1 => bytes.splice(part, []).for_each(drop),
                2 => {
                    let copy = bytes[part].to_vec();
                    bytes.splice(at..at, copy).for_each(drop);
                }
                _ => bytes.get_mut(at).into_iter().for_each(|place| *place = byte),
            }
        }
        bytes
    })
}

fn changed() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![mutated(XML), mutated(JSON), mutated(LABELME), mutated(VIA), mutated(LABELS), mutated(YAML)]
}

/// Numbers beyond any annotation's.
fn extreme() -> impl Strategy<Value = f64> {
    let special = prop::sample::select(vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        0.0,
        -0.0,
    ]);
    prop_oneof![special, any::<f64>(), -100.0..100.0]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn texts_of_syntax_characters_are_survived(text in "[{}\\[\\]<>/:,\"'&*!|#0-9a-f \n.eE-]{0,200}") {
        read_all(&text);
    }

    #[test]
    fn changed_files_are_survived(bytes in changed()) {
        read_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn an_accepted_box_has_area_in_its_picture(
        [x, y, w, h] in [extreme(), extreme(), extreme(), extreme()],
        size_px in (1_u32..70_000, 1_u32..70_000),
    ) {
        in_picture(XywhPx { x, y, w, h }, size_px);
    }
}

#[test]
fn the_seeds_are_valid() {
    assert_eq!(voc_xml::parse(XML).map(|annotation| annotation.object.len()), Ok(2));
    assert_eq!(yolo_labels::parse_lines(LABELS).map(|lines| lines.len()), Ok(3));
    assert_eq!(yolo_yaml::parse(YAML).map(|description| description.names.len()), Ok(2));
    assert!(coco_json::parse::<CocoFile>(JSON.as_bytes()).is_ok());
    assert_eq!(labelme::written(LABELME).map(|written| written.objects.len()), Ok(2));
    let via = coco_json::parse(VIA.as_bytes()).and_then(|file| via::as_coco(&file));
    assert!(via.is_ok_and(|file| file.annotations.len() == 2));
}

#[test]
fn depth_and_counts_are_survived() {
    let deep = 100_000;
    for (open, close) in
        [("[", "]"), ("{\"a\":", "}"), ("<a>", "</a>"), ("- ", ""), ("? ", ""), ("a: {", "}"), ("!a ", "")]
    {
        read_all(&open.repeat(deep));
        read_all(&[open.repeat(deep), close.repeat(deep)].concat());
        read_all(&format!("names: {}{}", open.repeat(deep), close.repeat(deep)));
        read_all(&format!("{{\"images\": {}{}}}", open.repeat(deep), close.repeat(deep)));
        read_all(&format!("<annotation>{}{}</annotation>", open.repeat(deep), close.repeat(deep)));
    }
    // Aliases of aliases are not expanded.
    let laughs: String = (1..40).map(|i| format!("a{i}: &a{i} [*a{}, *a{}]\n", i - 1, i - 1)).collect();
    assert_eq!(yolo_yaml::parse(&format!("a0: &a0 [x]\n{laughs}names: [cat]")).map(|d| d.names.len()), Ok(1));
    // An index of four billion is a single entry.
    assert_eq!(yolo_yaml::parse("names: {4000000000: cat}").map(|d| d.names.len()), Ok(1));
    read_all(&format!("0 {}", "0.5 ".repeat(100_001)));
}
