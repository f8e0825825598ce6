//! The text of a COCO annotation file (`instances_*.json`): images, annotations, categories.
//!
//! Looks at no pictures and no folders. A value of the wrong kind costs its entry, not the file; all else is ignored.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};

use super::ids::Id;
use super::values::{Scalar, strict};
use super::{sizes, tree};
use crate::boxes_px::XywhPx;
use crate::error::DataError;

/// Larger files are refused. COCO's own, of 118,000 training pictures, has 0.45 GB.
const MAX_BYTES: u64 = 1 << 30;

/// The whole file; null for an entry that is none.
#[derive(Debug, Deserialize)]
pub struct CocoFile {
    /// The pictures.
    pub images: Vec<Option<Image>>,
    /// The objects.
    pub annotations: Vec<Option<Annotation>>,
    /// The classes.
    pub categories: Vec<Option<Category>>,
}

/// A picture.
#[derive(Debug, Deserialize)]
pub struct Image {
    /// Its id; nothing refers to a picture without one.
    #[serde(default, deserialize_with = "id")]
    pub id: Option<Id>,
    /// Its file, as the program that wrote this names it.
    #[serde(default, deserialize_with = "text")]
    pub file_name: String,
    #[serde(default, deserialize_with = "number")]
    width: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    height: Option<f64>,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Category {
    #[serde(default, deserialize_with = "id")]
    id: Option<Id>,
    #[serde(default, deserialize_with = "text")]
    name: String,
    /// Name of the group that the class belongs to.
    #[serde(default, deserialize_with = "text")]
    supercategory: String,
}

/// An object, or a crowd of them.
#[derive(Debug, Deserialize)]
pub struct Annotation {
    /// Its number, for messages.
    #[serde(default, deserialize_with = "id")]
    pub id: Option<Id>,
    /// Its picture.
    #[serde(default, deserialize_with = "id")]
    pub image_id: Option<Id>,
    /// Its class.
    #[serde(default, deserialize_with = "id")]
    pub category_id: Option<Id>,
    /// The outline's, in square pixels.
    #[serde(default, deserialize_with = "number")]
    pub area: Option<f64>,
    /// Whether its box surrounds many objects that are not annotated individually.
    #[serde(default, rename = "iscrowd", deserialize_with = "flag")]
    pub crowd: bool,
    /// How sure a detector is, where these are detections.
    #[serde(default, deserialize_with = "number")]
    pub score: Option<f64>,
    #[serde(default)]
    bbox: Bbox,
    /// The bounds of its outline.
    #[serde(default, deserialize_with = "bounds")]
    segmentation: Option<[f64; 4]>,
}

/// `[x, y, width, height]` in pixels, or else how many numbers there are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bbox(Result<[f64; 4], usize>);

impl Default for Bbox {
    fn default() -> Self {
        Self(Err(0))
    }
}

impl<'de> Deserialize<'de> for Bbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Scalar::deserialize(deserializer)?.numbers();
        Ok(Self(<[f64; 4]>::try_from(numbers).map_err(|numbers| numbers.len())))
    }
}

impl Annotation {
    /// Its box, that of its outline where it has none.
    ///
    /// # Errors
    /// A clause about the annotation.
    pub fn bbox_px(&self) -> Result<XywhPx, String> {
        match (self.bbox.0, self.segmentation) {
            (Ok([x, y, w, h]), _) if [x, y, w, h].iter().all(|number| number.is_finite()) => Ok(XywhPx { x, y, w, h }),
            (_, Some([x1, y1, x2, y2])) => Ok(XywhPx { x: x1, y: y1, w: x2 - x1, h: y2 - y1 }),
            (Ok(_), None) => Err("its bbox holds something other than numbers".into()),
            (Err(0), None) => Err("it has no bbox".into()),
            (Err(count), None) => Err(format!("its bbox has {count} numbers, not four")),
        }
    }
}

impl Image {
    /// Width and height that its boxes are for, where these are given.
    pub fn size(&self) -> Option<(f64, f64)> {
        sizes::known(self.width, self.height)
    }
}

