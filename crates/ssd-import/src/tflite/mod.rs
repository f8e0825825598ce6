//! TensorFlow Lite: a FlatBuffer of tensors and operators. Unlike the other formats it says what the network does.
//!
//! `flat` and `flex` read the containers, `schema`, `operator` and `options` what is in them; the result is an index of
//! the constants, as of any file, and a [`Graph`]. In the graph `convolutions` finds the convolutions, each with its
//! `activation`, and `tail` the way from them to the post-processing.

mod activation;
mod convolutions;
mod flat;
mod flex;
mod graph;
mod operator;
mod options;
mod schema;
mod tail;

pub(crate) use self::convolutions::{Convolution, convolutions};
pub(crate) use self::graph::{Graph, Value};
pub(crate) use self::options::Options;
pub(crate) use self::schema::is_tflite;
pub(crate) use self::tail::{Head, Tail, tail};

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};

use self::operator::{Kind, Operator};
use self::schema::StoredTensor;
use crate::error::FileError;
use crate::index::Index;
use crate::source::{ByteSource, Reader};
use crate::tensor::{Place, Storage, TensorInfo};
use crate::{labels, zip};

/// What the Edge TPU's compiler leaves of a network.
const EDGE_TPU: &str = "edgetpu-custom-op";

/// Constants of up to so many bytes are read with the index: numbers that settings of the network are made of.
const SMALL: u64 = 64;

/// Reads the structure of a file.
pub(crate) fn open(source: &dyn ByteSource) -> Result<(Index, Graph), FileError> {
    let stored = schema::read(source)?;
    refuse_unreadable(&stored.operators, &stored.tensors)?;
    let (mut names, mut infos, mut storages, mut values) = (HashSet::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, tensor) in stored.tensors.into_iter().enumerate() {
        let StoredTensor { name, shape, dtype, quantisation, data } = tensor;
        let mut value = Value { name, shape, dtype, quantisation, constant: None, small: Vec::new() };
        if let Some(data) = data {
            let name = unique(&value.name, index, &mut names);
            let (start, len) = (data.start, data.end - data.start);
            let storage = Storage { name: name.clone(), start, len, unchecked: Cell::new(None) };
            let place = Place { storage: storages.len(), offset: 0, strides: None };
            let (dtype, shape, quantisation) = (value.dtype.clone(), value.shape.clone(), value.quantisation.clone());
            let info = TensorInfo { name, dtype, shape, quantisation, place };
            info.check_filling(&storage)?;
            if len <= SMALL && info.dtype.size().is_some() {
                value.small = info.read(source, &storage)?;
            }
            value.constant = Some(infos.len());
            infos.push(info);
            storages.push(storage);
        }
        values.push(value);
    }
    let index = Index::new(infos, storages, BTreeMap::new(), source.size())?;
    Ok((index, Graph::new(stored.operators, values, stored.inputs, label_lines(source))))
}

/// Files in which there are no weights to read.
fn refuse_unreadable(operators: &[Operator], tensors: &[StoredTensor]) -> Result<(), FileError> {
    if operators.iter().any(|operator| operator.kind == Kind::Custom(EDGE_TPU.into())) {
        let what =
            format!("compiled for the Edge TPU (its network is one {EDGE_TPU}, whose form that chip alone knows)");
        return Err(FileError::Format(what, "give the .tflite file that it was compiled from"));
    }
    if tensors.iter().all(|tensor| tensor.data.is_none()) {
        let what = "a TensorFlow Lite file without any weights".into();
        return Err(FileError::Format(what, "give one that holds them"));
    }
    Ok(())
}

/// The longest label file that is read.
const LONGEST_LABELS: u64 = 1 << 20;

/// The lines of a label file in the zip archive that newer files end with; `None` where there is none, or one that is
/// not understood: it is no part of the network.
fn label_lines(source: &dyn ByteSource) -> Option<Vec<String>> {
    let entries = zip::entries(source).ok()?;
    let mut texts = entries.iter().filter(|entry| entry.name.ends_with(".txt") && entry.len <= LONGEST_LABELS);
    let entry = texts.clone().find(|entry| entry.name.contains("label")).or_else(|| texts.next())?;
    let bytes = Reader::new(source, entry.start..entry.start + entry.len).bytes(entry.len).ok()?;
    let lines = labels::from_lines(String::from_utf8_lossy(&bytes).lines());
    (!lines.is_empty()).then_some(lines)
}

/// A name that no other constant has: the format allows them to be empty and to repeat.
fn unique(name: &str, index: usize, names: &mut HashSet<String>) -> String {
    let mut name = if name.is_empty() { format!("tensor {index}") } else { name.to_owned() };
    while !names.insert(name.clone()) {
        name = format!("{name} #{index}");
    }
    name
}
