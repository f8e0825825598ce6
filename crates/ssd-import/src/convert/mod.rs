//! From the tensors of a file, in whatever layout, to a weights file of ours.
//!
//! First all is decided by names and shapes ([`Conversion::plan`]); then tensor after tensor is read, put into our order and written
//! ([`Conversion::write`]), so that no more than one of them is in memory.

mod error;
mod pixels;
mod sizes;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use half::f16;
use safetensors::tensor::{Metadata, TensorInfo as StoredInfo};
use ssd::Arch;
use ssd::model::{TensorSpec, tensors};
use ssd::preprocess::Normalization;
use ssd::weights::{Dtype, Header, Provenance};

pub use self::error::ImportError;
use self::sizes::with_sizes;
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
    missing: Vec<String>,
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
    /// When no layout fits, tensors of a detector are missing or of another shape, or the labels are not as many as the classes.
    pub fn plan(file: &'a TensorFile, options: &Options) -> Result<Self, ImportError> {
        if let Some(json) = file.metadata().get("ssd") {
            return Self::of_ours(file, Header::parse(json)?, options);
        }
        let found = recognise(file, options.layout).ok_or_else(|| ImportError::unknown(file, options.layout))?;
        if found.layout.is_trunk() { Self::of_trunk(file, &found) } else { Self::of_detector(file, &found, options) }
    }

    /// Our own file, to be relabelled or stored otherwise.
    fn of_ours(file: &'a TensorFile, mut header: Header, options: &Options) -> Result<Self, ImportError> {
        if let Some(labels) = &options.labels {
            header.labels = checked_labels(labels, header.classes())?;
        }
        let mut rules = Rules::default();
        let specs = tensors(header.arch, header.classes());
        for spec in &specs {
            rules.tensor(spec.path.clone(), spec.path.clone(), Rows::Ours);
        }
        let conversion = Self::take(file, "", header.arch, &rules, specs)?.complete("our own")?;
        Ok(Self { header: Some(header), ..conversion })
    }

    fn of_detector(file: &'a TensorFile, found: &Recognised, options: &Options) -> Result<Self, ImportError> {
        let Recognised { layout, prefix } = found;
        let arch = layout.arch(&|name| file.get(&format!("{prefix}{name}")).is_some());
        let classes = classes(file, found, arch)?;
        let names = match &options.labels {
            Some(names) => checked_labels(names, classes)?,
            None => labels::known_or_numbers(classes),
        };
        let habits = layout.habits(classes);
        let mut header = Header::new(arch, names, options.provenance.clone());
        header.normalization = habits.normalization;
        header.priors = with_sizes(arch, options.sizes.unwrap_or(habits.sizes), habits.clip);
        (header.iou, (header.top_k, header.max)) = (habits.iou, habits.counts);
        let rules = layout.rules(arch, classes);
        let conversion = Self::take(file, prefix, arch, &rules, tensors(arch, classes))?.complete(layout.name())?;
        Ok(Self { layout: Some(*layout), header: Some(header), ..conversion })
    }

    /// A trunk has what it has: all else is made anew by who trains on it.
    fn of_trunk(file: &'a TensorFile, found: &Recognised) -> Result<Self, ImportError> {
        let Recognised { layout, prefix } = found;
        let arch = layout.arch(&|name| file.get(&format!("{prefix}{name}")).is_some());
        let rules = layout.rules(arch, 2);
        let specs = tensors(arch, 2).into_iter().filter(|spec| rules.origin(&spec.path).is_some()).collect();
        let conversion = Self::take(file, prefix, arch, &rules, specs)?;
        let pixels = pixels::of_trunk(file, *layout, prefix)?;
        Ok(Self { layout: Some(*layout), pixels, ..conversion })
    }

    /// Finds every tensor of `specs` in the file.
    fn take(
        file: &'a TensorFile,
        prefix: &str,
        arch: Arch,
        rules: &Rules,
        specs: Vec<TensorSpec>,
    ) -> Result<Self, ImportError> {
        let (mut pieces, mut missing, mut used) = (Vec::new(), Vec::new(), Vec::new());
        for spec in specs {
            match rules.origin(&spec.path) {
                Some(Origin::Ones) => pieces.push(Piece { spec, from: None }),
                Some(Origin::Tensor { name, rows }) => match file.get(&format!("{prefix}{name}")) {
                    Some(info) if same_shape(&info.shape, &spec.shape) => {
                        used.push(info.name.as_str());
                        pieces.push(Piece { spec, from: Some((info, *rows)) });
                    }
                    Some(info) => {
                        return Err(ImportError::Shape {
                            name: info.name.clone(),
                            found: info.shape.clone(),
                            expected: spec.shape,
                            arch,
                        });
                    }
                    None => missing.push(format!("{prefix}{name}")),
                },
                None => missing.push(spec.path),
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
        Ok(Self { file, layout: None, arch, header: None, pieces, missing, unused, beside, pixels: None })
    }

    /// Refuses what is not there in full.
    fn complete(self, layout: &str) -> Result<Self, ImportError> {
        match self.missing.is_empty() {
            true => Ok(self),
            false => Err(ImportError::Missing { layout: layout.to_owned(), names: self.missing }),
        }
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

    /// Tensors that a trunk's file could have and has not.
    pub fn missing(&self) -> &[String] {
        &self.missing
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

    /// Reads, reorders and writes tensor after tensor; `progress` is told how many of how many are done.
    ///
    /// # Errors
    ///
    /// When a tensor cannot be read, holds a number that is not finite, or does not fit half precision, or `out` does not take it.
    pub fn write(
        &self,
        out: &mut dyn Write,
        dtype: Dtype,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), ImportError> {
        let stored = |piece: &Piece<'_>| match dtype {
            Dtype::F16 if piece.spec.of_convolution() => safetensors::Dtype::F16,
            Dtype::F16 | Dtype::F32 => safetensors::Dtype::F32,
        };
        // Wider numbers first: each tensor then lies on a multiple of its numbers' size.
        let mut pieces: Vec<&Piece<'_>> = self.pieces.iter().collect();
        pieces.sort_by_key(|piece| stored(piece) == safetensors::Dtype::F16);
        let mut end = 0;
        let infos = pieces.iter().map(|piece| {
            let dtype = stored(piece);
            let start = end;
            end += piece.spec.shape.iter().product::<usize>() * if dtype == safetensors::Dtype::F16 { 2 } else { 4 };
            let info = StoredInfo { dtype, shape: piece.spec.shape.clone(), data_offsets: (start, end) };
            (piece.spec.path.clone(), info)
        });
        self.write_header(out, infos.collect())?;

        let mut any = false;
        for (index, piece) in pieces.iter().enumerate() {
            progress(index, pieces.len());
            let values = self.values(piece)?;
            any |= values.iter().any(|value| *value != 0.0);
            let bytes = encoded(&values, stored(piece)).ok_or_else(|| ImportError::NotFinite(self.name(piece)))?;
            out.write_all(&bytes)?;
        }
        progress(pieces.len(), pieces.len());
        if any { Ok(()) } else { Err(ImportError::Zeros) }
    }

    fn write_header(&self, out: &mut dyn Write, infos: Vec<(String, StoredInfo)>) -> Result<(), ImportError> {
        let invalid = |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
        let mut metadata = HashMap::new();
        if let Some(header) = &self.header {
            let json = serde_json::to_string(header).map_err(|error| invalid(&error))?;
            metadata.insert("ssd".to_owned(), json);
        }
        let index = Metadata::new(Some(metadata), infos).map_err(|error| invalid(&error))?;
        let mut json = serde_json::to_vec(&index).map_err(|error| invalid(&error))?;
        json.resize(json.len().next_multiple_of(8), b' ');
        out.write_all(&(json.len() as u64).to_le_bytes())?;
        out.write_all(&json)?;
        Ok(())
    }

    /// The same in memory.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn to_bytes(&self, dtype: Dtype, progress: &mut dyn FnMut(usize, usize)) -> Result<Vec<u8>, ImportError> {
        let numbers: usize = self.pieces.iter().map(|piece| piece.spec.shape.iter().product::<usize>()).sum();
        let mut out = Vec::with_capacity(numbers * if dtype == Dtype::F16 { 2 } else { 4 } + (64 << 10));
        self.write(&mut out, dtype, progress)?;
        Ok(out)
    }

    /// The numbers of one of our tensors.
    fn values(&self, piece: &Piece<'_>) -> Result<Vec<f32>, ImportError> {
        let Some((info, rows)) = piece.from else { return Ok(vec![1.0; piece.spec.shape.iter().product()]) };
        let values = self.file.read_f32(info)?;
        let values = reordered(values, piece.spec.shape[0], rows);
        match (&self.pixels, piece.spec.path.as_str()) {
            (Some(from), pixels::WEIGHT) => Ok(pixels::weight(values, from, &self.arch.preprocess().normalization)),
            (Some(from), pixels::BIAS) => {
                let weight = self.pieces.iter().find(|piece| piece.spec.path == pixels::WEIGHT);
                let weight = match weight.and_then(|piece| piece.from) {
                    Some((info, _)) => self.file.read_f32(info)?,
                    None => Vec::new(),
                };
                Ok(pixels::bias(values, &weight, from, &self.arch.preprocess().normalization))
            }
            _ => Ok(values),
        }
    }

    /// The name by which the user knows a tensor: that in the file.
    fn name(&self, piece: &Piece<'_>) -> String {
        piece.from.map_or_else(|| piece.spec.path.clone(), |(info, _)| info.name.clone())
    }
}

/// Classes of a detector, background counted: what the first head has for each prior of a cell.
fn classes(file: &TensorFile, found: &Recognised, arch: Arch) -> Result<usize, ImportError> {
    let Recognised { layout, prefix } = found;
    let rules = layout.rules(arch, 2);
    let Some(Origin::Tensor { name, .. }) = rules.origin("heads.0.logits.conv.weight") else {
        return Err(ImportError::unknown(file, Some(*layout)));
    };
    let name = format!("{prefix}{name}");
    let info = file
        .get(&name)
        .ok_or_else(|| ImportError::Missing { layout: layout.name().to_owned(), names: vec![name.clone()] })?;
    let boxes = 2 + 2 * arch.feature_maps()[0].ratios.len();
    match info.shape.first() {
        Some(&rows) if rows > 0 && rows % boxes == 0 && rows / boxes > 1 => Ok(rows / boxes),
        _ => Err(ImportError::Classes { name, found: info.shape.clone(), boxes }),
    }
}

fn checked_labels(labels: &[String], classes: usize) -> Result<Vec<String>, ImportError> {
    if labels.len() + 1 == classes {
        Ok(labels.to_vec())
    } else {
        Err(ImportError::Labels { given: labels.len(), classes: classes - 1 })
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

/// Rows in our order.
fn reordered(values: Vec<f32>, count: usize, rows: Rows) -> Vec<f32> {
    if rows == Rows::Ours || count == 0 {
        return values;
    }
    let width = values.len() / count;
    (0..count).flat_map(|row| values[rows.theirs(row, count) * width..][..width].iter().copied()).collect()
}

/// As bytes, or nothing where a number is none, or none in half precision.
fn encoded(values: &[f32], dtype: safetensors::Dtype) -> Option<Vec<u8>> {
    if dtype == safetensors::Dtype::F16 {
        let halves = values.iter().map(|value| f16::from_f32(*value));
        let fine = halves.clone().all(f16::is_finite);
        return fine.then(|| halves.flat_map(f16::to_le_bytes).collect());
    }
    let fine = values.iter().all(|value| value.is_finite());
    fine.then(|| {
        let mut bytes = vec![0; 4 * values.len()];
        // Number by number: byte by byte takes several times as long in a browser.
        bytes.as_chunks_mut().0.iter_mut().zip(values).for_each(|(bytes, value)| *bytes = value.to_le_bytes());
        bytes
    })
}