impl CocoFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, is too large or is not of this form.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let failed = |source| DataError::Read { path: path.into(), source };
        let mut bytes = Vec::new();
        // Read whole first: parsing a stream is several times slower.
        File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
        let unfit = |why: String| DataError::Description { path: path.into(), why };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(unfit(format!("it is larger than {} MiB; divide it into several files", MAX_BYTES >> 20)));
        }
        parse(&bytes).map_err(|error| match missing_lists(&bytes)[..] {
            [] => unfit(format!("it is not a COCO file ({error}); correct it there or export it again")),
            ref missing => unfit(format!(
                "it lacks {}; a COCO file has the lists images, annotations and categories",
                missing.join(" and ")
            )),
        })
    }

    /// The classes by id, each id once, names trimmed. A category that only heads a group, that is, which no annotation
    /// uses and others name as their supercategory, is left out; some exports have one with id 0.
    pub fn classes(&self) -> Vec<(Id, String)> {
        let used: HashSet<&Id> = self.annotations.iter().flatten().filter_map(|a| a.category_id.as_ref()).collect();
        let heads = |category: &Category| {
            let below = |other: &Category| other.id != category.id && other.supercategory == category.name;
            !category.id.as_ref().is_some_and(|id| used.contains(id)) && self.categories.iter().flatten().any(below)
        };
        let named =
            self.categories.iter().flatten().filter(|category| !category.name.trim().is_empty() && !heads(category));
        let mut classes: Vec<(Id, String)> =
            named.filter_map(|category| Some((category.id.clone()?, category.name.trim().to_string()))).collect();
        classes.sort_by(|a, b| a.0.cmp(&b.0));
        classes.dedup_by(|a, b| a.0 == b.0);
        classes
    }
}

/// Parses a JSON file in any encoding, with Python's `NaN` as null.
///
/// # Errors
/// Where in the text, and what is wrong.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    // Some editors start UTF-8 with a byte order mark.
    let plain = serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    plain.or_else(|error| {
        let text = tree::decoded(bytes.to_vec()).map_err(|_| error)?;
        serde_json::from_str(&strict(&text))
    })
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Id>, D::Error> {
    Ok(Id::of_scalar(&Scalar::deserialize(deserializer)?))
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::List(_) | Scalar::Other => String::new(),
        value => value.to_string(),
    })
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Scalar::deserialize(deserializer)?.number())
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Scalar::deserialize(deserializer)?.is_set())
}

fn bounds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[f64; 4]>, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::List(list) => list.bounds,
        _ => None,
    })
}

/// Which of the lists exist.
#[derive(Deserialize)]
struct Lists {
    images: Option<IgnoredAny>,
    annotations: Option<IgnoredAny>,
    categories: Option<IgnoredAny>,
}

/// The lists that a file lacks; empty if it is not a JSON object.
fn missing_lists(bytes: &[u8]) -> Vec<&'static str> {
    let Ok(Lists { images, annotations, categories }) = parse(bytes) else {
        return Vec::new();
    };
    let lists =
        [("images", images.is_none()), ("annotations", annotations.is_none()), ("categories", categories.is_none())];
    lists.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn annotation(json: &str) -> Annotation {
        let text = format!(r#"{{"images": [], "categories": [null], "annotations": [{json}]}}"#);
        parse::<CocoFile>(text.as_bytes()).unwrap().annotations.pop().unwrap().unwrap()
    }

    #[test]
    fn a_bad_value_costs_its_annotation_alone() {
        for (json, wanted) in [
            (r#"{"bbox": [null, null, null, null]}"#, "other than numbers"),
            (r#"{"bbox": [1, 2, NaN, 4]}"#, "other than numbers"),
            (r#"{"bbox": null}"#, "no bbox"),
            (r#"{"id": 3}"#, "no bbox"),
            (r#"{"bbox": {"x": 1}}"#, "no bbox"),
            (r#"{"bbox": [1, 2, 3]}"#, "3 numbers"),
        ] {
            assert!(annotation(json).bbox_px().unwrap_err().contains(wanted), "{json}");
        }
        let good = annotation(r#"{"area": NaN, "category_id": null, "iscrowd": "0", "bbox": ["1", 2, 3.5, 4]}"#);
        assert_eq!(good.bbox_px(), Ok(XywhPx { x: 1.0, y: 2.0, w: 3.5, h: 4.0 }));
        assert_eq!((good.area, good.category_id, good.crowd), (None, None, false));
    }

    #[test]
    fn an_outline_stands_in_for_a_missing_box() {
        let outline = r#"{"bbox": [], "segmentation": [[50, 21, 125, 21, 125, 96, 50, 96]]}"#;
        assert_eq!(annotation(outline).bbox_px(), Ok(XywhPx { x: 50.0, y: 21.0, w: 75.0, h: 75.0 }));
    }

    #[test]
    fn a_size_is_a_number_or_a_text_and_none_if_it_is_zero() {
        let size = |json: &str| serde_json::from_str::<Image>(json).unwrap().size();
        assert_eq!(size(r#"{"id": 1, "width": "320", "height": 240.0}"#), Some((320.0, 240.0)));
        for none in
            [r#"{"width": 0, "height": 0}"#, r#"{"width": null, "height": 1}"#, r#"{"width": "?", "height": 1}"#]
        {
            assert_eq!(size(none), None, "{none}");
        }
    }

    #[test]
    fn a_file_is_read_in_each_encoding() {
        let text = r#"{"images": [{"id": 1}], "annotations": [], "categories": []}"#;
        let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes(), format!("\u{feff}{text}").as_bytes(), &utf16] {
            assert_eq!(parse::<CocoFile>(bytes).unwrap().images.len(), 1, "{bytes:?}");
        }
    }
}
