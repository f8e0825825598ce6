//! The convolutions of a network, in the order of execution, each with the activation after it, however the file
//! spells it.

use std::collections::HashMap;

use ssd_cpu::{Activation, Padding};

use super::activation::end;
use super::graph::Graph;
use super::operator::{Kind, Operator, Window, name, number};

/// A convolution.
#[derive(Debug, Clone)]
pub(crate) struct Convolution {
    /// Its place among the operators.
    pub(super) operator: usize,
    /// Of each channel by itself.
    pub(crate) depthwise: bool,
    /// Its weights among the tensors of the file, in the order output, rows, columns, input; of a depthwise one 1,
    /// rows, columns, output.
    pub(crate) weight: usize,
    /// Its bias among the tensors of the file, if there is one.
    pub(crate) bias: Option<usize>,
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    /// Rows and columns of kernel, stride, dilation and map.
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) size_in: [usize; 2],
    pub(crate) padding: Padding,
    pub(crate) activation: Activation,
    /// The map that it reads and the one after its activation; equal maps have equal numbers.
    pub(crate) input: usize,
    pub(crate) output: usize,
    /// How many times larger the file's numbers in `input` are than those that its activation would give: the weights
    /// take it up.
    pub(crate) gain: f32,
    /// What the bias has more than it has before its activation.
    pub(crate) excess: f32,
}

/// All convolutions, or a sentence on one that is not understood.
pub(crate) fn convolutions(graph: &Graph) -> Result<Vec<Convolution>, String> {
    let mut found: Vec<Convolution> = Vec::new();
    let mut gains = Gains::default();
    for (index, operator) in graph.operators.iter().enumerate() {
        match &operator.kind {
            Kind::Convolution(window) | Kind::Depthwise(window) => {
                let (convolution, gain) = read(graph, index, operator, *window, &gains).ok_or_else(|| {
                    format!("its {} of {} is not understood", name(&operator.kind), title(graph, operator))
                })?;
                gains.set(convolution.output, gain);
                found.push(convolution);
            }
            _ => gains.pass(graph, index, operator)?,
        }
    }
    Ok(found)
}

/// What an operator makes, by its name in the file.
fn title(graph: &Graph, operator: &Operator) -> String {
    let name = operator.outputs.first().map(|output| graph.values[*output].name.as_str()).unwrap_or_default();
    crate::error::quoted(name)
}

/// How many times too large values are. Where a file divides hard swish by 6 in the weights of the next convolution,
/// the values in between are six times as large.
#[derive(Default)]
struct Gains(HashMap<usize, f32>);

impl Gains {
    fn of(&self, value: usize) -> f32 {
        self.0.get(&value).copied().unwrap_or(1.0)
    }

    fn set(&mut self, value: usize, gain: f32) {
        if gain != 1.0 {
            self.0.insert(value, gain);
        }
    }

    /// Follows them through an operator that is no convolution.
    fn pass(&mut self, graph: &Graph, index: usize, operator: &Operator) -> Result<(), String> {
        let Some(output) = operator.output() else { return Ok(()) };
        // A value that a convolution's activation already explains.
        if self.0.contains_key(&output) {
            return Ok(());
        }
        let inputs: Vec<f32> =
            operator.inputs.iter().flatten().map(|input| self.of(graph.map(*input, index).0)).collect();
        let gain = match &operator.kind {
            Kind::Multiply(_) => inputs.iter().product(),
            Kind::Other(number::MEAN) => inputs.first().copied().unwrap_or(1.0),
            _ if inputs.iter().all(|gain| *gain == 1.0) || operator.rescales() || operator.is(number::PAD) => 1.0,
            // The parts of a hard swish see the convolution's output, which has none.
            kind => return Err(format!("its {} mixes maps of different scales", name(kind))),
        };
        self.set(output, gain);
        Ok(())
    }
}

/// The largest side of a kernel or map.
const MOST: usize = 1 << 14;

/// A convolution, and the gain of its output.
fn read(graph: &Graph, index: usize, operator: &Operator, window: Window, gains: &Gains) -> Option<(Convolution, f32)> {
    let (input, pads) = graph.map(operator.input(0)?, index);
    let (weight, output) = (graph.constant(operator.input(1)?, index)?, operator.output()?);
    let bias = match operator.input(2) {
        Some(bias) => Some(graph.constant(bias, index)?),
        None => None,
    };
    let weights = graph.values.iter().find(|value| value.constant == Some(weight))?;
    let size_in = graph.values[input].size()?;
    let (channels_map, depthwise) = (*graph.values[input].shape.last()?, matches!(operator.kind, Kind::Depthwise(_)));
    let (channels_in, channels_out, kernel) = match weights.shape[..] {
        [1, rows, columns, output] if depthwise => (channels_map, output, [rows, columns]),
        [output, rows, columns, input] if !depthwise => (input, output, [rows, columns]),
        _ => return None,
    };
    // A bias has a number for each output.
    let whole = bias.is_none_or(|bias| {
        graph.values.iter().any(|value| value.constant == Some(bias) && value.shape == [channels_out])
    });
    if !whole || channels_in != channels_map || [size_in, kernel].concat().iter().any(|side| *side > MOST) {
        return None;
    }
    let padding = match (window.same, pads) {
        (true, None) => same(size_in, kernel, window),
        (false, None) => Padding::NONE,
        (false, Some([rows, columns])) => Padding { before: [rows[0], columns[0]], after: [rows[1], columns[1]] },
        (true, Some(_)) => return None,
    };
    let end = end(graph, output, window.fused)?;
    let convolution = Convolution {
        operator: index,
        depthwise,
        weight,
        bias,
        channels_in,
        channels_out,
        kernel,
        stride: window.stride,
        dilation: window.dilation,
        size_in,
        padding,
        activation: end.activation,
        input,
        output: end.output,
        gain: gains.of(input),
        excess: end.excess,
    };
    Some((convolution, end.gain))
}

/// By rows and columns, whose kernels may differ.
fn same(size_in: [usize; 2], kernel: [usize; 2], window: Window) -> Padding {
    let [rows, columns] =
        [0, 1].map(|axis| Padding::same(size_in, kernel[axis], window.stride[axis], window.dilation[axis]));
    Padding { before: [rows.before[0], columns.before[1]], after: [rows.after[0], columns.after[1]] }
}
