//! What a TensorFlow Lite file says: tensors, operators, and where its numbers lie. Fields by their places in the
//! schema, <https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs>.

use std::ops::Range;

use super::flat::{Flat, Table};
use super::operator::{Operator, OperatorCode};
use crate::dtype::DType;
use crate::error::{FileError, quoted};
use crate::source::ByteSource;
use crate::tensor::Quantisation;

/// What marks the format, after the offset of the root.
const IDENTIFIER: &[u8] = b"TFL3";

/// Tells the format from the start of a file.
pub(crate) fn is_tflite(start: &[u8]) -> bool {
    start.get(4..8) == Some(IDENTIFIER)
}

/// The structure of a file.
pub(super) struct Stored {
    pub(super) tensors: Vec<StoredTensor>,
    pub(super) operators: Vec<Operator>,
    /// Tensors that the caller fills.
    pub(super) inputs: Vec<usize>,
}

/// A tensor: a constant, or what an operator makes.
pub(super) struct StoredTensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: DType,
    pub(super) quantisation: Option<Quantisation>,
    /// Where its numbers lie, if it is a constant.
    pub(super) data: Option<Range<u64>>,
}

/// Reads the structure. What contradicts itself or points outside is refused.
pub(super) fn read(source: &dyn ByteSource) -> Result<Stored, FileError> {
    let flat = Flat::new(source);
    let root = flat.root()?;
    let codes = root.tables(1)?.into_iter().map(OperatorCode::read).collect::<Result<Vec<_>, _>>()?;
    let buffers = root.tables(4)?.into_iter().map(|table| buffer(table, source)).collect::<Result<Vec<_>, _>>()?;
    let graphs = root.tables(2)?;
    let [graph] = &graphs[..] else {
        let what = format!("a TensorFlow Lite file of {} subgraphs", graphs.len());
        return Err(FileError::Format(what, "give a detector without control flow, which has one"));
    };
    let tensors = graph.tables(0)?.into_iter().map(|table| tensor(table, &buffers)).collect::<Result<Vec<_>, _>>()?;
    let operator = |table: Table<'_>| Operator::read(table, &codes, tensors.len());
    let operators = graph.tables(3)?.into_iter().map(operator).collect::<Result<Vec<_>, _>>()?;
    let input = |index: i32| usize::try_from(index).ok().filter(|index| *index < tensors.len());
    let inputs = graph.i32s(1)?.into_iter().map(input).collect::<Option<Vec<usize>>>();
    let inputs = inputs.ok_or_else(|| FileError::damaged("an input of its network is no tensor"))?;
    Ok(Stored { tensors, operators, inputs })
}

/// Where the bytes of a buffer lie: in the FlatBuffer or, in files of more than 2 GB, behind it.
fn buffer(table: Table<'_>, source: &dyn ByteSource) -> Result<Range<u64>, FileError> {
    let inside = table.bytes_at(0)?;
    // 0 and 1 stand for none.
    let (start, len) = (table.u64(1)?, table.u64(2)?);
    if !inside.is_empty() || start <= 1 {
        return Ok(inside);
    }
    match start.checked_add(len) {
        Some(end) if end <= source.size() => Ok(start..end),
        _ => Err(FileError::Cut),
    }
}

/// The most sides of a tensor: TensorFlow Lite's operators know eight.
const MOST_SIDES: usize = 8;

fn tensor(table: Table<'_>, buffers: &[Range<u64>]) -> Result<StoredTensor, FileError> {
    let name = table.text(3)?;
    let wrong = |why: &str| FileError::Tensor(quoted(&name), why.into());
    // A side that is not known is -1; a network with one is none that is known.
    let shape: Vec<usize> = table.i32s(0)?.into_iter().map(|side| usize::try_from(side).unwrap_or(0)).collect();
    if shape.len() > MOST_SIDES {
        return Err(wrong(&format!("it has {} sides, more than any", shape.len())));
    }
    let buffer = buffers.get(table.u32(2)? as usize).ok_or_else(|| wrong("it has no buffer"))?;
    let data = Some(buffer.clone()).filter(|buffer| !buffer.is_empty());
    // A field that is there says that zeros are left out.
    let sparse = table.table(6)?.is_some();
    let dtype = if sparse { DType::Other("sparse numbers".into()) } else { dtype(table.byte(1)?) };
    let quantised = table.table(4)?.filter(|_| !dtype.is_float());
    let quantisation = quantised.map(quantisation).transpose()?.flatten();
    if let (Some(quantisation), Some(_)) = (&quantisation, &data)
        && !quantisation.fits(&shape)
    {
        return Err(wrong("it has more or fewer scales than channels"));
    }
    Ok(StoredTensor { name, shape, dtype, quantisation, data })
}

/// `None` where there are no scales: a tensor may have a range alone.
fn quantisation(table: Table<'_>) -> Result<Option<Quantisation>, FileError> {
    let (scales, zero_points) = (table.f32s(2)?, table.i64s(3)?);
    let axis = usize::try_from(table.i32(6, 0)?).map_err(|_| FileError::damaged("a quantised side is negative"))?;
    let zero_points = zero_points.into_iter().map(|point| point as f32).collect();
    Ok((!scales.is_empty()).then_some(Quantisation { scales, zero_points, axis }))
}

/// The kinds of numbers that are read, by their number in the schema; the names of those that are not.
fn dtype(number: u8) -> DType {
    match number {
        0 => DType::F32,
        1 => DType::F16,
        2 => DType::I32,
        3 => DType::U8,
        4 => DType::I64,
        6 => DType::Bool,
        7 => DType::I16,
        9 => DType::I8,
        10 => DType::F64,
        17 => DType::Other("int4".into()),
        18 => DType::BF16,
        _ => DType::Other(format!("numbers of TensorFlow Lite's kind {number}")),
    }
}
