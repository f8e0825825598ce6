//! The text of a COCO annotation file (`instances_*.json`): images, annotations, categories.
//!
//! Looks at no pictures and no folders. Outlines (`segmentation`) and all else are ignored.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::DataError;

/// Larger files are refused. COCO's own, of 118,000 training pictures, has 0.45 GB.
const MAX_BYTES: u64 = 1 << 30;

/// The whole file.
#[derive(Debug, Deserialize)]
pub(super) struct CocoFile {
    pub images: Vec<Image>,
    pub annotations: Vec<Annotation>,
    pub categories: Vec<Category>,
}

/// A picture.
#[derive(Debug, Deserialize)]
pub(super) struct Image {
    pub id: i64,
    #[serde(default)]
    pub file_name: String,
    /// In pixels; the picture's own if missing.
    pub width: Option<f64>,
    pub height: Option<f64>,
}

/// A class.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Category {
    pub id: i64,
    pub name: String,
    /// Name of the group that the class belongs to.
    #[serde(default)]
    pub supercategory: serde_json::Value,
}

/// An object, or a crowd of them.
#[derive(Debug, Deserialize)]
pub(super) struct Annotation {
    #[serde(default)]
    pub id: serde_json::Value,
    pub image_id: i64,
    pub category_id: i64,
    /// `[x, y, width, height]` in pixels; if missing or of another length, the annotation is left out.
    pub bbox: Option<Vec<f64>>,
    /// The outline's, in square pixels.
    pub area: Option<f64>,
    /// 0 or 1 in COCO's own files, a boolean in some others'.
    #[serde(default)]
    iscrowd: serde_json::Value,
}

impl Annotation {
    /// Whether its box surrounds many objects that are not annotated individually.
    pub(super) fn is_crowd(&self) -> bool {
        is_set(&self.iscrowd)
    }
}

/// Whether a flag is set that is 0 or 1 in COCO's own files, a boolean in some others, and missing in more.
pub fn is_set(mark: &serde_json::Value) -> bool {
    mark.as_bool().unwrap_or_else(|| mark.as_f64().is_some_and(|value| value != 0.0))
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
        Self::parse(&bytes).map_err(|error| match missing_lists(&bytes)[..] {
            [] => unfit(format!("it is not a COCO file ({error}); correct it there or export it again")),
            ref missing => unfit(format!(
                "it lacks {}; a COCO file has the lists images, annotations and categories",
                missing.join(" and ")
            )),
        })
    }

    /// Reads the text of a file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(without_mark(bytes))
    }

    /// The classes by id, each id and each name once. A category that only heads a group, that is, which no annotation
    /// uses and others name as their supercategory, is left out; some exports have one with id 0.
    pub(super) fn classes(&self) -> Vec<Category> {
        let used: std::collections::HashSet<i64> = self.annotations.iter().map(|a| a.category_id).collect();
        let heads = |category: &Category| {
            let below =
                |other: &Category| other.id != category.id && other.supercategory.as_str() == Some(&category.name);
            !used.contains(&category.id) && self.categories.iter().any(below)
        };
        let named = |category: &&Category| !category.name.trim().is_empty() && !heads(category);
        let mut classes: Vec<Category> = self.categories.iter().filter(named).cloned().collect();
        classes.sort_by_key(|category| category.id);
        classes.dedup_by_key(|category| category.id);
        for category in &mut classes {
            category.name = category.name.trim().to_string();
        }
        classes
    }
}

/// Some editors start UTF-8 with a byte order mark.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
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
    let Ok(Lists { images, annotations, categories }) = serde_json::from_slice(without_mark(bytes)) else {
        return Vec::new();
    };
    let lists =
        [("images", images.is_none()), ("annotations", annotations.is_none()), ("categories", categories.is_none())];
    lists.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect()
}
