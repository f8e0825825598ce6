//! From the tensors of a file, in whatever layout, to a weights file of ours.
//!
//! First all is decided by names and shapes ([`Conversion::plan`]), which is here; then it is done ([`Conversion::write`]).

mod error;
mod pixels;
mod sizes;
mod write;

use std::collections::BTreeMap;

use ssd::Arch;
use ssd::model::{TensorSpec, tensors};
use ssd::preprocess::Normalization;
use ssd::weights::{Header, Provenance};

pub use self::error::ImportError;
use self::sizes::with_sizes;
use crate::error::quoted;
use crate::file::TensorFile;
use crate::labels;
use crate::layout::{Layout, Origin, Recognised, Rows, Rules, Sizes, recognise};
use crate::tensor::TensorInfo;

/// What the user may say of a conversion.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The layout; found by names and shapes if it is not given.
    pub layout: Option<Layout>,
    /// Class names without background; known lists or numbers if they are not given.
    pub labels: Option<Vec<String>>,
    /// Sizes of the priors, where files of the layout exist with several.
    pub sizes: Option<Sizes>,
    /// What the weights file says of its source.
    pub provenance: Provenance,
}

impl Options {
    /// Refuses what is said of a layout, where the file is ours.
    fn without_layout(&self) -> Result<(), ImportError> {
        if self.layout.is_some() || self.sizes.is_some() {
            let why = "the file is one of this project, which says both itself".to_owned();
            return Err(ImportError::Option { option: "layout and sizes of priors", why });
        }
        Ok(())
    }
}

/// One of our tensors, and where its numbers come from.
struct Piece<'a> {
    spec: TensorSpec,
    from: Option<(&'a TensorInfo, Rows)>,
}

/// A conversion that is decided and not yet done.
pub struct Conversion<'a> {
    file: &'a TensorFile,
    /// What was recognised; nothing for a file of ours.
    layout: Option<Layout>,
    arch: Arch,
    /// None for a trunk.
    header: Option<Header>,
    pieces: Vec<Piece<'a>>,
    unused: Vec<String>,
    beside: BTreeMap<String, usize>,
    /// How pixels entered the trunk, where that is not how they will.
    pixels: Option<Normalization>,
}

impl<'a> Conversion<'a> {
    /// Decides what comes from where. No tensor is read yet, but for a few numbers.
    ///
    /// # Errors
    ///
    /// When no layout fits, tensors are missing or of another shape, or an option does not fit the file.
    pub fn plan(file: &'a TensorFile, options: &Options) -> Result<Self, ImportError> {
        if let Some(json) = file.metadata().get("ssd") {
            return Self::of_ours(file, Header::parse(json)?, options);
        }
        let found = recognise(file, options.layout).ok_or_else(|| ImportError::unknown(file, options.layout))?;
        if found.layout.is_trunk() {
            Self::of_trunk(file, &found, options)
        } else {
            Self::of_detector(file, &found, options)
        }
    }

    /// Our own file, to be relabelled or stored otherwise.
    fn of_ours(file: &'a TensorFile, mut header: Header, options: &Options) -> Result<Self, ImportError> {
        options.without_layout()?;
        if let Some(labels) = &options.labels {
            header.labels = checked_labels(labels, header.classes())?;
        }
        let mut rules = Rules::default();
        let specs = tensors(header.arch, header.classes());
        for spec in &specs {
            rules.tensor(spec.path.clone(), spec.path.clone(), Rows::Ours);
        }
        let conversion = Self::take(file, "our own", "", header.arch, &rules, specs)?;
        Ok(Self { header: Some(header), ..conversion })
    }

    fn of_detector(file: &'a TensorFile, found: &Recognised, options: &Options) -> Result<Self, ImportError> {
        let Recognised { layout, prefix } = found;
        let arch = found.arch(file);
        let classes = classes(file, found, arch)?;
        let rules = layout.rules(arch, classes);
        let conversion = Self::take(file, layout.name(), prefix, arch, &rules, tensors(arch, classes))?;
        let names = match &options.labels {
            Some(names) => checked_labels(names, classes)?,
            None => labels::known_or_numbers(classes),
        };
        let habits = layout.habits(classes);
        if options.sizes.is_some() && habits.sizes == Sizes::Own {
            return Err(ImportError::Option {
                option: "sizes of priors",
                why: format!("{layout} has one set of them"),
            });
        }
        let mut header = Header::new(arch, names, options.provenance.clone());
        header.normalization = habits.normalization;
        header.priors = with_sizes(arch, options.sizes.unwrap_or(habits.sizes), habits.clip);
        (header.iou, (header.top_k, header.max)) = (habits.iou, habits.counts);
        Ok(Self { layout: Some(*layout), header: Some(header), ..conversion })
    }

    /// A trunk is to be whole as far as our networks have it; what they have beyond is made anew by who trains on it.
    fn of_trunk(file: &'a TensorFile, found: &Recognised, options: &Options) -> Result<Self, ImportError> {
        let Recognised { layout, prefix } = found;
        if options.labels.is_some() || options.sizes.is_some() {
            let why = "a trunk has neither classes nor priors".to_owned();
            return Err(ImportError::Option { option: "labels and sizes of priors", why });
        }
        let arch = found.arch(file);
        let rules = layout.rules(arch, 2);
        let specs = tensors(arch, 2).into_iter().filter(|spec| rules.origin(&spec.path).is_some()).collect();
        let conversion = Self::take(file, layout.name(), prefix, arch, &rules, specs)?;
        // A deeper network of the family has all that this one has.
        if !conversion.unused.is_empty() {
            return Err(ImportError::Deeper { layout: *layout, arch, names: conversion.unused });
        }
        let pixels = pixels::of_trunk(file, *layout, prefix)?;
        Ok(Self { layout: Some(*layout), pixels, ..conversion })
    }

