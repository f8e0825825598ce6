//! The second half of a conversion: tensor after tensor is read, put into our order and written, so that no more than one of them is
//! in memory.

use std::collections::HashMap;
use std::io::{self, Write};

use half::f16;
use safetensors::tensor::{Metadata, TensorInfo as StoredInfo};
use ssd::weights::Dtype;

use super::{Conversion, ImportError, Piece, pixels};
use crate::error::quoted;
use crate::layout::Rows;

impl Conversion<'_> {
    /// Reads, reorders and writes tensor after tensor; `progress` is told how many of how many are done.
    ///
    /// # Errors
    ///
    /// When a tensor cannot be read, holds a number that is not finite, or does not fit half precision, or `out` does not take it.
    pub fn write(
        &self,
        out: &mut dyn Write,
        dtype: Dtype,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), ImportError> {
        let stored = |piece: &Piece<'_>| match dtype {
            Dtype::F16 if piece.spec.of_convolution() => safetensors::Dtype::F16,
            Dtype::F16 | Dtype::F32 => safetensors::Dtype::F32,
        };
        // Wider numbers first: each tensor then lies on a multiple of its numbers' size.
        let mut pieces: Vec<&Piece<'_>> = self.pieces.iter().collect();
        pieces.sort_by_key(|piece| stored(piece) == safetensors::Dtype::F16);
        let mut end = 0;
        let infos = pieces.iter().map(|piece| {
            let dtype = stored(piece);
            let start = end;
            end += piece.spec.shape.iter().product::<usize>() * if dtype == safetensors::Dtype::F16 { 2 } else { 4 };
            let info = StoredInfo { dtype, shape: piece.spec.shape.clone(), data_offsets: (start, end) };
            (piece.spec.path.clone(), info)
        });
        self.write_header(out, infos.collect())?;

        let mut any = false;
        for (index, piece) in pieces.iter().enumerate() {
            progress(index, pieces.len());
            let values = self.values(piece)?;
            any |= values.iter().any(|value| *value != 0.0);
            let bytes = encoded(&values, stored(piece)).ok_or_else(|| ImportError::NotFinite(self.name(piece)))?;
            out.write_all(&bytes)?;
        }
        progress(pieces.len(), pieces.len());
        if any { Ok(()) } else { Err(ImportError::Zeros) }
    }

    fn write_header(&self, out: &mut dyn Write, infos: Vec<(String, StoredInfo)>) -> Result<(), ImportError> {
        let invalid = |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
        let mut metadata = HashMap::new();
        if let Some(header) = &self.header {
            let json = serde_json::to_string(header).map_err(|error| invalid(&error))?;
            metadata.insert("ssd".to_owned(), json);
        }
        let index = Metadata::new(Some(metadata), infos).map_err(|error| invalid(&error))?;
        let mut json = serde_json::to_vec(&index).map_err(|error| invalid(&error))?;
        json.resize(json.len().next_multiple_of(8), b' ');
        out.write_all(&(json.len() as u64).to_le_bytes())?;
        out.write_all(&json)?;
        Ok(())
    }

    /// The same in memory.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn to_bytes(&self, dtype: Dtype, progress: &mut dyn FnMut(usize, usize)) -> Result<Vec<u8>, ImportError> {
        let numbers: usize = self.pieces.iter().map(|piece| piece.spec.shape.iter().product::<usize>()).sum();
        let mut out = Vec::with_capacity(numbers * if dtype == Dtype::F16 { 2 } else { 4 } + (64 << 10));
        self.write(&mut out, dtype, progress)?;
        Ok(out)
    }

    /// The numbers of one of our tensors.
    fn values(&self, piece: &Piece<'_>) -> Result<Vec<f32>, ImportError> {
        let Some((info, rows)) = piece.from else { return Ok(vec![1.0; piece.spec.shape.iter().product()]) };
        let values = self.file.read_f32(info)?;
        let values = reordered(values, piece.spec.shape[0], rows);
        match (&self.pixels, piece.spec.path.as_str()) {
            (Some(from), pixels::WEIGHT) => Ok(pixels::weight(values, from, &self.arch.preprocess().normalization)),
            (Some(from), pixels::BIAS) => {
                let weight = self.pieces.iter().find(|piece| piece.spec.path == pixels::WEIGHT);
                let weight = match weight.and_then(|piece| piece.from) {
                    Some((info, _)) => self.file.read_f32(info)?,
                    None => Vec::new(),
                };
                Ok(pixels::bias(values, &weight, from, &self.arch.preprocess().normalization))
            }
            _ => Ok(values),
        }
    }

    /// The name by which the user knows a tensor: that in the file.
    fn name(&self, piece: &Piece<'_>) -> String {
        piece.from.map_or_else(|| piece.spec.path.clone(), |(info, _)| quoted(&info.name))
    }
}

/// Rows in our order.
fn reordered(values: Vec<f32>, count: usize, rows: Rows) -> Vec<f32> {
    if rows == Rows::Ours || count == 0 {
        return values;
    }
    let width = values.len() / count;
    (0..count).flat_map(|row| values[rows.theirs(row, count) * width..][..width].iter().copied()).collect()
}

/// As bytes, or nothing where a number is none, or none in half precision.
fn encoded(values: &[f32], dtype: safetensors::Dtype) -> Option<Vec<u8>> {
    if dtype == safetensors::Dtype::F16 {
        let halves = values.iter().map(|value| f16::from_f32(*value));
        let fine = halves.clone().all(f16::is_finite);
        return fine.then(|| halves.flat_map(f16::to_le_bytes).collect());
    }
    let fine = values.iter().all(|value| value.is_finite());
    fine.then(|| {
        let mut bytes = vec![0; 4 * values.len()];
        // Number by number: byte by byte takes several times as long in a browser.
        bytes.as_chunks_mut().0.iter_mut().zip(values).for_each(|(bytes, value)| *bytes = value.to_le_bytes());
        bytes
    })
}
