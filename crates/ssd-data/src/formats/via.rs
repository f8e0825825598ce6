//! VIA (VGG Image Annotator, versions 1 and 2): a project, or its annotations as JSON, for all pictures of a split.
//!
//! A file is read as the COCO file with the same content, so that finding pictures, splits and ids are COCO's. A
//! region's class is its attribute called `class`, `label` or the like, or its only one. Of an outline, the bounding
//! box is taken.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::coco::{self, Source};
use super::coco_json::{self, CocoFile};
use super::spec::FormatSpec;
use super::tree::Ends;
use crate::error::DataError;

/// Larger files are refused; a picture with ten outlines has some ten thousand bytes.
const MAX_BYTES: u64 = 256 << 20;

/// Bytes read at each end of a JSON to tell whether it is VIA's.
const LOOKED_AT: u64 = 64 << 10;

/// Names of the attribute that is the class, the most certain first.
const CLASS_NAMES: [&str; 9] =
    ["class", "label", "category", "class_name", "classname", "name", "object", "object_name", "type"];

/// VIA, as a row of the table of formats.
pub(super) static FORMAT: FormatSpec = FormatSpec {
    name: "via",
    looked_for: "a JSON with regions of pictures (VIA)",
    recognise: |tree| Ok(coco::sets_in(tree, &SOURCE)),
    named: |path| coco::sets_at(path, &SOURCE),
};

static SOURCE: Source = Source {
    format: "VIA",
    advice: "give the folder that holds a project of VIA 2, or its annotations exported as JSON, and the pictures",
    looks_like,
    read,
};

/// Whether a file has VIA's regions.
pub(super) fn looks_like(path: &Path) -> bool {
    let ends = Ends::of(path, LOOKED_AT);
    let has = |key: &str| ends.have(key);
    has("\"_via_img_metadata\"") || has("\"regions\"") && (has("\"shape_attributes\"") || has("\"file_attributes\""))
}

fn read(path: &Path) -> Result<CocoFile, DataError> {
    let mut bytes = Vec::new();
    let failed = |source| DataError::Read { path: path.into(), source };
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
    let unfit = |why: String| DataError::Description { path: path.into(), why };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unfit(format!("it is larger than {} MiB; divide it into several files", MAX_BYTES >> 20)));
    }
    let wrong = |error| unfit(format!("it is not a file of VIA ({error}); export it again"));
    let file: Value = coco_json::parse(&bytes).map_err(wrong)?;
    as_coco(&file).map_err(wrong)
}

/// The same as a COCO file. What of a region cannot be understood is missing there, and is left out with its number.
pub(super) fn as_coco(file: &Value) -> Result<CocoFile, serde_json::Error> {
    let entries = file.get("_via_img_metadata").unwrap_or(file).as_object();
    let entries = entries.into_iter().flatten().filter(|(_, entry)| entry.get("filename").is_some());
    let (mut images, mut regions) = (Vec::new(), Vec::new());
    for (id, entry) in entries {
        images.push(json!({"id": id, "file_name": entry["filename"]}));
        regions.extend(listed(&entry["regions"]).into_iter().map(|region| {
            let empty = Map::new();
            let attributes = region["region_attributes"].as_object().unwrap_or(&empty);
            (id.clone(), class(attributes), bbox(&region["shape_attributes"]))
        }));
    }
    let names: BTreeSet<&String> = regions.iter().filter_map(|(_, class, _)| class.as_ref()).collect();
    let categories: Vec<Value> = names.iter().zip(1..).map(|(name, id)| json!({"id": id, "name": name})).collect();
    let number = |class: &String| names.iter().position(|name| *name == class).map(|place| place + 1);
    let annotations = regions.iter().zip(1..).map(|((image, class, bbox), id)| {
        json!({"id": id, "image_id": image, "category_id": class.as_ref().and_then(number), "bbox": bbox})
    });
    let annotations: Vec<Value> = annotations.collect();
    serde_json::from_value(json!({"images": images, "annotations": annotations, "categories": categories}))
}

/// The regions of a picture: a list, or in version 1 an object.
fn listed(regions: &Value) -> Vec<&Value> {
    match regions {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// The class among a region's attributes: that of a usual name, or else the only one with a value.
fn class(attributes: &Map<String, Value>) -> Option<String> {
    let named = |name: &&str| attributes.iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    let usual = CLASS_NAMES.iter().filter_map(named).find_map(|(_, value)| text(value));
    usual.or_else(|| {
        let values: Vec<String> = attributes.values().filter_map(text).collect();
        <[String; 1]>::try_from(values).ok().map(|[only]| only)
    })
}

/// A value as text: as it is, or of boxes to tick the only one that is.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(ticked) => {
            let ticked: Vec<&String> = ticked.iter().filter(|(_, on)| **on == true).map(|(name, _)| name).collect();
            <[&String; 1]>::try_from(ticked).ok().map(|[only]| only.clone())
        }
        _ => None,
    }
}

