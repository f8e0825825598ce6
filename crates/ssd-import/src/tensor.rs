//! A tensor of a file: what the index says about it, and reading it.

use std::cell::Cell;

use crate::dtype::DType;
use crate::error::{FileError, quoted};
use crate::source::{ByteSource, CHUNK};

/// A tensor, without its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo {
    /// Its name; in a pickle the keys that lead to it, joined by dots.
    pub name: String,
    /// Its kind of numbers in the file.
    pub dtype: DType,
    /// Its sides; empty for a single number.
    pub shape: Vec<usize>,
    /// What its whole numbers stand for, where they are not themselves.
    pub quantisation: Option<Quantisation>,
    /// Where its numbers lie.
    pub(crate) place: Place,
}

/// Whole numbers in place of real ones, which are `scale * (number - zero point)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantisation {
    /// One, or one for each place along `axis`.
    pub scales: Vec<f32>,
    /// As many as scales, or one for all; none for zeros.
    pub zero_points: Vec<f32>,
    /// The side along which scales differ.
    pub axis: usize,
}

impl Quantisation {
    /// Whether there are as many scales as places.
    pub(crate) fn fits(&self, shape: &[usize]) -> bool {
        let count = self.scales.len();
        let points = self.zero_points.len();
        (points <= 1 || points == count) && (count == 1 || shape.get(self.axis) == Some(&count))
    }

    /// Scale and zero point of a place.
    pub(crate) fn at(&self, place: usize) -> (f32, f32) {
        let of = |list: &[f32]| list.get(place).or(list.first()).copied();
        (of(&self.scales).unwrap_or(1.0), of(&self.zero_points).unwrap_or(0.0))
    }

    /// The real numbers of a tensor of that shape, which has to fit.
    fn apply(&self, values: &mut [f32], shape: &[usize]) {
        let count = self.scales.len().max(1);
        let inner: usize = if count == 1 { values.len() } else { shape.iter().skip(self.axis + 1).product() };
        for (index, values) in values.chunks_mut(inner.max(1)).enumerate() {
            let (scale, zero_point) = self.at(index % count);
            values.iter_mut().for_each(|value| *value = scale * (*value - zero_point));
        }
    }
}

/// Where the numbers of a tensor lie.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Index of the storage in the file's list.
    pub(crate) storage: usize,
    /// Bytes from the storage's start to the first number.
    pub(crate) offset: u64,
    /// Numbers from one element to the next along each side; `None` where they lie in order, the last side fastest.
    pub(crate) strides: Option<Vec<u64>>,
}

/// A byte range of the file that holds numbers.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    /// What the file calls it.
    pub(crate) name: String,
    /// Where it starts in the file.
    pub(crate) start: u64,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// The CRC-32 that it has to have, until that was found to be right.
    pub(crate) unchecked: Cell<Option<u32>>,
}

impl TensorInfo {
    /// Whether it can be weights: floats, or whole numbers that stand for some.
    pub fn can_be_weights(&self) -> bool {
        self.dtype.is_float() || self.quantisation.is_some()
    }

    /// Whether this is its shape, apart from sides of length 1.
    pub(crate) fn has_shape(&self, shape: &[usize]) -> bool {
        let longer = |shape: &[usize]| -> Vec<usize> { shape.iter().copied().filter(|side| *side != 1).collect() };
        longer(&self.shape) == longer(shape)
    }

    /// How many numbers it has; `None` beyond u64.
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

    /// Checks that all its numbers lie in its storage, and that they are not more than a file of `file_len` bytes can
    /// hold: with strides of 0 a tensor repeats a number. Kinds of numbers that are not read are not checked.
    pub(crate) fn check(&self, storage: &Storage, file_len: u64) -> Result<(), FileError> {
        let Some(size) = self.dtype.size() else { return Ok(()) };
        let size = size as u64;
        let wrong = |why: &str| FileError::Tensor(quoted(&self.name), why.into());
        if self.place.strides.as_ref().is_some_and(|strides| strides.len() != self.shape.len()) {
            return Err(wrong("its shape and its strides differ in length"));
        }
        let end = self.span(size).and_then(|span| span.checked_add(self.place.offset));
        if end.is_none_or(|end| end > storage.len) {
            return Err(wrong(&format!("it goes beyond the {} bytes of {}", storage.len, quoted(&storage.name))));
        }
        if self.count().and_then(|count| count.checked_mul(size)).is_none_or(|bytes| bytes > file_len) {
            return Err(wrong("it repeats its numbers until they are more than the file holds"));
        }
        Ok(())
    }

