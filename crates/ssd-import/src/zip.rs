//! The directory of a zip file, as PyTorch writes them (PKWARE APPNOTE 6.3): which bytes are which entry.
//!
//! Nothing is unpacked: PyTorch stores its entries, and one that is compressed is refused. So the entries of a file are never more
//! than its bytes.

use crate::error::{FileError, quoted};
use crate::order::{neighbours, order};
use crate::source::ByteSource;

/// Bytes of a directory that are read. A checkpoint has some thousand entries of some hundred bytes.
const MAX_DIRECTORY: u64 = 4 << 20;

/// The end of the directory: its size without the comment, and the longest comment.
const END: u64 = 22;
const MAX_COMMENT: u64 = 65_535;

/// What a 32-bit and a 16-bit field hold when the number stands in a zip64 field.
const IN_ZIP64: u64 = 0xFFFF_FFFF;
const IN_ZIP64_COUNT: u64 = 0xFFFF;

/// A stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path in the file.
    pub(crate) name: String,
    /// Where its first byte lies in the file.
    pub(crate) start: u64,
    /// Bytes of it.
    pub(crate) len: u64,
    /// Its CRC-32.
    pub(crate) crc: u32,
}

/// All entries of a zip file, in the order of its directory.
///
/// # Errors
///
/// For what is no whole zip file, for compressed or encrypted entries, and for entries that are not where the directory says, or
/// lie on each other.
pub(crate) fn entries(source: &dyn ByteSource) -> Result<Vec<Entry>, FileError> {
    let directory = find_directory(source)?;
    if directory.len > MAX_DIRECTORY {
        return Err(FileError::TooMuch(format!("a zip directory of {} bytes", directory.len)));
    }
    let bytes = read(source, directory.start, directory.len)?;
    let (mut rest, mut found) = (&bytes[..], Vec::new());
    for _ in 0..directory.count {
        let (header, after) = Header::parse(rest)?;
        rest = after;
        found.push(header);
    }
    if !rest.is_empty() {
        return Err(FileError::damaged("its zip directory has another number of entries than it says"));
    }
    let mut entries = Vec::with_capacity(found.len());
    let mut places = Vec::with_capacity(found.len());
    for header in found {
        places.push(header.at);
        entries.push(header.locate(source, directory.start)?);
    }
    let in_file = order(places.len(), &|a, b| places[a].cmp(&places[b]));
    let overlap = |a: usize, b: usize| places[b] < entries[a].start + entries[a].len;
    if neighbours(&in_file, &overlap).is_some() {
        return Err(FileError::damaged("entries of its zip lie on each other"));
    }
    Ok(entries)
}

/// Where the directory lies, and how many entries it has.
struct Directory {
    start: u64,
    len: u64,
    count: u64,
}

fn find_directory(source: &dyn ByteSource) -> Result<Directory, FileError> {
    let len = source.len();
    // The end stands before a comment of some length, so it is looked for from behind.
    let tail_start = len.saturating_sub(END + MAX_COMMENT);
    let tail = read(source, tail_start, len - tail_start)?;
    let is_end = |at: &usize| {
        let rest = &tail[*at..];
        rest.starts_with(b"PK\x05\x06") && field(rest, 20, 2).is_some_and(|comment| rest.len() as u64 == END + comment)
    };
    // A download that broke off has no end.
    let at = (0..tail.len()).rev().find(is_end).ok_or(FileError::Cut)?;
    let (end, end_start) = (&tail[at..], tail_start + at as u64);
    let number = |place, width| field(end, place, width).ok_or(FileError::Cut);
    let (mut count, mut size, mut start) = (number(10, 2)?, number(12, 4)?, number(16, 4)?);
    let mut limit = end_start;
    let locator = at.checked_sub(20).map(|at| &tail[at..]).filter(|locator| locator.starts_with(b"PK\x06\x07"));
    if let Some(locator) = locator {
        limit = field(locator, 8, 8).ok_or(FileError::Cut)?;
        let end = read(source, limit, 56)?;
        let number = |place| field(&end, place, 8).ok_or(FileError::Cut);
        if !end.starts_with(b"PK\x06\x06") {
            return Err(FileError::damaged("the end of its zip directory is not where it says"));
        }
        (count, size, start) = (number(32)?, number(40)?, number(48)?);
    } else if start == IN_ZIP64 || size == IN_ZIP64 || count == IN_ZIP64_COUNT {
        return Err(FileError::damaged("the zip64 part of its directory is missing"));
    }
    if start.checked_add(size).is_none_or(|end| end > limit) {
        return Err(FileError::damaged("its zip directory is not where it says"));
    }
    Ok(Directory { start, len: size, count })
}

