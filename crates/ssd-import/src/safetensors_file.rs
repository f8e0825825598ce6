//! `.safetensors`: the length of a header, the header in JSON, which says where each tensor lies, then the numbers. It
//! has no check sum.

use std::cell::Cell;

use safetensors::tensor::{Metadata, TensorInfo as StoredInfo};

use crate::dtype::DType;
use crate::error::{FileError, quoted};
use crate::index::Index;
use crate::source::{ByteSource, Reader};
use crate::tensor::{Place, Storage, TensorInfo};

/// The longest header that is read; a detector's has some ten thousand bytes.
const MAX_HEADER: u64 = 4 << 20;

/// Bytes that hold the header's length.
const LENGTH: u64 = 8;

/// Tells the format from the start of a file: the header is a JSON object of less than 4 GB.
pub(crate) fn is_safetensors(start: &[u8]) -> bool {
    start.len() > 8 && start[4..8] == [0; 4] && start[8] == b'{'
}

/// Reads the index. Tensors that leave gaps, overlap or are not all there are refused.
pub(crate) fn open(source: &dyn ByteSource) -> Result<Index, FileError> {
    let mut reader = Reader::new(source, 0..source.size());
    let header_len = reader.number(LENGTH as u32)?;
    if header_len > MAX_HEADER {
        return Err(FileError::too_much(format_args!("a header of {header_len} bytes")));
    }
    let invalid = |error: &dyn std::fmt::Display| {
        FileError::damaged(format!("its header is invalid ({})", quoted(&error.to_string())))
    };
    let header = String::from_utf8(reader.bytes(header_len)?).map_err(|error| invalid(&error))?;
    // Refuses overlaps, gaps and lengths that do not match the shapes.
    let header: Metadata = serde_json::from_str(&header).map_err(|error| invalid(&error))?;

    let (start, len) = (LENGTH + header_len, header.data_len() as u64);
    match source.size() - start {
        there if there < len => return Err(FileError::Cut),
        there if there > len => return Err(FileError::damaged("there is more after its tensors")),
        _ => {}
    }
    let mut infos: Vec<_> = header.tensors().into_iter().collect();
    // Empty tensors share their place with others.
    infos.sort_unstable_by(|(a_name, a), (b_name, b)| (a.data_offsets, a_name).cmp(&(b.data_offsets, b_name)));
    let tensor = |(name, info): (String, &StoredInfo)| {
        let place = Place { storage: 0, offset: info.data_offsets.0 as u64, strides: None };
        let dtype = DType::from_safetensors(info.dtype);
        TensorInfo { name, dtype, shape: info.shape.clone(), quantisation: None, place }
    };
    let tensors = infos.into_iter().map(tensor).collect();
    let metadata = header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    let storage = Storage { name: "the data".into(), start, len, unchecked: Cell::new(None) };
    Index::new(tensors, vec![storage], metadata, source.size())
}
