//! `.pth` as a zip file, PyTorch's format since 1.6: `NAME/data.pkl` says which tensors there are, `NAME/data/KEY`
//! holds the numbers.

use std::cell::Cell;

use crate::error::FileError;
use crate::index::Index;
use crate::pickle;
use crate::source::{ByteSource, Reader};
use crate::tensor::Storage;
use crate::zip::{self, Entry};

/// Reads the index. Storages that differ from what the pickle says are refused.
pub(crate) fn open(source: &dyn ByteSource) -> Result<Index, FileError> {
    let entries = zip::entries(source)?;
    let mut pickled = entries.iter().filter_map(|entry| Some((entry.name.strip_suffix("data.pkl")?, entry)));
    let Some((root, pickled)) = pickled.find(|(root, _)| root.is_empty() || root.ends_with('/')) else {
        return Err(FileError::foreign_zip("a zip archive without a data.pkl"));
    };
    let entry = |name: &str| entries.iter().find(|entry| entry.name.strip_prefix(root) == Some(name));
    let reader = |entry: &Entry| Reader::new(source, entry.start..entry.start + entry.len);
    // `torch.serialization.set_crc32_options(False)` writes zeros; with check sums some entry's is not 0.
    let sums = entries.iter().any(|entry| entry.crc != 0);
    storage(pickled.clone(), sums).verify(source)?;
    if let Some(order) = entry("byteorder")
        && reader(order).bytes(order.len.min(16))? != b"little"
    {
        return Err(FileError::big_endian());
    }
    let pickle = pickle::parse(&mut reader(pickled))?;
    let prefix = format!("{root}data/");
    let storages = entries.into_iter().map(|entry| storage(entry, sums)).collect();
    Index::of_pickle(&pickle, storages, &prefix, source.size())
}

fn storage(entry: Entry, sums: bool) -> Storage {
    let unchecked = Cell::new(sums.then_some(entry.crc));
    Storage { name: entry.name, start: entry.start, len: entry.len, unchecked }
}
