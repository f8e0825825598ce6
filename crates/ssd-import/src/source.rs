//! Where bytes come from, and reading them in order. What they mean is not known here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::error::FileError;

/// Bytes that can be read at any place: a file, memory, a `Blob` in the page.
pub trait ByteSource {
    /// The number of bytes, which does not change.
    fn size(&self) -> u64;

    /// Fills `into` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// When it cannot be filled: there are fewer bytes, or the system does not hand them out.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
}

impl<T: AsRef<[u8]>> ByteSource for T {
    fn size(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let range = start.and_then(|start| Some(start..start.checked_add(into.len())?));
        let bytes = range.and_then(|range| self.as_ref().get(range)).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(bytes);
        Ok(())
    }
}

/// A file on disk; none of it is held in memory.
#[derive(Debug)]
pub struct FileSource {
    // A file has one position for reading: a reader takes the lock.
    file: Mutex<File>,
    size: u64,
}

impl FileSource {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// [`FileError::Read`] with the system's reason.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file: Mutex::new(file), size })
    }
}

impl ByteSource for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        // Each read seeks first, so a reader that panicked does no harm.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(into)
    }
}

/// Bytes that [`Reader`] and the readers of tensors hold at a time.
pub(crate) const CHUNK: usize = 64 * 1024;

/// Reads a part of a source in order; what goes beyond its end is [`FileError::Cut`].
pub(crate) struct Reader<'a> {
    source: &'a dyn ByteSource,
    /// Bytes read ahead, and how many of them are used up.
    ahead: Vec<u8>,
    used: usize,
    /// Where the source is read next, and where the part ends.
    next: u64,
    end: u64,
}

impl<'a> Reader<'a> {
    /// Reads the bytes of `part`, which has to lie within the source.
    pub(crate) fn new(source: &'a dyn ByteSource, part: Range<u64>) -> Self {
        Self { source, ahead: Vec::new(), used: 0, next: part.start, end: part.end.min(source.size()) }
    }

    /// A reader of the same part from another place in it on.
    pub(crate) fn again(&self, from: u64) -> Self {
        Self::new(self.source, from..self.end)
    }

    /// Where in the source the next byte lies.
    pub(crate) fn position(&self) -> u64 {
        self.next - (self.ahead.len() - self.used) as u64
    }

    /// Bytes that are left.
    pub(crate) fn left(&self) -> u64 {
        self.end.saturating_sub(self.position())
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8, FileError> {
        if self.used == self.ahead.len() {
            self.read_ahead()?;
        }
        let byte = self.ahead[self.used];
        self.used += 1;
        Ok(byte)
    }

    /// The next `width` bytes, at most 8, as a number; the lowest byte comes first.
    pub(crate) fn number(&mut self, width: u32) -> Result<u64, FileError> {
        let mut number = 0;
        for place in 0..width {
            number |= u64::from(self.byte()?) << (8 * place);
        }
        Ok(number)
    }

    /// The next `count` bytes. Nothing is allocated for bytes that the file does not have.
    pub(crate) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, FileError> {
        if count > self.left() {
            return Err(FileError::Cut);
        }
        (0..count).map(|_| self.byte()).collect()
    }

    /// Steps over `count` bytes.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), FileError> {
        if count > self.left() {
            return Err(FileError::Cut);
        }
        let held = (self.ahead.len() - self.used) as u64;
        if count <= held {
            self.used += count as usize;
        } else {
            self.next += count - held;
            self.used = self.ahead.len();
        }
        Ok(())
    }

    fn read_ahead(&mut self) -> Result<(), FileError> {
        let count = (self.end.saturating_sub(self.next)).min(CHUNK as u64);
        if count == 0 {
            return Err(FileError::Cut);
        }
        self.ahead.resize(count as usize, 0);
        self.used = 0;
        self.source.read_at(self.next, &mut self.ahead).inspect_err(|_| self.ahead.clear())?;
        self.next += count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_file_are_read_alike_and_to_their_end_only() {
        let bytes: Vec<u8> = (0..100).collect();
        let path = tempfile::NamedTempFile::new().expect("it is read");
        std::fs::write(&path, &bytes).expect("it is read");
        let file = FileSource::open(path.path()).expect("it is read");
        let sources: [&dyn ByteSource; 3] = [&bytes, &&bytes[..], &file];
        for source in sources {
            assert_eq!(source.size(), 100);
            let mut part = [0; 3];
            source.read_at(97, &mut part).expect("it is read");
            assert_eq!(part, [97, 98, 99]);
            assert!(source.read_at(98, &mut part).is_err());
            assert!(source.read_at(u64::MAX, &mut part).is_err());
        }
    }

    #[test]
    fn a_reader_goes_over_its_chunks_and_stops_at_its_end() {
        let bytes: Vec<u8> = (0..3 * CHUNK).map(|i| (i / 256) as u8).collect();
        let mut reader = Reader::new(&bytes, 256..2 * CHUNK as u64 + 2);
        assert_eq!((reader.byte().expect("it is read"), reader.position()), (1, 257));
        reader.skip(CHUNK as u64).expect("it is read");
        reader.skip(5).expect("it is read");
        assert_eq!(reader.position(), CHUNK as u64 + 262);
        assert_eq!(reader.number(2).expect("it is read"), 0x0101);
        let rest = reader.left();
        assert!(matches!(reader.bytes(rest + 1), Err(FileError::Cut)));
        assert_eq!(reader.bytes(rest).expect("it is read").len() as u64, rest);
        assert!(matches!(reader.byte(), Err(FileError::Cut)));
        assert!(matches!(reader.skip(1), Err(FileError::Cut)));
    }
}
