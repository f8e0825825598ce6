//! `.pth` as PyTorch wrote it before 1.6: five pickles (a magic number, a version, the machine, the object, the storages' keys), then
//! the storages, each behind its count of numbers. It has no check sums.

use std::cell::Cell;

use crate::error::{FileError, quoted};
use crate::file::Index;
use crate::order::Names;
use crate::pickle::{self, Value};
use crate::source::{ByteSource, Reader};
use crate::tensor::Storage;

/// The magic number as it is pickled (`MAGIC_NUMBER` in `torch/serialization.py`); protocol and frame stand before it.
const MAGIC: [u8; 13] = [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, b'.'];

/// The one version there is (`PROTOCOL_VERSION`).
const VERSION: i64 = 1001;

/// Whether a file that starts so is one of these.
pub(crate) fn is_legacy(start: &[u8]) -> bool {
    let start = &start[..start.len().min(32)];
    start.starts_with(&[0x80]) && start.windows(MAGIC.len()).any(|bytes| bytes == MAGIC)
}

/// Reads the index.
///
/// # Errors
///
/// For what [`pickle::parse`] refuses, and for storages that are not what the pickle says.
pub(crate) fn open(source: &dyn ByteSource) -> Result<Index, FileError> {
    let mut reader = Reader::new(source, 0..source.len());
    let _magic = pickle::parse(&mut reader)?;
    let version = pickle::parse(&mut reader)?;
    if !matches!(version.root(), Value::Int(VERSION)) {
        return Err(FileError::damaged("it has another version than the one that PyTorch wrote"));
    }
    let machine = pickle::parse(&mut reader)?;
    if matches!(machine.entry(machine.root(), "little_endian"), Some(Value::Bool(false))) {
        return Err(FileError::BigEndian);
    }
    let pickle = pickle::parse(&mut reader)?;
    let keys = pickle::parse(&mut reader)?;
    let Value::List(keys_in_order) = keys.root() else {
        return Err(FileError::damaged("its list of storages is none"));
    };

    // A storage is as long as the first reference to it says.
    let referred = |place: usize| &pickle.storages[place].key[..];
    let references = Names::new(pickle.storages.len(), &referred);
    let mut storages = Vec::new();
    for key in keys_in_order {
        let Value::Text(key) = keys.get(*key) else {
            return Err(FileError::damaged("the key of a storage is no text"));
        };
        let Some(reference) = references.find(key, &referred) else {
            return Err(FileError::damaged(format!("nothing refers to its storage {}", quoted(key))));
        };
        let reference = &pickle.storages[reference];
        let count = reader.number(8)?;
        let Some(len) = reference.bytes().filter(|_| count == reference.count) else {
            return Err(FileError::damaged(format!("its storage {} is not as long as its pickle says", quoted(key))));
        };
        storages.push(Storage { name: key.clone(), start: reader.position(), len, unchecked: Cell::new(None) });
        reader.skip(len)?;
    }
    Index::of_pickle(&pickle, storages, "", source.len())
}