/// What the directory says of an entry.
struct Header {
    name: String,
    /// Bytes of the name, as it stands in the file.
    name_len: u64,
    crc: u32,
    len: u64,
    /// Where the entry's own header lies, which stands before its bytes.
    at: u64,
}

impl Header {
    /// Reads one from the start of `bytes`; what comes after it is handed back.
    fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), FileError> {
        let short = || FileError::damaged("its zip directory is shorter than it says");
        let number = |place, width| field(bytes, place, width).ok_or_else(short);
        if !bytes.starts_with(b"PK\x01\x02") {
            return Err(FileError::damaged("its zip directory holds something else"));
        }
        let (flags, method) = (number(8, 2)?, number(10, 2)?);
        let (name_len, extra_len, comment_len) = (number(28, 2)?, number(30, 2)?, number(32, 2)?);
        let extra_start = 46 + name_len as usize;
        let next = extra_start + (extra_len + comment_len) as usize;
        let (name, after) = (bytes.get(46..extra_start).ok_or_else(short)?, bytes.get(next..).ok_or_else(short)?);
        let name = String::from_utf8_lossy(name).into_owned();
        if method != 0 {
            return Err(FileError::Compressed(quoted(&name)));
        }
        if flags & 1 == 1 {
            return Err(FileError::damaged(format!("its entry {} is encrypted", quoted(&name))));
        }
        let (mut packed, mut len, mut at) = (number(20, 4)?, number(24, 4)?, number(42, 4)?);
        // What does not fit stands in the zip64 field, in this order, and only that.
        let mut zip64 = zip64(&bytes[extra_start..extra_start + extra_len as usize]);
        for value in [&mut len, &mut packed, &mut at] {
            if *value == IN_ZIP64 {
                *value =
                    field(zip64, 0, 8).ok_or_else(|| FileError::damaged("a zip64 field of its directory is short"))?;
                zip64 = &zip64[8..];
            }
        }
        if packed != len {
            return Err(FileError::damaged(format!("its entry {} has two lengths", quoted(&name))));
        }
        Ok((Self { name, name_len, crc: number(16, 4)? as u32, len, at }, after))
    }

    /// Finds the bytes, behind the entry's own header; all has to lie before the directory.
    fn locate(self, source: &dyn ByteSource, directory_start: u64) -> Result<Entry, FileError> {
        let wrong =
            || FileError::damaged(format!("its entry {} is not where the zip directory says", quoted(&self.name)));
        let name_start = 30;
        if self.at.checked_add(name_start + self.name_len).is_none_or(|end| end > directory_start) {
            return Err(wrong());
        }
        let header = read(source, self.at, name_start + self.name_len)?;
        let number = |place| field(&header, place, 2).ok_or_else(wrong);
        let (method, name_len, extra_len) = (number(8)?, number(26)?, number(28)?);
        let start = self.at + name_start + name_len + extra_len;
        let inside = start.checked_add(self.len).is_some_and(|end| end <= directory_start);
        let name = String::from_utf8_lossy(&header[name_start as usize..]);
        if !header.starts_with(b"PK\x03\x04")
            || method != 0
            || !inside
            || name_len != self.name_len
            || name != self.name
        {
            return Err(wrong());
        }
        Ok(Entry { start, len: self.len, crc: self.crc, name: self.name })
    }
}

/// The zip64 field among the extra fields, or nothing.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while let (Some(tag), Some(len)) = (field(extra, 0, 2), field(extra, 2, 2)) {
        let Some(content) = extra.get(4..4 + len as usize) else { break };
        if tag == 1 {
            return content;
        }
        extra = &extra[4 + len as usize..];
    }
    &[]
}

/// `width` bytes from `place` on, as a number.
fn field(bytes: &[u8], place: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(place..place + width)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Bytes of the source, which have to be there before they get room.
fn read(source: &dyn ByteSource, start: u64, len: u64) -> Result<Vec<u8>, FileError> {
    if start.checked_add(len).is_none_or(|end| end > source.len()) {
        return Err(FileError::Cut);
    }
    let mut bytes = vec![0; len as usize];
    source.read_at(start, &mut bytes)?;
    Ok(bytes)
}
