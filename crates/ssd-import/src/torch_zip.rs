//! `.pth` as a zip file, PyTorch's format since 1.6: `NAME/data.pkl` says what there is, `NAME/data/KEY` holds the numbers.

use std::cell::Cell;

use crate::crc32::Crc32;
use crate::error::{FileError, quoted};
use crate::file::Index;
use crate::pickle;
use crate::source::{ByteSource, Reader};
use crate::tensor::{Storage, in_chunks};
use crate::zip::{self, Entry};

/// Reads the index.
///
/// # Errors
///
/// For what [`zip::entries`] and [`pickle::parse`] refuse, and for storages that are not what the pickle says.
pub(crate) fn open(source: &dyn ByteSource) -> Result<Index, FileError> {
    let entries = zip::entries(source)?;
    let pickled = entries.iter().filter_map(|entry| Some((entry.name.strip_suffix("data.pkl")?, entry)));
    let Some((root, pickled)) = pickled.into_iter().find(|(root, _)| root.is_empty() || root.ends_with('/')) else {
        return Err(FileError::Format(
            "a zip archive without a data.pkl",
            "if a .pth file is in it, unpack that and give it alone",
        ));
    };
    let entry = |name: &str| entries.iter().find(|entry| entry.name.strip_prefix(root) == Some(name));
    // `torch.serialization.set_crc32_options(False)` writes zeros; with check sums some entry's is none.
    let sums = entries.iter().any(|entry| entry.crc != 0);
    if sums {
        verify(source, pickled)?;
    }
    if let Some(order) = entry("byteorder")
        && Reader::new(source, order.start..order.start + order.len).bytes(order.len.min(16))? != b"little"
    {
        return Err(FileError::BigEndian);
    }
    let pickle = pickle::parse(&mut Reader::new(source, pickled.start..pickled.start + pickled.len))?;
    let prefix = format!("{root}data/");
    let storages = entries.into_iter().map(|entry| storage(entry, sums)).collect();
    Index::of_pickle(&pickle, storages, &prefix, source.len())
}

fn storage(entry: Entry, sums: bool) -> Storage {
    let unchecked = Cell::new(sums.then_some(entry.crc));
    Storage { name: entry.name, start: entry.start, len: entry.len, unchecked }
}

fn verify(source: &dyn ByteSource, entry: &Entry) -> Result<(), FileError> {
    let mut sum = Crc32::new();
    in_chunks(source, entry.start, entry.len, |bytes| sum.update(bytes))?;
    if sum.value() == entry.crc { Ok(()) } else { Err(FileError::CheckSum(quoted(&entry.name))) }
}