    /// Checks that a storage holds its numbers and nothing else.
    pub(crate) fn check_filling(&self, storage: &Storage) -> Result<(), FileError> {
        let Some(size) = self.dtype.size() else { return Ok(()) };
        let bytes = self.count().and_then(|count| count.checked_mul(size as u64));
        if bytes == Some(storage.len) {
            return Ok(());
        }
        let why = format!("its shape {:?} is not that of {} bytes of {}", self.shape, storage.len, self.dtype);
        Err(FileError::Tensor(quoted(&self.name), why))
    }

    /// Reads its numbers in the order of its shape, the last side fastest.
    pub(crate) fn read(&self, source: &dyn ByteSource, storage: &Storage) -> Result<Vec<f32>, FileError> {
        let Some(size) = self.dtype.size() else {
            return Err(FileError::DType(quoted(&self.name), self.dtype.clone()));
        };
        // The fields are public: someone may have changed them.
        self.check(storage, source.size())?;
        storage.verify(source)?;
        let count = self.count().unwrap_or(0);
        let mut values = Vec::new();
        reserve(&mut values, count, &self.name)?;
        if count == 0 {
            return Ok(values);
        }
        let start = storage.start + self.place.offset;
        match &self.place.strides {
            None => in_chunks(source, start, count * size as u64, |bytes| self.dtype.decode(bytes, &mut values))?,
            Some(strides) => {
                let mut bytes = Vec::new();
                let span = self.span(size as u64).unwrap_or(0);
                reserve(&mut bytes, span, &self.name)?;
                bytes.resize(span as usize, 0);
                source.read_at(start, &mut bytes)?;
                let mut to = (Vec::with_capacity(CHUNK), values);
                self.gather(&bytes, 0, &self.shape, strides, &mut to);
                self.dtype.decode(&to.0, &mut to.1);
                return Ok(to.1);
            }
        }
        if let Some(quantisation) = &self.quantisation {
            quantisation.apply(&mut values, &self.shape);
        }
        Ok(values)
    }

    /// Collects the numbers from number `place` on that lie as `shape` and `strides` say, and decodes them in chunks.
    fn gather(&self, from: &[u8], place: u64, shape: &[usize], strides: &[u64], to: &mut (Vec<u8>, Vec<f32>)) {
        if let (Some((side, shape)), Some((stride, strides))) = (shape.split_first(), strides.split_first()) {
            return (0..*side as u64).for_each(|i| self.gather(from, place + i * stride, shape, strides, to));
        }
        let (chunk, values) = to;
        let size = self.dtype.size().unwrap_or(1);
        chunk.extend_from_slice(&from[place as usize * size..][..size]);
        if chunk.len() >= CHUNK {
            self.dtype.decode(chunk, values);
            chunk.clear();
        }
    }
}

impl Storage {
    /// Reads it once to compare its check sum, if it has one that was not compared before.
    pub(crate) fn verify(&self, source: &dyn ByteSource) -> Result<(), FileError> {
        let Some(expected) = self.unchecked.get() else { return Ok(()) };
        let mut sum = crc32fast::Hasher::new();
        in_chunks(source, self.start, self.len, |bytes| sum.update(bytes))?;
        if sum.finalize() != expected {
            return Err(FileError::damaged(format!("the check sum of {} is wrong", quoted(&self.name))));
        }
        self.unchecked.set(None);
        Ok(())
    }
}

/// Reserves room for `count` elements of `what`.
pub(crate) fn reserve<T>(list: &mut Vec<T>, count: u64, what: &str) -> Result<(), FileError> {
    let bytes = count.saturating_mul(size_of::<T>() as u64);
    let room = usize::try_from(count).ok().and_then(|count| list.try_reserve_exact(count).ok());
    room.ok_or_else(|| FileError::Memory(bytes, quoted(what)))
}

/// Passes `len` bytes from `start` on to `take` in chunks that hold whole numbers.
fn in_chunks(source: &dyn ByteSource, start: u64, len: u64, mut take: impl FnMut(&[u8])) -> Result<(), FileError> {
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
