//! Kinds of numbers: how files name them, how many bytes they take, and how they become f32.

use std::fmt;

use half::{bf16, f16};

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
    /// 8-bit integer without sign.
    U8,
    /// A byte that is 0 or not.
    Bool,
    /// Something that is not read, by the name that the file gives it.
    Other(String),
}

impl DType {
    /// Whether it can be weights.
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16)
    }

    /// By PyTorch's name of the dtype: `float32` in `torch.float32`. `None` for what is no dtype.
    pub(crate) fn from_torch(name: &str) -> Option<Self> {
        Some(match name {
            "float64" | "double" => Self::F64,
            "float32" | "float" => Self::F32,
            "float16" | "half" => Self::F16,
            "bfloat16" => Self::BF16,
            "int64" | "long" => Self::I64,
            "int32" | "int" => Self::I32,
            "int16" | "short" => Self::I16,
            "int8" => Self::I8,
            "uint8" => Self::U8,
            "bool" => Self::Bool,
            "uint16" | "uint32" | "uint64" | "complex32" | "complex64" | "complex128" | "float8_e4m3fn"
            | "float8_e4m3fnuz" | "float8_e5m2" | "float8_e5m2fnuz" | "float8_e8m0fnu" | "float4_e2m1fn_x2" => {
                Self::Other(name.into())
            }
            _ => return None,
        })
    }

    /// By PyTorch's name of the typed storage: `Float` in `FloatStorage`. `None` for what is none.
    pub(crate) fn from_storage(kind: &str) -> Option<Self> {
        Some(match kind {
            "Double" => Self::F64,
            "Float" => Self::F32,
            "Half" => Self::F16,
            "BFloat16" => Self::BF16,
            "Long" => Self::I64,
            "Int" => Self::I32,
            "Short" => Self::I16,
            "Char" => Self::I8,
            "Byte" => Self::U8,
            "Bool" => Self::Bool,
            "ComplexFloat" => Self::Other("complex64".into()),
            "ComplexDouble" => Self::Other("complex128".into()),
            _ => return None,
        })
    }

    /// By the name in the header of a safetensors file.
    pub(crate) fn from_safetensors(dtype: safetensors::Dtype) -> Self {
        use safetensors::Dtype as Theirs;
        match dtype {
            Theirs::F64 => Self::F64,
            Theirs::F32 => Self::F32,
            Theirs::F16 => Self::F16,
            Theirs::BF16 => Self::BF16,
            Theirs::I64 => Self::I64,
            Theirs::I32 => Self::I32,
            Theirs::I16 => Self::I16,
            Theirs::I8 => Self::I8,
            Theirs::U8 => Self::U8,
            Theirs::BOOL => Self::Bool,
            other => Self::Other(format!("{other:?}")),
        }
    }

    /// Bytes of a number, for what is read.
    pub(crate) fn size(&self) -> Option<usize> {
        Some(match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::Other(_) => return None,
        })
    }

    /// Appends the numbers in `bytes`, which are little-endian, to `into`; a rest that is less than a number is left out.
    ///
    /// What f32 does not hold is rounded to the nearest, beyond its range to infinity. Nothing is appended for [`DType::Other`].
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
        f.write_str(match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::I64 => "int64",
            Self::I32 => "int32",
            Self::I16 => "int16",
            Self::I8 => "int8",
            Self::U8 => "uint8",
            Self::Bool => "bool",
            Self::Other(name) => name,
        })
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
