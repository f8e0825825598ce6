//! The second half of a conversion: tensor after tensor is read, put into our order and written, so that only one at a
//! time is in memory.

use std::collections::HashMap;
use std::io::{self, Write};

use half::f16;
use safetensors::tensor::{Dtype as Stored, Metadata, TensorInfo as StoredInfo};
use ssd::Arch;
use ssd::model::tensors;
use ssd::weights::{Dtype, WeightsError};

use super::error::ImportError;
use super::pieces::Piece;
use super::pixels;
use super::plan::Conversion;

impl Conversion {
    /// Reads, reorders and writes tensor after tensor; `progress` gets the number done and the number of all.
    ///
    /// # Errors
    ///
    /// When a tensor cannot be read, holds a value that is not finite or overflows half precision, or `out` fails.
    pub fn write(
        &self,
        out: &mut dyn Write,
        dtype: Dtype,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), ImportError> {
        self.write_these(self.plan.pieces.iter().collect(), out, dtype, progress)
    }

    fn write_these(
        &self,
        mut pieces: Vec<&Piece>,
        out: &mut dyn Write,
        dtype: Dtype,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), ImportError> {
        let stored = |piece: &Piece| match dtype {
            Dtype::F16 if piece.spec.of_convolution() => Stored::F16,
            Dtype::F16 | Dtype::F32 => Stored::F32,
        };
        // Wider numbers first: each tensor is then aligned to its numbers.
        pieces.sort_by_key(|piece| stored(piece) == Stored::F16);
        let mut end = 0;
        let infos = pieces.iter().map(|piece| {
            let (dtype, start) = (stored(piece), end);
            end += piece.spec.shape.iter().product::<usize>() * dtype.bitsize() / 8;
            let info = StoredInfo { dtype, shape: piece.spec.shape.clone(), data_offsets: (start, end) };
            (piece.spec.path.clone(), info)
        });
        self.write_header(out, infos.collect())?;

        let mut any = false;
        for (index, piece) in pieces.iter().enumerate() {
            progress(index, pieces.len());
            let values = self.values(piece)?;
            any |= values.iter().any(|value| *value != 0.0);
            let bytes = encoded(&values, stored(piece)).ok_or_else(|| ImportError::NotFinite(piece.name()))?;
            out.write_all(&bytes)?;
        }
        progress(pieces.len(), pieces.len());
        if any { Ok(()) } else { Err(WeightsError::Zeros.into()) }
    }

    fn write_header(&self, out: &mut dyn Write, infos: Vec<(String, StoredInfo)>) -> Result<(), ImportError> {
        let header = self.plan.header.as_ref().map(serde_json::to_string).transpose().map_err(io::Error::from)?;
        let metadata = header.into_iter().map(|json| ("ssd".to_owned(), json)).collect::<HashMap<_, _>>();
        let index = Metadata::new(Some(metadata), infos).map_err(io::Error::other)?;
        let mut json = serde_json::to_vec(&index).map_err(io::Error::from)?;
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
        let numbers: usize = self.specs().map(|spec| spec.shape.iter().product::<usize>()).sum();
        let mut out = Vec::with_capacity(numbers * if dtype == Dtype::F16 { 2 } else { 4 } + (64 << 10));
        self.write(&mut out, dtype, progress)?;
        Ok(out)
    }

    /// A weights file in memory: the file as it is where it is one already, else converted, in f32.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn weights(&self, progress: &mut dyn FnMut(usize, usize)) -> Result<Vec<u8>, ImportError> {
        if self.plan.done { Ok(self.file.bytes()?) } else { self.to_bytes(Dtype::F32, progress) }
    }

    /// The same for a trunk of another network than the plan's, of which it is what fits by name and shape.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn trunk_weights(&self, arch: Arch, progress: &mut dyn FnMut(usize, usize)) -> Result<Vec<u8>, ImportError> {
        let (wanted, mut out) = (tensors(arch, 1), Vec::new());
        let pieces = self.plan.pieces.iter().filter(|piece| wanted.contains(&piece.spec));
        self.write_these(pieces.collect(), &mut out, Dtype::F32, progress)?;
        Ok(out)
    }

    /// The numbers of one of our tensors.
    fn values(&self, piece: &Piece) -> Result<Vec<f32>, ImportError> {
        let mut values = piece.read(&self.file)?;
        let (Some(from), path) = (&self.plan.pixels, piece.spec.path.as_str()) else { return Ok(values) };
        let to = &self.plan.arch.preprocess().normalization;
        if pixels::is_weight(path) {
            return Ok(pixels::weight(values, from, to));
        }
        if let Some((weight, sign)) = pixels::weight_of(path) {
            let weight = self.plan.pieces.iter().find(|piece| piece.spec.path == weight);
            let weight = weight.map(|piece| piece.read(&self.file)).transpose()?.unwrap_or_default();
            let constants = pixels::constants(&weight, from, to);
            values.iter_mut().zip(constants).for_each(|(value, constant)| *value += sign * constant);
        }
        Ok(values)
    }
}

/// As bytes; `None` where a value is not finite or overflows half precision.
fn encoded(values: &[f32], dtype: Stored) -> Option<Vec<u8>> {
    if dtype == Stored::F16 {
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
