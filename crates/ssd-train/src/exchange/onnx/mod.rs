//! A detector's network as an ONNX file, for runtimes that are not ours: to be measured against, or to take the weights
//! elsewhere.
//!
//! What it is: `image [1, 3, S, S]`, resized and normalised as [`ssd::preprocess`] does it, to `offsets [1, P, 4]` and
//! `logits [1, P, C]`, all f32. What it is not: pixels do not enter it and boxes do not leave it. What those two ends
//! need (normalisation, priors, variances, labels, thresholds) is in the file's metadata under the key `ssd`, as in a
//! weights file.

mod graph;
mod proto;

use burn::tensor::Device;
use graph::{GraphWriter, Map, whole};
use prost::Message;
use proto::{
    DimensionProto, FLOAT, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};
use ssd::weights::{Header, Provenance, WeightsError};
use ssd::{Arch, Ssd};

/// Of ONNX's operators; all that is used has the same meaning in any later one, but for the axes of a reduction.
pub const OPERATORS_VERSION: i64 = 17;

/// Of the file format; the one that came with [`OPERATORS_VERSION`].
pub const FORMAT_VERSION: i64 = 8;

/// The network as the bytes of an ONNX file. The model has to lie on the CPU, where its weights are read.
///
/// # Errors
/// When the header cannot be written as JSON.
pub fn export(header: &Header, model: &Ssd) -> Result<Vec<u8>, WeightsError> {
    let json = serde_json::to_string(header).map_err(|error| WeightsError::Encode(error.to_string()))?;
    let (size, priors) = (header.input_size, header.priors.len());
    let mut writer = GraphWriter::default();
    model.run(&mut writer, Map { name: "image".to_owned(), dims: [1, 3, size, size] });
    let mut graph = writer.finish("offsets", "logits");
    graph.name = header.arch.to_string();
    graph.input = vec![value("image", &[1, 3, size, size])];
    graph.output = vec![value("offsets", &[1, priors, 4]), value("logits", &[1, priors, header.columns()])];
    let file = ModelProto {
        ir_version: FORMAT_VERSION,
        producer_name: "ssd-train export-onnx".to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATORS_VERSION }],
        metadata_props: vec![StringStringEntryProto { key: "ssd".to_owned(), value: json }],
    };
    Ok(file.encode_to_vec())
}

/// A network that nobody trained, with so many classes (background not counted), on the CPU: how long it takes does not
/// depend on what it learned. The same seed gives the same weights.
pub fn untrained(arch: Arch, classes: usize, seed: u64) -> (Header, Ssd) {
    let device = Device::flex();
    device.seed(seed);
    let labels = (1..=classes).map(|class| format!("class {class}")).collect();
    let provenance = Provenance { data: format!("none: random weights, seed {seed}"), ..Provenance::default() };
    let header = Header::new(arch, labels, provenance);
    let model = Ssd::new(arch, header.columns(), &device);
    (header, model)
}

fn value(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = whole(dims).into_iter().map(|length| DimensionProto { dim_value: Some(length) }).collect();
    let tensor_type = TensorTypeProto { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

#[cfg(test)]
mod tests;
