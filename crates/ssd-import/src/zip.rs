//! The directory of a zip file as PyTorch writes it (PKWARE APPNOTE 6.3): which bytes are which entry.
//!
//! Nothing is unpacked: PyTorch stores its entries, and a compressed one is refused. So the entries never take more
//! than the file. `rawzip`, which could read from a Blob, would save some 60 lines: it tolerates bytes before and after
//! the archive, and leaves comparing directory and local headers, overlaps and limits to its caller.

use crate::error::{FileError, quoted};
use crate::source::{ByteSource, Reader};

/// The longest directory that is read. A checkpoint has some thousand entries of some hundred bytes.
const MAX_DIRECTORY: u64 = 4 << 20;

/// The end record: its size without the comment, and the longest comment.
const END: u64 = 22;
const MAX_COMMENT: u64 = 65_535;

/// What a 32-bit and a 16-bit field hold when the number is in a zip64 field.
const IN_ZIP64: u64 = 0xFFFF_FFFF;
const IN_ZIP64_COUNT: u64 = 0xFFFF;

/// A stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path in the file.
    pub(crate) name: String,
    /// Where its first byte is in the file.
    pub(crate) start: u64,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// Its CRC-32.
    pub(crate) crc: u32,
}

/// All entries of a zip file, in the order of its directory. An incomplete file is refused, compressed or encrypted
/// entries, and entries that overlap or are not where the directory says.
pub(crate) fn entries(source: &dyn ByteSource) -> Result<Vec<Entry>, FileError> {
    let (start, len, count) = find_directory(source)?;
    if len > MAX_DIRECTORY {
        return Err(FileError::too_much(format_args!("a zip directory of {len} bytes")));
    }
    let bytes = read(source, start, len)?;
    let (mut rest, mut entries, mut spans) = (&bytes[..], Vec::new(), Vec::new());
    for _ in 0..count {
        let (header, after) = Header::parse(rest)?;
        rest = after;
        let at = header.at;
        let entry = header.locate(source, start)?;
        spans.push((at, entry.start + entry.len));
        entries.push(entry);
    }
    if !rest.is_empty() {
        return Err(FileError::damaged("its zip directory has another number of entries than it says"));
    }
    spans.sort_unstable();
    if spans.windows(2).any(|pair| pair[1].0 < pair[0].1) {
        return Err(FileError::damaged("entries of its zip overlap"));
    }
    Ok(entries)
}

/// Start, length and number of entries of the directory.
fn find_directory(source: &dyn ByteSource) -> Result<(u64, u64, u64), FileError> {
    let tail_start = source.size().saturating_sub(END + MAX_COMMENT);
    let tail = read(source, tail_start, source.size() - tail_start)?;
    let is_end = |at: &usize| {
        let rest = &tail[*at..];
        rest.starts_with(b"PK\x05\x06") && field(rest, 20, 2).is_ok_and(|comment| rest.len() as u64 == END + comment)
    };
    // A comment of unknown length follows the end record, so the search is backwards. An interrupted download has none.
    let at = (0..tail.len()).rev().find(is_end).ok_or(FileError::Cut)?;
    let (end, mut limit) = (&tail[at..], tail_start + at as u64);
    let (mut count, mut size, mut start) = (field(end, 10, 2)?, field(end, 12, 4)?, field(end, 16, 4)?);
    let locator = at.checked_sub(20).map(|at| &tail[at..]).filter(|locator| locator.starts_with(b"PK\x06\x07"));
    if let Some(locator) = locator {
        limit = field(locator, 8, 8)?;
        let end = read(source, limit, 56)?;
        if !end.starts_with(b"PK\x06\x06") {
            return Err(FileError::damaged("the end of its zip directory is not where it says"));
        }
        (count, size, start) = (field(&end, 32, 8)?, field(&end, 40, 8)?, field(&end, 48, 8)?);
    } else if start == IN_ZIP64 || size == IN_ZIP64 || count == IN_ZIP64_COUNT {
        return Err(FileError::damaged("the zip64 part of its directory is missing"));
    }
    if start.checked_add(size).is_none_or(|end| end > limit) {
        return Err(FileError::damaged("its zip directory is not where it says"));
    }
    Ok((start, size, count))
}

