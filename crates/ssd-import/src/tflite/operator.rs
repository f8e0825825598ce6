//! The operators of a network, as far as their settings matter here.

use super::flat::Table;
use super::flex;
use super::options::Options;
use crate::error::FileError;

/// An operator and its tensors.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) kind: Kind,
    /// `None` for one that is left out.
    pub(crate) inputs: Vec<Option<usize>>,
    pub(crate) outputs: Vec<usize>,
}

/// What an operator does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Convolution(Window),
    /// Of each channel by itself.
    Depthwise(Window),
    /// Along a side; a negative one counts from the last.
    Concatenation(i32),
    Add(Fused),
    Multiply(Fused),
    /// TensorFlow's own post-processing of SSD.
    PostProcess(Options),
    /// One that the project calls by name.
    Custom(String),
    /// Any other, by its number.
    Other(i32),
}

/// How a convolution goes over its map, by rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Padding `SAME`; else there is none.
    pub(crate) same: bool,
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) fused: Fused,
}

/// The activation within an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fused {
    None,
    Relu,
    Relu6,
    Other,
}

/// Numbers of operators whose settings do not matter.
pub(crate) mod number {
    pub(crate) const DEQUANTIZE: i32 = 6;
    pub(crate) const LOGISTIC: i32 = 14;
    pub(crate) const RELU: i32 = 19;
    pub(crate) const RELU6: i32 = 21;
    pub(crate) const RESHAPE: i32 = 22;
    pub(crate) const PAD: i32 = 34;
    pub(crate) const MEAN: i32 = 40;
    pub(crate) const SQUEEZE: i32 = 43;
    pub(crate) const QUANTIZE: i32 = 114;
    pub(crate) const HARD_SWISH: i32 = 117;
}

const CONVOLUTION: i32 = 3;
const DEPTHWISE: i32 = 4;
const CONCATENATION: i32 = 2;
const ADD: i32 = 0;
const MULTIPLY: i32 = 18;
const CUSTOM: i32 = 32;

/// The project's names, for sentences: of those above, and of those that other networks have.
const NAMES: [(i32, &str); 33] = [
    (ADD, "ADD"),
    (1, "AVERAGE_POOL_2D"),
    (CONCATENATION, "CONCATENATION"),
    (CONVOLUTION, "CONV_2D"),
    (DEPTHWISE, "DEPTHWISE_CONV_2D"),
    (number::DEQUANTIZE, "DEQUANTIZE"),
    (9, "FULLY_CONNECTED"),
    (number::LOGISTIC, "LOGISTIC"),
    (17, "MAX_POOL_2D"),
    (MULTIPLY, "MUL"),
    (number::RELU, "RELU"),
    (number::RELU6, "RELU6"),
    (number::RESHAPE, "RESHAPE"),
    (23, "RESIZE_BILINEAR"),
    (25, "SOFTMAX"),
    (28, "TANH"),
    (number::PAD, "PAD"),
    (39, "TRANSPOSE"),
    (number::MEAN, "MEAN"),
    (41, "SUB"),
    (42, "DIV"),
    (number::SQUEEZE, "SQUEEZE"),
    (45, "STRIDED_SLICE"),
    (47, "EXP"),
    (49, "SPLIT"),
    (54, "PRELU"),
    (67, "TRANSPOSE_CONV"),
    (82, "REDUCE_MAX"),
    (83, "PACK"),
    (97, "RESIZE_NEAREST_NEIGHBOR"),
    (98, "LEAKY_RELU"),
    (number::QUANTIZE, "QUANTIZE"),
    (number::HARD_SWISH, "HARD_SWISH"),
];

/// What a file says of the operators of one kind.
pub(super) struct OperatorCode {
    number: i32,
    name: String,
}

impl OperatorCode {
    pub(super) fn read(table: Table<'_>) -> Result<Self, FileError> {
        // Old writers fill the byte alone; new ones put a placeholder there where the number does not fit it.
        let number = i32::from(table.byte(0)?.cast_signed()).max(table.i32(3, 0)?);
        Ok(Self { number, name: table.text(1)? })
    }
}

/// The longest options of a post-processing that are read; usual ones have some 300 bytes.
const LONGEST_OPTIONS: u64 = 4096;

