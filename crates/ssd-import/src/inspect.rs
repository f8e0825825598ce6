//! What a file is, without converting it: for `convert --inspect`, as data.

use std::collections::BTreeMap;

use serde::Serialize;
use ssd::preprocess::Normalization;
use ssd::priors::PriorScheme;
use ssd::weights::Provenance;

use crate::conversion::{Conversion, ImportError, Options};
use crate::file::TensorFile;

/// What a file is.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// How it is stored.
    pub format: String,
    /// What was recognised: a layout's name, `ssd` for a file of ours; `None` where no layout fits.
    pub layout: Option<&'static str>,
    /// Why it cannot be used, if so.
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
    pub arch: String,
    /// Whether it is a whole detector; for a trunk all optional fields are `None`.
    pub detector: bool,
    /// Learned numbers in the file.
    pub parameters: usize,
    /// Side of the square input, in pixels.
    pub input_size: Option<usize>,
    /// Class names without background.
    pub labels: Option<Vec<String>>,
    /// How many priors there are.
    pub prior_count: Option<usize>,
    /// The full scheme.
    pub priors: Option<PriorScheme>,
    /// How pixel values in `0..=255` are normalised.
    pub normalization: Option<Normalization>,
    /// Where the weights come from.
    pub provenance: Option<Provenance>,
    /// What differs from what the file's own project would do with it, a sentence each.
    pub notes: Vec<String>,
    /// Tensors that are not part of the network.
    pub unused: Vec<String>,
    /// What the file holds besides: the first part of the names, and their number.
    pub beside: BTreeMap<String, usize>,
}

/// Looks at a file.
pub fn inspect(file: TensorFile, options: &Options) -> Inspection {
    let tensors = file.tensors().iter().map(|tensor| Tensor {
        name: tensor.name.clone(),
        dtype: format!("{}{}", tensor.dtype, if tensor.quantisation.is_some() { ", quantised" } else { "" }),
        shape: tensor.shape.clone(),
    });
    let (tensors, format) = (tensors.collect(), file.format().to_string());
    match Conversion::new(file, options) {
        Ok(found) => {
            let layout = Some(found.plan.layout.name);
            Inspection { format, layout, problem: None, network: Some(network(&found)), tensors }
        }
        Err(error) => {
            let layout = if let ImportError::Missing { layout, .. } = error { Some(layout) } else { None };
            Inspection { format, layout, problem: Some(error.to_string()), network: None, tensors }
        }
    }
}

fn network(conversion: &Conversion) -> Network {
    let (plan, header) = (&conversion.plan, conversion.plan.header.as_ref());
    // Batch norm's running statistics are measured, not learned.
    let learned = conversion.specs().filter(|spec| !spec.path.contains(".running_"));
    Network {
        arch: plan.arch.name(),
        detector: header.is_some(),
        parameters: learned.map(|spec| spec.shape.iter().product::<usize>()).sum(),
        input_size: header.map(|header| header.input_size),
        labels: header.map(|header| header.labels.clone()),
        prior_count: header.map(|header| header.priors.len()),
        priors: header.map(|header| header.priors.clone()),
        normalization: header.map(|header| header.normalization),
        provenance: header.map(|header| header.provenance.clone()),
        notes: plan.notes.clone(),
        unused: plan.unused.clone(),
        beside: plan.beside.clone(),
    }
}
