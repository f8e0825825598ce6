//! The XML of one Pascal VOC annotation, as far as it describes objects.

use std::path::Path;

use serde::Deserialize;

use super::files;

/// Larger files are refused: VOC's largest annotations have about 30 KiB.
const MAX_BYTES: u64 = 8 << 20;

/// An object as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Name of the class, trimmed.
    pub class: String,
    /// `xmin, ymin, xmax, ymax` in pixels counted from 1, as written, in any order.
    pub corners: [f64; 4],
    /// Marked as hard to see.
    pub difficult: bool,
}

/// Reads the objects of a file. The error is a clause about the file.
pub fn read_objects(path: &Path) -> Result<Vec<Object>, String> {
    if !path.is_file() {
        return Err("there is no such annotation".into());
    }
    parse(&files::read_text(path, MAX_BYTES)?)
}

/// Reads the objects of an annotation's text.
pub(super) fn parse(text: &str) -> Result<Vec<Object>, String> {
    let Root::Annotation(annotation) =
        quick_xml::de::from_str(text).map_err(|error| format!("the annotation is not VOC's XML ({error})"))?;
    let numbered = annotation.object.into_iter().enumerate();
    numbered.map(|(i, object)| object.checked().map_err(|why| format!("object {} {why}", i + 1))).collect()
}

/// The root element; any other is an error, not a picture without objects.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Root {
    Annotation(Annotation),
}

/// Elements not named here are ignored, among them `<part>`, the box of a body part.
#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    object: Vec<RawObject>,
}

#[derive(Deserialize)]
struct RawObject {
    name: Option<String>,
    difficult: Option<String>,
    bndbox: Option<RawBox>,
}

#[derive(Deserialize)]
struct RawBox {
    xmin: Option<String>,
    ymin: Option<String>,
    xmax: Option<String>,
    ymax: Option<String>,
}

impl RawObject {
    fn checked(self) -> Result<Object, String> {
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
        let corners = [
            corner(raw.xmin, "xmin")?,
            corner(raw.ymin, "ymin")?,
            corner(raw.xmax, "xmax")?,
            corner(raw.ymax, "ymax")?,
        ];
        let difficult = self.difficult.is_some_and(|text| text.trim() == "1");
        Ok(Object { class, corners, difficult })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_not_objects_and_order_does_not_matter() {
        let text = "<?xml version=\"1.0\"?><annotation>
            <object><bndbox><ymin>2</ymin><xmin> 1 </xmin><xmax>30.5</xmax><ymax>40</ymax></bndbox><name> person </name>
            <part><name>head</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>
            </object><segmented>0</segmented>
            <object><name>dog</name><difficult>1</difficult>
                <bndbox><xmin>3</xmin><ymin>4</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object>
        </annotation>";
        let person = Object { class: "person".into(), corners: [1.0, 2.0, 30.5, 40.0], difficult: false };
        let dog = Object { class: "dog".into(), corners: [3.0, 4.0, 5.0, 6.0], difficult: true };
        assert_eq!(parse(text), Ok(vec![person, dog]));
    }

    #[test]
    fn invalid_annotations_are_refused() {
        assert_eq!(parse("<annotation></annotation>"), Ok(vec![]));
        for text in ["", "no XML", "<html></html>", "<annotation><object>"] {
            assert!(parse(text).is_err(), "{text:?} was accepted: {:?}", parse(text));
        }
        let text = "<annotation><object><name>a</name><bndbox><xmin>x</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax>\
                    </bndbox></object></annotation>";
        assert_eq!(parse(text), Err("object 1 (a) has \"x\" for its xmin".into()));
    }
}