/// The bounding box of a shape as COCO writes it; null where it has none.
fn bbox(shape: &Value) -> Value {
    let number = |name: &str| shape[name].as_f64();
    let numbers = |name: &str| -> Option<Vec<f64>> { shape[name].as_array()?.iter().map(Value::as_f64).collect() };
    let around = |cx: Option<f64>, cy: Option<f64>, rx: Option<f64>, ry: Option<f64>| {
        let (rx, ry) = (rx?, ry?);
        Some([cx? - rx, cy? - ry, 2.0 * rx, 2.0 * ry])
    };
    let bbox = match shape["name"].as_str() {
        Some("rect") => {
            [number("x"), number("y"), number("width"), number("height")].into_iter().collect::<Option<Vec<_>>>()
        }
        Some("circle") => around(number("cx"), number("cy"), number("r"), number("r")).map(Vec::from),
        Some("ellipse") => around(number("cx"), number("cy"), number("rx"), number("ry")).map(Vec::from),
        Some("polygon" | "polyline") => numbers("all_points_x").zip(numbers("all_points_y")).map(|(x, y)| {
            let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            vec![low(&x), low(&y), high(&x) - low(&x), high(&y) - low(&y)]
        }),
        _ => None,
    };
    bbox.map_or(Value::Null, |bbox| json!(bbox))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use image::RgbImage;

    use crate::{Dataset, Format, Reason};

    #[test]
    fn a_project_and_its_annotations_are_read_with_the_class_of_each_region() {
        let regions = r#"[
            {"shape_attributes": {"name": "rect", "x": 3, "y": 4, "width": 10, "height": 5},
             "region_attributes": {"colour": "red", "Class": "cat"}},
            {"shape_attributes": {"name": "polygon", "all_points_x": [20, 30, 25], "all_points_y": [1, 2, 9]},
             "region_attributes": {"kind": {"dog": true, "cat": false}}},
            {"shape_attributes": {"name": "circle", "cx": 20, "cy": 10, "r": 4.5},
             "region_attributes": {"type": "dog"}},
            {"shape_attributes": {"name": "point", "cx": 20, "cy": 10}, "region_attributes": {"class": "cat"}},
            {"shape_attributes": {"name": "rect", "x": 1, "y": 1, "width": 2, "height": 2}, "region_attributes": {}}]"#;
        let old = r#"{"0": {"shape_attributes": {"name": "ellipse", "cx": 9, "cy": 9, "rx": 3, "ry": 2},
            "region_attributes": {"label": "cat"}}}"#;
        let entries = format!(
            r#"{{"a.png123": {{"filename": "a.png", "size": 123, "regions": {regions}, "file_attributes": {{}}}},
               "7": {{"filename": "C:\\photos\\b.png", "size": 5, "regions": {old}, "file_attributes": {{}}}},
               "c": {{"filename": "c.png", "size": 5, "regions": [], "file_attributes": {{}}}}}}"#
        );
        let project =
            format!(r#"{{"_via_settings": {{"ui": {{}}}}, "_via_img_metadata": {entries}, "_via_attributes": {{}}}}"#);
        for text in [entries, project] {
            let folder = tempfile::tempdir().unwrap();
            for name in ["a.png", "b.png", "c.png"] {
                RgbImage::new(40, 20).save(folder.path().join(name)).unwrap();
            }
            let json = folder.path().join("via_project.json");
            fs::write(&json, &text).unwrap();
            for place in [folder.path(), &json] {
                let set = crate::open(&[place.to_str().unwrap()], Format::AUTO, None, None).unwrap();
                let Dataset::Pictures(set) = set else { panic!("a folder is no generated set") };
                assert_eq!(set.labels(), ["cat", "dog"]);
                let of = |name: &str| {
                    let index = (0..set.len()).find(|index| set.name(*index) == name).unwrap();
                    let truths = set.truths_px(index).iter();
                    truths
                        .map(|truth| {
                            (truth.class, [truth.bbox_px.x, truth.bbox_px.y, truth.bbox_px.w, truth.bbox_px.h])
                        })
                        .collect::<Vec<_>>()
                };
                assert_eq!(
                    of("a"),
                    [(1, [3.0, 4.0, 10.0, 5.0]), (2, [20.0, 1.0, 10.0, 8.0]), (2, [15.5, 5.5, 9.0, 9.0])]
                );
                assert_eq!(of("b"), [(1, [6.0, 7.0, 6.0, 4.0])]);
                assert_eq!(of("c"), []);
                let reasons: Vec<Reason> = set.report().skipped.iter().map(|skipped| skipped.reason).collect();
                assert_eq!(reasons, [Reason::NoArea, Reason::UnknownClass], "{}", set.report());
            }
        }
    }
}
