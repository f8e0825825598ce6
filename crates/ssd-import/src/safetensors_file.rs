//! `.safetensors`: a header in JSON that says where each tensor lies, behind its length; then the numbers. It has no check sum.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::dtype::DType;
use crate::error::{FileError, quoted};
use crate::file::Index;
use crate::order::order;
use crate::source::{ByteSource, Reader};
use crate::tensor::{Place, Storage, TensorInfo};

/// Bytes of a header that are read; one of a detector has some ten thousand.
const MAX_HEADER: u64 = 4 << 20;

/// Bytes that hold the header's length.
const LENGTH: u64 = 8;

/// Whether a file that starts so is one of these: the header is a JSON object, and shorter than 4 GB.
pub(crate) fn is_safetensors(start: &[u8]) -> bool {
    start.len() > 8 && start[4..8] == [0; 4] && start[8] == b'{'
}

/// Reads the index.
///
/// # Errors
///
/// For a header that is no header, and for tensors that leave gaps, lie on each other or are not all there.
pub(crate) fn open(source: &dyn ByteSource) -> Result<Index, FileError> {
    let mut reader = Reader::new(source, 0..source.len());
    let header_len = reader.number(8)?;
    if header_len > MAX_HEADER {
        return Err(FileError::TooMuch(format!("a header of {header_len} bytes")));
    }
    let header = reader.bytes(header_len)?;
    let header = str::from_utf8(&header).map_err(|_| FileError::damaged("its header is no text"))?;
    // Refuses overlaps and gaps, too, and lengths that are not those of the shapes.
    let header: safetensors::tensor::Metadata = serde_json::from_str(header).map_err(|error| {
        FileError::damaged(format!("its header is not understood ({})", quoted(&error.to_string())))
    })?;

    let (start, len) = (LENGTH + header_len, header.data_len() as u64);
    match source.len() - start {
        there if there < len => return Err(FileError::Cut),
        there if there > len => return Err(FileError::damaged("there is more behind its tensors")),
        _ => {}
    }
    // Those without numbers share their place with others, and come in any order.
    let mut names = header.offset_keys();
    let place = |name: &str| header.info(name).map(|info| info.data_offsets);
    let sorted = order(names.len(), &|a, b| (place(&names[a]), &names[a]).cmp(&(place(&names[b]), &names[b])));
    let mut tensors = Vec::with_capacity(names.len());
    for name in sorted.into_iter().map(|place| std::mem::take(&mut names[place])) {
        let Some(info) = header.info(&name) else { continue };
        let place = Place { storage: 0, offset: info.data_offsets.0 as u64, strides: None };
        tensors.push(TensorInfo { name, dtype: DType::from_safetensors(info.dtype), shape: info.shape.clone(), place });
    }
    let mut metadata = BTreeMap::new();
    for (key, value) in header.metadata().iter().flatten() {
        metadata.insert(key.clone(), value.clone());
    }
    let storage = Storage { name: "the data".into(), start, len, unchecked: Cell::new(None) };
    Index::new(tensors, vec![storage], metadata, source.len())
}