impl Operator {
    /// Reads one of a network of so many tensors.
    pub(super) fn read(table: Table<'_>, codes: &[OperatorCode], tensors: usize) -> Result<Self, FileError> {
        let code = codes.get(table.u32(0)? as usize).ok_or_else(|| FileError::damaged("an operator has no code"))?;
        let tensor = |index: i32| match usize::try_from(index) {
            Ok(index) if index < tensors => Ok(Some(index)),
            Err(_) => Ok(None),
            Ok(index) => Err(FileError::damaged(format!("an operator takes tensor {index}, which is not there"))),
        };
        let inputs = table.i32s(1)?.into_iter().map(tensor).collect::<Result<_, _>>()?;
        let outputs: Vec<Option<usize>> = table.i32s(2)?.into_iter().map(tensor).collect::<Result<_, _>>()?;
        Ok(Self { kind: kind(table, code)?, inputs, outputs: outputs.into_iter().flatten().collect() })
    }

    /// A tensor that it takes.
    pub(crate) fn input(&self, index: usize) -> Option<usize> {
        self.inputs.get(index).copied().flatten()
    }

    /// What it makes, where that is one tensor.
    pub(crate) fn output(&self) -> Option<usize> {
        match self.outputs[..] {
            [output] => Some(output),
            _ => None,
        }
    }
}

fn kind(table: Table<'_>, code: &OperatorCode) -> Result<Kind, FileError> {
    let settings = || table.table(4);
    let fused = |field| settings()?.map_or(Ok(Fused::None), |table| fused(table, field));
    Ok(match code.number {
        CONVOLUTION => Kind::Convolution(window(settings()?, [1, 2], 3, [4, 5])?),
        DEPTHWISE => Kind::Depthwise(window(settings()?, [1, 2], 4, [5, 6])?),
        CONCATENATION => Kind::Concatenation(settings()?.map_or(Ok(0), |table| table.i32(0, 0))?),
        ADD => Kind::Add(fused(0)?),
        MULTIPLY => Kind::Multiply(fused(0)?),
        CUSTOM if code.name == "TFLite_Detection_PostProcess" => {
            let place = table.bytes_at(5)?;
            let bytes = if place.end - place.start > LONGEST_OPTIONS { Vec::new() } else { table.bytes(5)? };
            let numbers = flex::numbers(&bytes);
            let options = numbers.and_then(|numbers| Options::of(&numbers));
            Kind::PostProcess(
                options.ok_or_else(|| FileError::damaged("the options of its post-processing cannot be read"))?,
            )
        }
        CUSTOM => Kind::Custom(code.name.clone()),
        number => Kind::Other(number),
    })
}

/// The settings of a convolution by their places: strides and dilations, columns before rows, and the activation.
fn window(
    table: Option<Table<'_>>,
    strides: [u16; 2],
    activation: u16,
    dilations: [u16; 2],
) -> Result<Window, FileError> {
    let wrong = || FileError::damaged("a convolution has no stride, or one beyond reason");
    let table = table.ok_or_else(wrong)?;
    let side = |field, default| match usize::try_from(table.i32(field, default)?) {
        Ok(side @ 1..=MOST) => Ok(side),
        _ => Err(wrong()),
    };
    Ok(Window {
        same: table.byte(0)? == 0,
        stride: [side(strides[1], 0)?, side(strides[0], 0)?],
        dilation: [side(dilations[1], 1)?, side(dilations[0], 1)?],
        fused: fused(table, activation)?,
    })
}

/// The largest stride or dilation.
const MOST: usize = 256;

fn fused(table: Table<'_>, field: u16) -> Result<Fused, FileError> {
    Ok(match table.byte(field)? {
        0 => Fused::None,
        1 => Fused::Relu,
        3 => Fused::Relu6,
        _ => Fused::Other,
    })
}

/// The name by which the project calls an operator.
pub(crate) fn name(kind: &Kind) -> String {
    let number = match kind {
        Kind::Convolution(_) => CONVOLUTION,
        Kind::Depthwise(_) => DEPTHWISE,
        Kind::Concatenation(_) => CONCATENATION,
        Kind::Add(_) => ADD,
        Kind::Multiply(_) => MULTIPLY,
        Kind::PostProcess(_) => return "TFLite_Detection_PostProcess".into(),
        Kind::Custom(name) => return name.clone(),
        Kind::Other(number) => *number,
    };
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("operator {number}"), |(_, name)| (*name).into())
}
