//! The network written down as ONNX operators by [`GraphWriter`], a [`Steps`] whose maps are names.
//!
//! Batch norm is folded into the convolutions, so none is left. A value has the name of the layer that makes it; what
//! has to be done before that is `NAME.part`.

use std::fmt::Arguments;

use ssd::model::{ConvStep, L2NORM_EPSILON, L2Norm, Pool, Steps};
use ssd_cpu::{Activation, ConvShape};

use super::proto::{
    ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_INTS, AttributeProto, FLOAT, GraphProto, INT64, NodeProto, TensorProto,
};

/// The limits of ReLU6, as values of the graph.
const RELU6_LIMITS: [(&str, f32); 2] = [("zero", 0.0), ("six", 6.0)];

/// A value of the graph.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    pub(super) name: String,
    /// `[1, channels, H, W]`
    pub(super) dims: [usize; 4],
}

/// Writes a network down.
#[derive(Default)]
pub(super) struct GraphWriter {
    graph: GraphProto,
    /// The levels' predictions so far, by name.
    offsets: Vec<String>,
    logits: Vec<String>,
}

impl GraphWriter {
    /// The graph, with all levels in one row: `offsets [1, P, 4]` and `logits [1, P, C]` under the names given.
    pub(super) fn finish(mut self, offsets: &str, logits: &str) -> GraphProto {
        for (name, levels) in [(offsets, std::mem::take(&mut self.offsets)), (logits, std::mem::take(&mut self.logits))]
        {
            self.node("Concat", levels, name, vec![int("axis", 1)]);
        }
        self.graph
    }

    fn node(&mut self, operator: &str, input: Vec<String>, output: &str, attribute: Vec<AttributeProto>) -> String {
        self.graph.node.push(NodeProto {
            input,
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: operator.to_owned(),
            attribute,
        });
        output.to_owned()
    }

    fn floats(&mut self, name: String, dims: &[usize], values: &[f32]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = TensorProto { dims: whole(dims), data_type: FLOAT, name: name.clone(), raw_data };
        self.graph.initializer.push(tensor);
        name
    }

    fn integers(&mut self, name: String, values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = TensorProto { dims: whole(&[values.len()]), data_type: INT64, name: name.clone(), raw_data };
        self.graph.initializer.push(tensor);
        name
    }

    /// The convolution alone, as the value `output`.
    fn sum(&mut self, layer: &str, step: &ConvStep<'_>, x: Map, output: &str) -> Map {
        let shape = step.shape;
        let (weights, shift) = step.folded();
        let ConvShape { channels_out, kernel, .. } = shape;
        let weight_dims = [channels_out, shape.channels_in / shape.groups, kernel, kernel];
        let weights = self.floats(format!("{layer}.weight"), &weight_dims, &weights);
        let shift = self.floats(format!("{layer}.bias"), &[channels_out], &shift);
        let attributes = vec![
            int("group", shape.groups),
            ints("dilations", &[shape.dilation; 2]),
            ints("kernel_shape", &[kernel; 2]),
            ints("pads", &shape.padding.sides()),
            ints("strides", &[shape.stride; 2]),
        ];
        let name = self.node("Conv", vec![x.name, weights, shift], output, attributes);
        let [height, width] = shape.size_out([x.dims[2], x.dims[3]]);
        Map { name, dims: [1, channels_out, height, width] }
    }

    /// `input` as it is where there is no activation; it has to have its name then ([`before`]).
    fn activate(&mut self, activation: Activation, input: String, output: &str) -> String {
        match activation {
            Activation::None => input,
            Activation::Relu => self.node("Relu", vec![input], output, Vec::new()),
            Activation::Relu6 => self.clip_to_six(input, output),
            Activation::HardSwish => self.node("HardSwish", vec![input], output, Vec::new()),
            // The operator's own slope is another one, 0.2.
            Activation::HardSigmoid => {
                let slope = vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)];
                self.node("HardSigmoid", vec![input], output, slope)
            }
        }
    }

    fn clip_to_six(&mut self, input: String, output: &str) -> String {
        for (name, value) in RELU6_LIMITS {
            if self.graph.initializer.iter().all(|tensor| tensor.name != name) {
                self.floats(name.to_owned(), &[], &[value]);
            }
        }
        let limits = RELU6_LIMITS.map(|(name, _)| name.to_owned());
        self.node("Clip", [vec![input], limits.to_vec()].concat(), output, Vec::new())
    }

    /// `[1, K * width, H, W]` to `[1, H * W * K, width]`: a row for each prior.
    fn rows(&mut self, map: Map, width: usize) -> String {
        let Map { name, .. } = map;
        let last =
            self.node("Transpose", vec![name.clone()], &format!("{name}.last"), vec![ints("perm", &[0, 2, 3, 1])]);
        let shape = self.integers(format!("{name}.shape"), &[1, -1, width as i64]);
        self.node("Reshape", vec![last, shape], &format!("{name}.rows"), Vec::new())
    }
}

