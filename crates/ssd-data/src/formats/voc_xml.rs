//! Pascal VOC: an XML file for each picture, beside it or in a folder of its own, as labelImg, CVAT and Roboflow write
//! it, too.
//!
//! Boxes in the files are pixels counted from 1, both corners included: left edge `xmin - 1`, right edge `xmax`.
//! `<part>` boxes (heads, hands, feet) are not objects.

use std::path::Path;

use serde::Deserialize;

use super::found::{Edges, Written, WrittenObject};
use super::{sizes, tree};
use crate::boxes_px::XywhPx;
use crate::report::Reason;

/// Larger files are refused: VOC's largest annotations have about 30 KiB.
const MAX_BYTES: u64 = 8 << 20;

/// Reads a file. The error is a clause about it.
pub(super) fn read(path: &Path) -> Result<Written, String> {
    let annotation = parse(&tree::read_text(path, MAX_BYTES)?)?;
    let numbered = annotation.object.into_iter().enumerate();
    let objects = numbered.map(|(i, object)| object.checked().map_err(|why| format!("object {} {why}", i + 1)));
    let size = annotation.size.and_then(|size| {
        let number = |text: Option<String>| text.and_then(|text| text.trim().parse().ok());
        sizes::known(number(size.width), number(size.height))
    });
    Ok(Written { size, objects: objects.map(|object| Ok((None, object?))).collect::<Result<_, String>>()? })
}

/// The name of its picture that a file gives; an error if it is no annotation.
pub(super) fn filename(path: &Path) -> Result<Option<String>, String> {
    let text = tree::read_text(path, MAX_BYTES)?;
    match parse(&text) {
        Ok(Annotation { filename, path, .. }) => {
            Ok([filename, path].into_iter().flatten().find(|name| !name.trim().is_empty()))
        }
        // A damaged one is an annotation, too.
        Err(_) if text.contains("<annotation") => Ok(None),
        Err(why) => Err(why),
    }
}

/// Reads the text of an annotation.
pub(super) fn parse(text: &str) -> Result<Annotation, String> {
    let Root::Annotation(annotation) =
        quick_xml::de::from_str(text).map_err(|error| format!("the annotation is not VOC's XML ({error})"))?;
    Ok(annotation)
}

/// The root element; any other is an error, not a picture without objects.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Root {
    Annotation(Annotation),
}

/// Elements not named here are ignored, among them `<part>`, the box of a body part.
#[derive(Debug, Deserialize)]
pub(super) struct Annotation {
    filename: Option<String>,
    path: Option<String>,
    size: Option<RawSize>,
    #[serde(default)]
    pub object: Vec<RawObject>,
}

#[derive(Debug, Deserialize)]
struct RawSize {
    width: Option<String>,
    height: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawObject {
    name: Option<String>,
    difficult: Option<String>,
    bndbox: Option<RawBox>,
}

#[derive(Debug, Deserialize)]
struct RawBox {
    xmin: Option<String>,
    ymin: Option<String>,
    xmax: Option<String>,
    ymax: Option<String>,
}

impl RawObject {
    /// The object, or why its box cannot be used; a file in which one has no class or no numbers is refused.
    fn checked(self) -> Result<Result<WrittenObject, (Reason, String)>, String> {
        let class = self.name.unwrap_or_default().trim().to_string();
        if class.is_empty() {
            return Err("has no name".into());
        }
        let Some(raw) = self.bndbox else {
            return Err(format!("({class}) has no bndbox"));
        };
        let corner = |text: Option<String>, name: &str| match text {
            None => Err(format!("({class}) has no {name}")),
            Some(text) => text.trim().parse::<f64>().map_err(|_| format!("({class}) has \"{text}\" for its {name}")),
        };
        let [x1, y1, x2, y2] = [
            corner(raw.xmin, "xmin")?,
            corner(raw.ymin, "ymin")?,
            corner(raw.xmax, "xmax")?,
            corner(raw.ymax, "ymax")?,
        ];
        // Checked on the numbers as written: with the far corner included, a point would be one pixel wide.
        if !(x1 < x2 && y1 < y2) {
            let why = format!("the box of {class} from ({x1}, {y1}) to ({x2}, {y2}) has no width or no height");
            return Ok(Err((Reason::NoArea, why)));
        }
        let (x, y) = (x1 - 1.0, y1 - 1.0);
        let edges = Edges::Px(XywhPx { x, y, w: x2 - x, h: y2 - y });
        let difficult = self.difficult.is_some_and(|text| text.trim() == "1");
        Ok(Ok(WrittenObject { class: class.into(), edges, area_px: None, difficult, crowd: false }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn read_text(text: &str) -> Result<Written, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn parts_are_not_objects_and_order_does_not_matter() {
        let text = "<?xml version=\"1.0\"?><annotation><size><height>60</height><width>50.0</width></size>
            <object><bndbox><ymin>2</ymin><xmin> 1 </xmin><xmax>30.5</xmax><ymax>40</ymax></bndbox><name> person </name>
            <part><name>head</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>
            </object><segmented>0</segmented>
            <object><name>dog</name><difficult>1</difficult>
                <bndbox><xmin>3</xmin><ymin>4</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object>
        </annotation>";
        let object = |class: &str, [x, y, w, h]: [f64; 4], difficult| {
            let edges = Edges::Px(XywhPx { x, y, w, h });
            (None, Ok(WrittenObject { class: class.into(), edges, area_px: None, difficult, crowd: false }))
        };
        let objects = vec![object("person", [0.0, 1.0, 30.5, 39.0], false), object("dog", [2.0, 3.0, 3.0, 3.0], true)];
        assert_eq!(read_text(text), Ok(Written { size: Some((50.0, 60.0)), objects }));
    }

    #[test]
    fn invalid_annotations_are_refused() {
        assert_eq!(read_text("<annotation><size><width>0</width></size></annotation>"), Ok(Written::default()));
        for text in ["", "no XML", "<html></html>", "<annotation><object>"] {
            assert!(read_text(text).is_err(), "{text:?} was accepted: {:?}", read_text(text));
        }
        let text = "<annotation><object><name>a</name><bndbox><xmin>x</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax>\
                    </bndbox></object></annotation>";
        assert_eq!(read_text(text), Err("object 1 (a) has \"x\" for its xmin".into()));
    }
}
