//! The operators of a network in the order of execution, and the values between them.

use std::collections::BTreeMap;

use super::operator::{Fused, Kind, Operator, name, number};
use crate::dtype::DType;
use crate::error::quoted;
use crate::tensor::Quantisation;

/// A network as its file describes it.
pub(crate) struct Graph {
    pub(super) operators: Vec<Operator>,
    pub(crate) values: Vec<Value>,
    /// What the caller fills.
    pub(crate) inputs: Vec<usize>,
    /// The lines of a label file that is packed into the file.
    pub(crate) labels: Option<Vec<String>>,
    /// The operator that makes a value.
    makers: Vec<Option<usize>>,
    /// The operators that take a value.
    users: Vec<Vec<usize>>,
}

/// What operators take and make: a constant, the input or a map in between.
pub(crate) struct Value {
    pub(crate) name: String,
    /// Batch, rows, columns, channels.
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: DType,
    pub(crate) quantisation: Option<Quantisation>,
    /// Its place among the tensors of the file, if it is a constant.
    pub(crate) constant: Option<usize>,
    /// The numbers of a constant of few.
    pub(super) small: Vec<f32>,
}

/// Kinds of operators that a sentence names.
const MOST_KINDS: usize = 8;

impl Value {
    /// Rows and columns of a map.
    pub(super) fn size(&self) -> Option<[usize; 2]> {
        match self.shape[..] {
            [_, rows, columns, _] => Some([rows, columns]),
            _ => None,
        }
    }

    /// The least and the largest number that a quantised value can be.
    pub(crate) fn range(&self) -> Option<(f32, f32)> {
        let (least, most) = match self.dtype {
            DType::U8 => (0.0, 255.0),
            DType::I8 => (-128.0, 127.0),
            _ => return None,
        };
        let (scale, zero_point) = self.quantisation.as_ref()?.at(0);
        Some((scale * (least - zero_point), scale * (most - zero_point)))
    }
}

impl Graph {
    pub(super) fn new(
        operators: Vec<Operator>,
        values: Vec<Value>,
        inputs: Vec<usize>,
        labels: Option<Vec<String>>,
    ) -> Self {
        let (mut makers, mut users) = (vec![None; values.len()], vec![Vec::new(); values.len()]);
        for (index, operator) in operators.iter().enumerate() {
            for output in &operator.outputs {
                makers[*output] = Some(index);
            }
            for input in operator.inputs.iter().flatten() {
                users[*input].push(index);
            }
        }
        Self { operators, values, inputs, labels, makers, users }
    }

    /// Whether some activation has the range that TensorFlow's converter makes up where none was measured.
    pub(crate) fn has_made_up_ranges(&self) -> bool {
        let made = self.makers.iter().zip(&self.values).filter(|(maker, _)| maker.is_some());
        made.into_iter().any(|(_, value)| value.dtype == DType::U8 && value.range() == Some((0.0, 255.0)))
    }

    /// How many operators of which kinds there are, the most frequent first.
    pub(crate) fn in_words(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for operator in &self.operators {
            *counts.entry(name(&operator.kind)).or_default() += 1;
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let more = if counts.len() > MOST_KINDS { ", …" } else { "" };
        let first = counts.iter().take(MOST_KINDS).map(|(name, count)| format!("{count} {}", quoted(name)));
        format!("{}{more}", first.collect::<Vec<_>>().join(", "))
    }

    /// The operator before `before` that makes a value; so a way back has an end.
    pub(super) fn maker(&self, value: usize, before: usize) -> Option<(usize, &Operator)> {
        let maker = self.makers[value].filter(|maker| *maker < before)?;
        Some((maker, &self.operators[maker]))
    }

    /// The operators that take a value, or what it is after a change of scale.
    pub(super) fn users(&self, value: usize) -> &[usize] {
        &self.users[self.rescaled(value)]
    }

    /// The value after changes of scale that are all that follows it.
    pub(super) fn rescaled(&self, mut value: usize) -> usize {
        let mut last = None;
        while let [user] = self.users[value][..]
            && last.is_none_or(|last| last < user)
            && self.operators[user].rescales()
            && let Some(output) = self.operators[user].output()
        {
            (value, last) = (output, Some(user));
        }
        value
    }

    /// The map that an operator takes, before changes of scale and padding; also the padding, where there is some, by
    /// rows and columns.
    pub(super) fn map(&self, mut value: usize, mut at: usize) -> (usize, Option<[[usize; 2]; 2]>) {
        let mut padding = None;
        while let Some((maker, operator)) = self.maker(value, at) {
            let pads = operator.is(number::PAD).then(|| self.pads(operator)).flatten();
            let pads = pads.filter(|_| padding.is_none());
            match operator.input(0) {
                Some(input) if operator.rescales() || pads.is_some() => (value, at) = (input, maker),
                _ => break,
            }
            padding = padding.or(pads);
        }
        (value, padding)
    }

    /// Zeros before and after rows and columns.
    fn pads(&self, pad: &Operator) -> Option<[[usize; 2]; 2]> {
        match self.values[pad.input(1)?].small[..] {
            [0.0, 0.0, top, bottom, left, right, 0.0, 0.0] => {
                let side = |side: f32| (0.0..=255.0).contains(&side).then_some(side as usize);
                Some([[side(top)?, side(bottom)?], [side(left)?, side(right)?]])
            }
            _ => None,
        }
    }

    /// The constant that a value is, or from which it is made by a change of scale alone.
    pub(super) fn constant(&self, value: usize, at: usize) -> Option<usize> {
        self.values[self.map(value, at).0].constant
    }

    /// The single number that an operator of two inputs takes beside `value`.
    pub(super) fn beside(&self, operator: usize, value: usize) -> Option<f32> {
        let [Some(a), Some(b)] = self.operators[operator].inputs[..] else { return None };
        let other = if a == value { b } else { a };
        match self.values[self.map(other, operator).0].small[..] {
            [number] => Some(number),
            _ => None,
        }
    }

    /// The activation at the end of an operator. Some writers leave ReLU6 to the range of a quantised output.
    pub(super) fn fused(&self, fused: Fused, output: usize) -> Fused {
        let near = |a: f32, b: f32| (a - b).abs() < 0.05;
        match self.values[output].range() {
            Some((least, most)) if fused == Fused::None && near(least, 0.0) && near(most, 6.0) => Fused::Relu6,
            _ => fused,
        }
    }
}

impl Operator {
    /// Whether it is of a kind whose settings do not matter.
    pub(super) fn is(&self, number: i32) -> bool {
        self.kind == Kind::Other(number)
    }

    /// Whether it changes how numbers are stored and not what they are.
    pub(super) fn rescales(&self) -> bool {
        self.is(number::QUANTIZE) || self.is(number::DEQUANTIZE)
    }
}
