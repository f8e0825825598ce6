//! `.pth` as PyTorch wrote it before 1.6: five pickles (a magic number, a version, the machine, the object, the
//! storages' keys), then the storages, each after its count of numbers. It has no check sums.

use std::cell::Cell;
use std::collections::HashMap;

use crate::error::{FileError, quoted};
use crate::index::Index;
use crate::pickle::{self, Pickle, Value};
use crate::source::{ByteSource, Reader};
use crate::tensor::Storage;

/// The magic number as it is pickled (`MAGIC_NUMBER` in `torch/serialization.py`), after protocol and frame.
const MAGIC: [u8; 13] = [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, b'.'];

/// The only version there is (`PROTOCOL_VERSION`).
const VERSION: i64 = 1001;

/// Tells the format from the start of a file.
pub(crate) fn is_legacy(start: &[u8]) -> bool {
    let start = &start[..start.len().min(32)];
    start.starts_with(&[0x80]) && start.windows(MAGIC.len()).any(|bytes| bytes == MAGIC)
}

/// Reads the index. Storages that differ from what the pickle says are refused.
pub(crate) fn open(source: &dyn ByteSource) -> Result<Index, FileError> {
    let mut reader = Reader::new(source, 0..source.size());
    let _magic = pickle::parse(&mut reader)?;
    let version = pickle::parse(&mut reader)?;
    if !matches!(version.root(), Value::Int(VERSION)) {
        return Err(FileError::damaged("it has another version than the one that PyTorch wrote"));
    }
    let machine = pickle::parse(&mut reader)?;
    if matches!(machine.entry(machine.root(), "little_endian"), Some(Value::Bool(false))) {
        return Err(FileError::big_endian());
    }
    let pickle = pickle::parse(&mut reader)?;
    let keys = pickle::parse(&mut reader)?;
    let Value::List(keys_in_order) = keys.root() else {
        return Err(unknown(&keys).unwrap_or_else(|| FileError::damaged("it has no list of storages")));
    };

    // A storage is as long as the first reference to it says.
    let mut references = HashMap::new();
    for reference in &pickle.storages {
        references.entry(reference.key.as_str()).or_insert(reference);
    }
    let mut storages = Vec::new();
    for key in keys_in_order {
        let Value::Text(key) = keys.get(*key) else {
            return Err(FileError::damaged("the key of a storage is not a text"));
        };
        let wrong = |what| FileError::damaged(format!("its storage {} {what}", quoted(key)));
        // How many bytes it has is not known where its kind of numbers is not.
        let reference = references.get(key.as_str());
        let reference = reference.ok_or_else(|| unknown(&pickle).unwrap_or_else(|| wrong("is used by no tensor")))?;
        let count = reader.number(8)?;
        let len = reference.bytes().filter(|_| count == reference.count);
        let len = len.ok_or_else(|| wrong("is not as long as its pickle says"))?;
        storages.push(Storage { name: key.clone(), start: reader.position(), len, unchecked: Cell::new(None) });
        reader.skip(len)?;
    }
    Index::of_pickle(&pickle, storages, "", source.size())
}

/// The refusal of a pickle's first value over a storage of an unknown kind, or of all of it.
fn unknown(pickle: &Pickle) -> Option<FileError> {
    let stored = |id: &u32| matches!(pickle.get(*id), Value::Opaque { stored: true, .. });
    let found = (0..pickle.values.len() as u32).find(stored).unwrap_or(pickle.root);
    pickle.origin(found).map(|global| pickle::refused(&global))
}
