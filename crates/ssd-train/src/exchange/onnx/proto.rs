//! The part of ONNX's file format that a convolutional network needs: names and numbers are those of `onnx.proto`.
//!
//! What it is not: it knows no operator and no network.

use crate::protobuf::messages;

messages! {
    /// A whole file, with the version of its format and free text by key.
    ModelProto {
        1 ir_version: i64 [int64];
        2 producer_name: String [string];
        7 graph: Option<GraphProto> [message, optional];
        8 opset_import: Vec<OperatorSetIdProto> [message, repeated];
        14 metadata_props: Vec<StringStringEntryProto> [message, repeated];
    }

    /// A set of operators; the domain of ONNX's own is empty.
    OperatorSetIdProto {
        1 domain: String [string];
        2 version: i64 [int64];
    }

    /// A key and its text.
    StringStringEntryProto {
        1 key: String [string];
        2 value: String [string];
    }

    /// A network: nodes in an order in which they can be run, and constants (weights, shapes, limits).
    GraphProto {
        1 node: Vec<NodeProto> [message, repeated];
        2 name: String [string];
        5 initializer: Vec<TensorProto> [message, repeated];
        11 input: Vec<ValueInfoProto> [message, repeated];
        12 output: Vec<ValueInfoProto> [message, repeated];
    }

    /// One operation. Values go by name; each is made once.
    NodeProto {
        1 input: Vec<String> [string, repeated];
        2 output: Vec<String> [string, repeated];
        3 name: String [string];
        4 op_type: String [string];
        5 attribute: Vec<AttributeProto> [message, repeated];
    }

    /// A parameter of an operator: of the values the one that `kind` names.
    AttributeProto {
        1 name: String [string];
        2 f: Option<f32> [float, optional];
        3 i: Option<i64> [int64, optional];
        8 ints: Vec<i64> [int64, repeated];
        20 kind: i32 [int32];
    }

    /// A constant: its shape, empty for a single number, and its numbers, little-endian.
    TensorProto {
        1 dims: Vec<i64> [int64, repeated];
        2 data_type: i32 [int32];
        8 name: String [string];
        9 raw_data: Vec<u8> [bytes = "vec"];
    }

    /// What a value of the graph's edge looks like.
    ValueInfoProto {
        1 name: String [string];
        2 r#type: Option<TypeProto> [message, optional];
    }

    /// A type; of those that ONNX has, tensors alone.
    TypeProto { 1 tensor_type: Option<TensorTypeProto> [message, optional]; }

    /// Tensors of one shape.
    TensorTypeProto {
        1 elem_type: i32 [int32];
        2 shape: Option<TensorShapeProto> [message, optional];
    }

    /// A shape, outermost side first.
    TensorShapeProto { 1 dim: Vec<DimensionProto> [message, repeated]; }

    /// One side of a shape.
    DimensionProto { 1 dim_value: Option<i64> [int64, optional]; }
}

/// The `kind` of an attribute: one number, one integer, several integers.
pub const ATTRIBUTE_FLOAT: i32 = 1;
pub const ATTRIBUTE_INT: i32 = 2;
pub const ATTRIBUTE_INTS: i32 = 7;

/// The type of a tensor's numbers: 32 bits with a point, whole ones of 64 bits.
pub const FLOAT: i32 = 1;
pub const INT64: i32 = 7;