impl Steps for GraphWriter {
    type Map = Map;

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map) -> Map {
        let name = name.to_string();
        let sum = self.sum(&name, step, x, &before(step.shape.activation, &name, "sum"));
        let active = self.activate(step.shape.activation, sum.name, &name);
        Map { name: active, ..sum }
    }

    fn convolve_onto(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map, residual: Map) -> Map {
        let name = name.to_string();
        let sum = self.sum(&name, step, x, &format!("{name}.sum"));
        let added = before(step.shape.activation, &name, "added");
        let added = self.node("Add", vec![sum.name, residual.name], &added, Vec::new());
        let active = self.activate(step.shape.activation, added, &name);
        Map { name: active, ..sum }
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: Map) -> Map {
        let [batch, channels, height, width] = x.dims;
        let size_out = pool.size_out([height, width]);
        let attributes = vec![
            ints("kernel_shape", &[pool.kernel; 2]),
            ints("pads", &pool.padding.sides()),
            ints("strides", &[pool.stride; 2]),
        ];
        let name = self.node("MaxPool", vec![x.name], &name.to_string(), attributes);
        Map { name, dims: [batch, channels, size_out[0], size_out[1]] }
    }

    fn average(&mut self, name: Arguments<'_>, x: Map) -> Map {
        let [batch, channels, ..] = x.dims;
        let name = self.node("GlobalAveragePool", vec![x.name], &name.to_string(), Vec::new());
        Map { name, dims: [batch, channels, 1, 1] }
    }

    fn scale(&mut self, name: Arguments<'_>, x: Map, factors: Map) -> Map {
        let name = self.node("Mul", vec![x.name, factors.name], &name.to_string(), Vec::new());
        Map { name, ..x }
    }

    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: Map) -> Map {
        let name = name.to_string();
        let part = |what: &str| format!("{name}.{what}");
        let scale: Vec<f32> = norm.scale.val().into_data().iter::<f32>().collect();
        let scale = self.floats(part("scale"), &[1, scale.len(), 1, 1], &scale);
        let epsilon = self.floats(part("epsilon"), &[], &[L2NORM_EPSILON]);
        let over_channels = vec![ints("axes", &[1]), int("keepdims", 1)];
        let squares = self.node("ReduceSumSquare", vec![x.name.clone()], &part("squares"), over_channels);
        let safe = self.node("Add", vec![squares, epsilon], &part("safe"), Vec::new());
        let length = self.node("Sqrt", vec![safe], &part("length"), Vec::new());
        let unit = self.node("Div", vec![x.name, length], &part("unit"), Vec::new());
        let name = self.node("Mul", vec![unit, scale], &name, Vec::new());
        Map { name, ..x }
    }

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Map), logits: (&ConvStep<'_>, Map)) {
        let name = |what: &str| format!("head{}.{what}", level + 1);
        let offsets = self.convolve(format_args!("{}", name("offsets")), offsets.0, offsets.1);
        let logits = self.convolve(format_args!("{}", name("logits")), logits.0, logits.1);
        let priors_of_cell = offsets.dims[1] / 4;
        let classes = logits.dims[1] / priors_of_cell;
        let (offsets, logits) = (self.rows(offsets, 4), self.rows(logits, classes));
        self.offsets.push(offsets);
        self.logits.push(logits);
    }
}

/// What a layer's value is called before its activation: `NAME.part`, or its own name if there is none.
fn before(activation: Activation, layer: &str, part: &str) -> String {
    if activation == Activation::None { layer.to_owned() } else { format!("{layer}.{part}") }
}

/// Sizes as ONNX has them.
pub(super) fn whole(sizes: &[usize]) -> Vec<i64> {
    sizes.iter().map(|&size| size as i64).collect()
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), f: Some(value), kind: ATTRIBUTE_FLOAT, ..AttributeProto::default() }
}

fn int(name: &str, value: usize) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: Some(value as i64), kind: ATTRIBUTE_INT, ..AttributeProto::default() }
}

fn ints(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: whole(values), kind: ATTRIBUTE_INTS, ..AttributeProto::default() }
}