/// What the directory says about an entry.
struct Header {
    name: String,
    /// Bytes of the name in the file.
    name_len: u64,
    crc: u32,
    len: u64,
    /// Where the entry's local header is, which precedes its bytes.
    at: u64,
}

impl Header {
    /// Reads one from the start of `bytes`; returns what follows it, too.
    fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), FileError> {
        if !bytes.starts_with(b"PK\x01\x02") {
            return Err(FileError::damaged("its zip directory holds something else"));
        }
        let (flags, method, crc) = (field(bytes, 8, 2)?, field(bytes, 10, 2)?, field(bytes, 16, 4)? as u32);
        let (name_len, extra_len, comment_len) = (field(bytes, 28, 2)?, field(bytes, 30, 2)?, field(bytes, 32, 2)?);
        let extra = 46 + name_len as usize;
        let comment = extra + extra_len as usize;
        let after = bytes.get(comment + comment_len as usize..).ok_or_else(short)?;
        let name = String::from_utf8_lossy(&bytes[46..extra]).into_owned();
        if method != 0 {
            let what = format!("a zip archive of another program than PyTorch ({} is compressed)", quoted(&name));
            return Err(FileError::foreign_zip(what));
        }
        if flags & 1 == 1 {
            return Err(FileError::damaged(format!("its entry {} is encrypted", quoted(&name))));
        }
        let (mut packed, mut len, mut at) = (field(bytes, 20, 4)?, field(bytes, 24, 4)?, field(bytes, 42, 4)?);
        // The zip64 field holds, in this order, only the numbers that do not fit here.
        let mut zip64 = zip64(&bytes[extra..comment]);
        for value in [&mut len, &mut packed, &mut at] {
            if *value == IN_ZIP64 {
                *value = field(zip64, 0, 8)?;
                zip64 = &zip64[8..];
            }
        }
        if packed != len {
            return Err(FileError::damaged(format!("its entry {} has two lengths", quoted(&name))));
        }
        Ok((Self { name, name_len, crc, len, at }, after))
    }

    /// Finds the bytes after the local header; all of it has to precede the directory.
    fn locate(self, source: &dyn ByteSource, directory_start: u64) -> Result<Entry, FileError> {
        let wrong =
            || FileError::damaged(format!("its entry {} is not where the zip directory says", quoted(&self.name)));
        let name_start = 30;
        if self.at.checked_add(name_start + self.name_len).is_none_or(|end| end > directory_start) {
            return Err(wrong());
        }
        let header = read(source, self.at, name_start + self.name_len)?;
        let (method, name_len, extra_len) = (field(&header, 8, 2)?, field(&header, 26, 2)?, field(&header, 28, 2)?);
        let start = self.at + name_start + name_len + extra_len;
        let inside = start.checked_add(self.len).is_some_and(|end| end <= directory_start);
        let named = String::from_utf8_lossy(&header[name_start as usize..]) == self.name && name_len == self.name_len;
        if !header.starts_with(b"PK\x03\x04") || method != 0 || !inside || !named {
            return Err(wrong());
        }
        Ok(Entry { start, len: self.len, crc: self.crc, name: self.name })
    }
}

/// The zip64 field among the extra fields; empty where there is none.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while let (Ok(tag), Ok(len)) = (field(extra, 0, 2), field(extra, 2, 2)) {
        let Some(content) = extra.get(4..4 + len as usize) else { break };
        if tag == 1 {
            return content;
        }
        extra = &extra[4 + len as usize..];
    }
    &[]
}

/// `width` bytes from `place` on, as a number.
fn field(bytes: &[u8], place: usize, width: usize) -> Result<u64, FileError> {
    let bytes = bytes.get(place..place + width).ok_or_else(short)?;
    Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn short() -> FileError {
    FileError::damaged("its zip directory is shorter than it says")
}

fn read(source: &dyn ByteSource, start: u64, len: u64) -> Result<Vec<u8>, FileError> {
    Reader::new(source, start..start.saturating_add(len)).bytes(len)
}
