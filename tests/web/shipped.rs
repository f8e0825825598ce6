//! The models that ship with the page, and which of its samples suits one. No test is here.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::page::Page;
use super::server::Extra;

/// The list of models, for the page's server.
pub const INDEX: &str = "models/index.json";

/// The model of drawn shapes: its network is one that pytorch-ssd has, too.
pub const SHAPES: &str = "shapes";

/// A model in `dist/`.
pub struct Shipped {
    pub weights: PathBuf,
    /// The last sample picture that shows a class of it; the page starts with the first.
    pub sample: PathBuf,
}

/// The model that the page starts with.
pub fn default_model(page: &Page) -> Result<Shipped> {
    default_of(&page.dist)
}

/// The same of a folder such as `dist/`.
pub fn default_of(dist: &Path) -> Result<Shipped> {
    let index = index(dist)?;
    let name = index["default"].as_str().context("models/index.json names no default")?;
    shipped(dist, &index, name)
}

/// The model of drawn shapes, and from now on the only one that the page sees.
pub fn shapes_alone(page: &Page) -> Result<Shipped> {
    let index = index(&page.dist)?;
    let alone = json!({ "default": SHAPES, "models": [entry(&index, SHAPES)?] });
    page.server.put(INDEX, Extra { bytes: serde_json::to_vec(&alone)?, ..Extra::default() });
    shipped(&page.dist, &index, SHAPES)
}

fn index(dist: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(dist.join(INDEX))?)?)
}

fn entry<'a>(index: &'a Value, name: &str) -> Result<&'a Value> {
    let models = index["models"].as_array().context("models/index.json lists no models")?;
    models.iter().find(|model| model["name"] == name).with_context(|| format!("the model {name} is not listed"))
}

fn shipped(dist: &Path, index: &Value, name: &str) -> Result<Shipped> {
    let model = entry(index, name)?;
    let labels = model["labels"].as_array().context("a model has no labels")?;
    let samples: Vec<Value> = serde_json::from_slice(&std::fs::read(dist.join("samples/index.json"))?)?;
    let known =
        |sample: &&Value| sample["classes"].as_array().is_some_and(|all| all.iter().any(|c| labels.contains(c)));
    let sample = samples.iter().rfind(known).with_context(|| format!("no sample shows a class of {name}"))?;
    let path = |folder: &str, of: &Value| {
        Ok::<_, anyhow::Error>(dist.join(folder).join(of["file"].as_str().context("a file has no name")?))
    };
    Ok(Shipped { weights: path("models", model)?, sample: path("samples", sample)? })
}