    /// Finds every tensor of `specs` in the file.
    fn take(
        file: &'a TensorFile,
        layout: &str,
        prefix: &str,
        arch: Arch,
        rules: &Rules,
        specs: Vec<TensorSpec>,
    ) -> Result<Self, ImportError> {
        let (mut pieces, mut missing, mut used, mut unfit) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for spec in specs {
            let (name, rows) = match rules.origin(&spec.path) {
                Some(Origin::Tensor { name, rows }) => (name, rows),
                Some(Origin::Ones) => {
                    pieces.push(Piece { spec, from: None });
                    continue;
                }
                None => {
                    missing.push(spec.path);
                    continue;
                }
            };
            let Some(info) = file.get(&format!("{prefix}{name}")) else {
                missing.push(format!("{prefix}{name}"));
                continue;
            };
            used.push(info.name.as_str());
            if !info.dtype.is_float() {
                unfit.push(format!("{} holds {}, and weights are floats", quoted(&info.name), info.dtype));
            } else if same_shape(&info.shape, &spec.shape) {
                pieces.push(Piece { spec, from: Some((info, *rows)) });
            } else {
                unfit.push(format!("{} is {:?}, and not {:?}", quoted(&info.name), info.shape, spec.shape));
            }
        }
        used.sort_unstable();
        let (mut unused, mut beside) = (Vec::new(), BTreeMap::new());
        for info in file.tensors() {
            match info.name.strip_prefix(prefix) {
                _ if used.binary_search(&info.name.as_str()).is_ok() => {}
                Some(name) if rules.ignores(name) => {}
                Some(_) => unused.push(info.name.clone()),
                None => *beside.entry(first_part(&info.name)).or_insert(0) += 1,
            }
        }
        if !missing.is_empty() {
            return Err(ImportError::Missing { layout: layout.to_owned(), names: missing, unused });
        }
        if !unfit.is_empty() {
            return Err(ImportError::Unfit { arch, what: unfit });
        }
        Ok(Self { file, layout: None, arch, header: None, pieces, unused, beside, pixels: None })
    }

    /// What was recognised; nothing for a file of ours.
    pub fn layout(&self) -> Option<Layout> {
        self.layout
    }

    /// The network.
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// What the weights file will say of itself; nothing for a trunk.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Tensors among the network's that are not part of it.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }

    /// What lies in the file beside the network, such as an optimiser's state: the first part of the names, and how many there are.
    pub fn beside(&self) -> &BTreeMap<String, usize> {
        &self.beside
    }

    /// The tensors that will be written.
    pub fn specs(&self) -> impl Iterator<Item = &TensorSpec> {
        self.pieces.iter().map(|piece| &piece.spec)
    }
}

/// The most classes: more than any data set has, and few enough that a file that lies about them costs little.
const MOST_CLASSES: usize = 2000;

/// Classes of a detector, background counted: what the first head that is there has for each prior of a cell.
fn classes(file: &TensorFile, found: &Recognised, arch: Arch) -> Result<usize, ImportError> {
    let Recognised { layout, prefix } = found;
    let rules = layout.rules(arch, 2);
    for (level, map) in arch.feature_maps().iter().enumerate() {
        let Some(Origin::Tensor { name, .. }) = rules.origin(&format!("heads.{level}.logits.conv.weight")) else {
            continue;
        };
        let Some(info) = file.get(&format!("{prefix}{name}")) else { continue };
        let boxes = map.boxes_per_cell();
        let rows = info.shape.first().copied().unwrap_or(0);
        return match rows / boxes {
            classes @ 2..=MOST_CLASSES if rows % boxes == 0 => Ok(classes),
            _ => {
                let (name, found) = (quoted(&info.name), info.shape.clone());
                Err(ImportError::Classes { name, found, boxes, most: MOST_CLASSES })
            }
        };
    }
    // Without any head their number is not known; whatever it is, the heads are missing.
    Ok(2)
}

fn checked_labels(labels: &[String], classes: usize) -> Result<Vec<String>, ImportError> {
    if labels.len() + 1 != classes {
        return Err(ImportError::Labels { given: labels.len(), classes: classes - 1 });
    }
    let mut sorted: Vec<&String> = labels.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1] && pair[0] != labels::NONE) {
        Some(pair) => Err(ImportError::SameLabel(quoted(pair[0]))),
        None => Ok(labels.to_vec()),
    }
}

/// Whether shapes are the same but for dimensions of one.
fn same_shape(a: &[usize], b: &[usize]) -> bool {
    let long = |shape: &[usize]| -> Vec<usize> { shape.iter().copied().filter(|size| *size != 1).collect() };
    long(a) == long(b)
}

fn first_part(name: &str) -> String {
    name.split('.').next().unwrap_or(name).to_owned()
}
