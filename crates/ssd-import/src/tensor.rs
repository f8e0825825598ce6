//! A tensor of a file: what the index knows of it, and reading it.

use std::cell::Cell;

use crate::crc32::Crc32;
use crate::dtype::DType;
use crate::error::{FileError, quoted};
use crate::source::{ByteSource, CHUNK};

/// What is known of a tensor without reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo {
    /// Its name; in a pickle the way to it, joined by dots.
    pub name: String,
    /// Its kind of numbers in the file.
    pub dtype: DType,
    /// Its sides. None for a single number.
    pub shape: Vec<usize>,
    /// Where its numbers lie.
    pub(crate) place: Place,
}

/// Where the numbers of a tensor lie.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Number of the storage in the file's list.
    pub(crate) storage: usize,
    /// Bytes from the storage's start to the first number.
    pub(crate) offset: u64,
    /// Numbers from one place to the next along each side; `None` where they lie in order, the last side fastest.
    pub(crate) strides: Option<Vec<u64>>,
}

/// A run of bytes in the file that holds numbers.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    /// What the file calls it.
    pub(crate) name: String,
    /// Where it starts in the file.
    pub(crate) start: u64,
    /// Bytes of it.
    pub(crate) len: u64,
    /// The check sum that it has to have, until it was found to be right.
    pub(crate) unchecked: Cell<Option<u32>>,
}

impl TensorInfo {
    /// How many numbers it has, if that is a number.
    fn count(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1, |count: u64, side| count.checked_mul(*side as u64))
    }

    /// Bytes of its storage from its first number to its last.
    fn span(&self, size: u64) -> Option<u64> {
        let count = self.count()?;
        let Some(strides) = self.place.strides.as_ref().filter(|_| count > 0) else { return count.checked_mul(size) };
        let steps = self.shape.iter().zip(strides).map(|(side, stride)| (*side as u64 - 1).checked_mul(*stride));
        let last = steps.into_iter().try_fold(0_u64, |last, step| last.checked_add(step?))?;
        last.checked_add(1)?.checked_mul(size)
    }

    /// Checks that all its numbers lie in its storage, and that they are not more than a file of `file_len` bytes can hold: a
    /// tensor may show one number many times.
    ///
    /// # Errors
    ///
    /// [`FileError::Tensor`] when they do not. What is not read anyway is not looked at.
    pub(crate) fn check(&self, storage: &Storage, file_len: u64) -> Result<(), FileError> {
        let Some(size) = self.dtype.size() else { return Ok(()) };
        let size = size as u64;
        let wrong = |why: &str| FileError::Tensor { name: quoted(&self.name), why: why.into() };
        if self.place.strides.as_ref().is_some_and(|strides| strides.len() != self.shape.len()) {
            return Err(wrong("its shape and its strides differ in length"));
        }
        let end = self.span(size).and_then(|span| span.checked_add(self.place.offset));
        if end.is_none_or(|end| end > storage.len) {
            return Err(wrong(&format!("it goes beyond the {} bytes of {}", storage.len, storage.name)));
        }
        if self.count().and_then(|count| count.checked_mul(size)).is_none_or(|bytes| bytes > file_len) {
            return Err(wrong("it repeats its numbers until they are more than the file holds"));
        }
        Ok(())
    }

    /// Reads its numbers in the order of its shape, the last side fastest.
    ///
    /// # Errors
    ///
    /// [`FileError::DType`] for a kind that is not read, [`FileError::CheckSum`] where the storage is not what was written.
    pub(crate) fn read(&self, source: &dyn ByteSource, storage: &Storage) -> Result<Vec<f32>, FileError> {
        let Some(size) = self.dtype.size() else {
            return Err(FileError::DType { name: quoted(&self.name), dtype: self.dtype.clone() });
        };
        // The fields are public: someone may have changed them.
        self.check(storage, source.len())?;
        storage.verify(source)?;
        let count = self.count().unwrap_or(0);
        let mut values = Vec::new();
        self.reserve(&mut values, count)?;
        if count == 0 {
            return Ok(values);
        }
        let start = storage.start + self.place.offset;
        match &self.place.strides {
            None => in_chunks(source, start, count * size as u64, |bytes| self.dtype.decode(bytes, &mut values))?,
            Some(strides) => {
                let mut bytes = Vec::new();
                let span = self.span(size as u64).unwrap_or(0);
                self.reserve(&mut bytes, span)?;
                bytes.resize(span as usize, 0);
                source.read_at(start, &mut bytes)?;
                self.gather(&bytes, size, strides, &mut values);
            }
        }
        Ok(values)
    }

    /// Makes room, or says that there is none.
    fn reserve<T>(&self, list: &mut Vec<T>, count: u64) -> Result<(), FileError> {
        let bytes = count.saturating_mul(size_of::<T>() as u64);
        let room = usize::try_from(count).ok().and_then(|count| list.try_reserve_exact(count).ok());
        room.ok_or_else(|| FileError::Memory { name: quoted(&self.name), bytes })
    }

    /// Decodes numbers of `size` bytes that lie `strides` apart.
    fn gather(&self, bytes: &[u8], size: usize, strides: &[u64], values: &mut Vec<f32>) {
        let mut index = vec![0; self.shape.len()];
        let mut place = 0;
        let mut row = Vec::with_capacity(CHUNK);
        loop {
            row.extend_from_slice(&bytes[place * size..(place + 1) * size]);
            if row.len() >= CHUNK {
                self.dtype.decode(&row, values);
                row.clear();
            }
            // One place on along the last side; where that is at its end, it starts anew and the side before goes on.
            let mut side = self.shape.len();
            loop {
                let Some(before) = side.checked_sub(1) else {
                    self.dtype.decode(&row, values);
                    return;
                };
                side = before;
                let stride = strides[side] as usize;
                index[side] += 1;
                if index[side] < self.shape[side] {
                    place += stride;
                    break;
                }
                place -= (index[side] - 1) * stride;
                index[side] = 0;
            }
        }
    }
}

impl Storage {
    /// Reads it once over to compare its check sum, if it has one and was not read before.
    fn verify(&self, source: &dyn ByteSource) -> Result<(), FileError> {
        let Some(expected) = self.unchecked.get() else { return Ok(()) };
        let mut sum = Crc32::new();
        in_chunks(source, self.start, self.len, |bytes| sum.update(bytes))?;
        if sum.value() != expected {
            return Err(FileError::CheckSum(quoted(&self.name)));
        }
        self.unchecked.set(None);
        Ok(())
    }
}

/// Hands `len` bytes from `start` on over in pieces that hold whole numbers.
pub(crate) fn in_chunks(
    source: &dyn ByteSource,
    start: u64,
    len: u64,
    mut take: impl FnMut(&[u8]),
) -> Result<(), FileError> {
    let mut chunk = vec![0; len.min(CHUNK as u64) as usize];
    let mut done = 0;
    while done < len {
        let part = (len - done).min(CHUNK as u64) as usize;
        source.read_at(start + done, &mut chunk[..part])?;
        take(&chunk[..part]);
        done += part as u64;
    }
    Ok(())
}
