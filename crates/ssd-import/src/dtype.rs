//! Kinds of numbers: what files call them, how many bytes they take, and how they become f32.

use std::fmt;

use half::{bf16, f16};
use safetensors::Dtype as Stored;

/// The kind of numbers in a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DType {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float with 5 bits of exponent.
    F16,
    /// 16-bit float with the exponent of f32.
    BF16,
    /// 64-bit integer.
    I64,
    /// 32-bit integer.
    I32,
    /// 16-bit integer.
    I16,
    /// 8-bit integer.
    I8,
    /// Unsigned 8-bit integer.
    U8,
    /// A byte that is 0 or not.
    Bool,
    /// A kind that is not read, by the file's name for it.
    Other(String),
}

/// A row for each kind that is read: in `torch.float32` and its alias, in `FloatStorage`, in safetensors; bytes of a
/// number.
static KINDS: [(DType, [&str; 2], &str, Stored, usize); 10] = [
    (DType::F64, ["float64", "double"], "Double", Stored::F64, 8),
    (DType::F32, ["float32", "float"], "Float", Stored::F32, 4),
    (DType::F16, ["float16", "half"], "Half", Stored::F16, 2),
    (DType::BF16, ["bfloat16", "bfloat16"], "BFloat16", Stored::BF16, 2),
    (DType::I64, ["int64", "long"], "Long", Stored::I64, 8),
    (DType::I32, ["int32", "int"], "Int", Stored::I32, 4),
    (DType::I16, ["int16", "short"], "Short", Stored::I16, 2),
    (DType::I8, ["int8", "int8"], "Char", Stored::I8, 1),
    (DType::U8, ["uint8", "uint8"], "Byte", Stored::U8, 1),
    (DType::Bool, ["bool", "bool"], "Bool", Stored::BOOL, 1),
];

/// PyTorch's dtypes that are not read. They have names here so that a tensor of one stops only itself.
const NOT_READ: &str = "uint16 uint32 uint64 complex32 complex64 complex128 float8_e4m3fn float8_e4m3fnuz float8_e5m2 \
                        float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2";

impl DType {
    /// Whether it is a real number.
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16)
    }

    /// By PyTorch's name: `float32` in `torch.float32`. `None` where that is not a dtype.
    pub(crate) fn from_torch(name: &str) -> Option<Self> {
        let known = KINDS.iter().find(|(_, torch, ..)| torch.contains(&name)).map(|(dtype, ..)| dtype.clone());
        known.or_else(|| NOT_READ.split(' ').any(|other| other == name).then(|| Self::Other(name.into())))
    }

    /// By PyTorch's name of the typed storage: `Float` in `FloatStorage`. `None` where that is not one.
    pub(crate) fn from_storage(name: &str) -> Option<Self> {
        match name {
            "ComplexFloat" => Some(Self::Other("complex64".into())),
            "ComplexDouble" => Some(Self::Other("complex128".into())),
            _ => KINDS.iter().find(|(_, _, storage, ..)| *storage == name).map(|(dtype, ..)| dtype.clone()),
        }
    }

    /// By the name in the header of a safetensors file.
    pub(crate) fn from_safetensors(stored: Stored) -> Self {
        let known = KINDS.iter().find(|(.., theirs, _)| *theirs == stored);
        known.map_or_else(|| Self::Other(format!("{stored:?}")), |(dtype, ..)| dtype.clone())
    }

    /// Bytes of a number; `None` for [`DType::Other`].
    pub(crate) fn size(&self) -> Option<usize> {
        KINDS.iter().find(|(dtype, ..)| dtype == self).map(|(.., size)| *size)
    }

    /// Appends the little-endian numbers in `bytes` to `into`; a remainder shorter than a number is left out.
    ///
    /// Rounds to the nearest f32, beyond its range to infinity. Appends nothing for [`DType::Other`].
    pub(crate) fn decode(&self, bytes: &[u8], into: &mut Vec<f32>) {
        match self {
            Self::F64 => into.extend(bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32)),
            Self::F32 => into.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
            Self::F16 => into.extend(bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32())),
            Self::BF16 => into.extend(bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32())),
            Self::I64 => into.extend(bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f32)),
            Self::I32 => into.extend(bytes.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b) as f32)),
            Self::I16 => into.extend(bytes.as_chunks().0.iter().map(|b| f32::from(i16::from_le_bytes(*b)))),
            Self::I8 => into.extend(bytes.iter().map(|b| f32::from(*b as i8))),
            Self::U8 => into.extend(bytes.iter().map(|b| f32::from(*b))),
            Self::Bool => into.extend(bytes.iter().map(|b| f32::from(u8::from(*b != 0)))),
            Self::Other(_) => {}
        }
    }
}

impl fmt::Display for DType {
    /// As PyTorch calls it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = KINDS.iter().find(|(dtype, ..)| dtype == self).map(|(_, [name, _], ..)| *name);
        match self {
            Self::Other(name) => f.write_str(name),
            _ => f.write_str(known.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(dtype: &DType, bytes: &[u8]) -> Vec<f32> {
        let mut values = Vec::new();
        dtype.decode(bytes, &mut values);
        values
    }

    #[test]
    fn numbers_of_each_kind_become_f32() {
        assert_eq!(
            decoded(&DType::F64, &[(-0.1_f64).to_le_bytes(), 1e300_f64.to_le_bytes()].concat()),
            [-0.1, f32::INFINITY]
        );
        assert_eq!(decoded(&DType::F32, &1.5_f32.to_le_bytes()), [1.5]);
        assert_eq!(
            decoded(&DType::F16, &[0x00, 0x3C, 0x01, 0x00, 0x00, 0xFC]),
            [1.0, 2.0_f32.powi(-24), f32::NEG_INFINITY]
        );
        assert_eq!(decoded(&DType::BF16, &[0x80, 0x3F, 0x49, 0xC0]), [1.0, -3.140625]);
        assert_eq!(decoded(&DType::I64, &(-3_i64).to_le_bytes()), [-3.0]);
        assert_eq!(decoded(&DType::I32, &70_000_i32.to_le_bytes()), [70_000.0]);
        assert_eq!(decoded(&DType::I16, &(-300_i16).to_le_bytes()), [-300.0]);
        assert_eq!(decoded(&DType::I8, &[0xFF, 0x7F]), [-1.0, 127.0]);
        assert_eq!(decoded(&DType::U8, &[0xFF]), [255.0]);
        assert_eq!(decoded(&DType::Bool, &[0, 1, 2]), [0.0, 1.0, 1.0]);
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for name in
            ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "uint16"]
        {
            assert_eq!(DType::from_torch(name).map(|dtype| dtype.to_string()).as_deref(), Some(name));
        }
        assert_eq!(DType::from_torch("load"), None);
    }
}
