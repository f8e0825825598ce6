//! What a file is, without converting it: for `convert --inspect`, as data.

use std::collections::BTreeMap;

use serde::Serialize;
use ssd::preprocess::Normalization;
use ssd::priors::PriorScheme;
use ssd::weights::Provenance;

use crate::convert::{Conversion, ImportError, Options};
use crate::file::TensorFile;

/// What a file is.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// How it is stored.
    pub format: String,
    /// What was recognised: a layout's name, `ssd` for a file of ours, nothing where no layout fits.
    pub layout: Option<String>,
    /// The sentence on why it cannot be used, if so.
    pub problem: Option<String>,
    /// What it holds, where it can be used.
    pub network: Option<Network>,
    /// All tensors in the file's order.
    pub tensors: Vec<Tensor>,
}

/// A tensor of the file.
#[derive(Debug, Serialize)]
pub struct Tensor {
    /// Its name there.
    pub name: String,
    /// What its numbers are stored as.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// A detector or a trunk.
#[derive(Debug, Serialize)]
pub struct Network {
    /// The architecture.
    pub arch: &'static str,
    /// Whether it is a whole detector; a trunk has none of what follows but parameters.
    pub detector: bool,
    /// Numbers that are learned, as far as the file has them.
    pub parameters: usize,
    /// Side of the square input, in pixels.
    pub input_size: Option<usize>,
    /// Class names without background.
    pub labels: Option<Vec<String>>,
    /// How many priors there are.
    pub prior_count: Option<usize>,
    /// The full scheme.
    pub priors: Option<PriorScheme>,
    /// What is done with pixels, in `0..=255`.
    pub normalization: Option<Normalization>,
    /// Where the weights come from.
    pub provenance: Option<Provenance>,
    /// Tensors that are not part of the network.
    pub unused: Vec<String>,
    /// What lies beside it: the first part of the names, and how many.
    pub beside: BTreeMap<String, usize>,
}

/// Looks at a file.
pub fn inspect(file: &TensorFile, options: &Options) -> Inspection {
    let tensors = file.tensors().iter().map(|tensor| Tensor {
        name: tensor.name.clone(),
        dtype: tensor.dtype.to_string(),
        shape: tensor.shape.clone(),
    });
    let (layout, network, problem) = match Conversion::plan(file, options) {
        Ok(conversion) => {
            let layout = conversion.layout().map_or("ssd", |layout| layout.name());
            (Some(layout.to_owned()), Some(network(&conversion)), None)
        }
        Err(error) => {
            let layout = match &error {
                ImportError::Missing { layout, .. } => Some(layout.clone()),
                _ => None,
            };
            (layout, None, Some(error.to_string()))
        }
    };
    Inspection { format: file.format().to_string(), layout, problem, network, tensors: tensors.collect() }
}

fn network(conversion: &Conversion<'_>) -> Network {
    let header = conversion.header();
    Network {
        arch: conversion.arch().name(),
        detector: header.is_some(),
        parameters: parameters(conversion),
        input_size: header.map(|header| header.input_size),
        labels: header.map(|header| header.labels.clone()),
        prior_count: header.map(|header| header.priors.len()),
        priors: header.map(|header| header.priors.clone()),
        normalization: header.map(|header| header.normalization),
        provenance: header.map(|header| header.provenance.clone()),
        unused: conversion.unused().to_vec(),
        beside: conversion.beside().clone(),
    }
}

/// Batch norm's running statistics are measured, not learned.
fn parameters(conversion: &Conversion<'_>) -> usize {
    let learned = conversion.specs().filter(|spec| !spec.path.contains(".running_"));
    learned.map(|spec| spec.shape.iter().product::<usize>()).sum()
}
