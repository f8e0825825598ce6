//! Builds files byte by byte, valid and invalid ones.

use ssd_import::{FileError, TensorFile};

/// Opens bytes as a file.
pub fn open(bytes: &[u8]) -> Result<TensorFile, FileError> {
    TensorFile::open(Box::new(bytes.to_vec()))
}

/// The error for invalid bytes.
pub fn refusal(bytes: &[u8]) -> String {
    open(bytes).expect_err("an error").to_string()
}

/// A tensor as a pickle has it, over float32.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub name: String,
    pub key: String,
    /// Numbers in its storage.
    pub count: u64,
    pub offset: i64,
    pub shape: Vec<i64>,
    pub strides: Vec<i64>,
}

impl Tensor {
    /// One that is its whole storage.
    pub fn whole(name: &str, key: &str, count: u64) -> Self {
        Self { name: name.into(), key: key.into(), count, offset: 0, shape: vec![count as i64], strides: vec![1] }
    }
}

/// An instruction with a text.
pub fn text(text: &str) -> Vec<u8> {
    [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// An instruction with a whole number: LONG1 of 8 bytes.
pub fn number(number: i64) -> Vec<u8> {
    [&[0x8A, 8][..], &number.to_le_bytes()].concat()
}

pub fn numbers(items: &[i64]) -> Vec<u8> {
    let items: Vec<u8> = items.iter().flat_map(|item| number(*item)).collect();
    [b"(", &items[..], b"t"].concat()
}

/// The reference to a storage; `rest` follows its count.
pub fn storage(class: &str, key: &str, count: i64, rest: &[u8]) -> Vec<u8> {
    let class = format!("ctorch\n{class}\n");
    [b"(", &text("storage")[..], class.as_bytes(), &text(key), &text("cpu"), &number(count), rest, b"tQ"].concat()
}

/// A call of `_rebuild_tensor_v2`.
pub fn rebuild(storage: &[u8], offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let call = b"ctorch._utils\n_rebuild_tensor_v2\n(";
    let arguments = [storage, &number(offset), &numbers(shape), &numbers(strides)].concat();
    [&call[..], &arguments, b"\x89}tR"].concat()
}

/// A pickle of protocol 2 around instructions that leave one value.
pub fn pickle(body: &[u8]) -> Vec<u8> {
    [b"\x80\x02", body, b"."].concat()
}

/// The pickle of a state dict. `rest` follows the count of each storage: legacy files have a view there.
pub fn state_dict(tensors: &[Tensor], rest: &[u8]) -> Vec<u8> {
    let entry = |tensor: &Tensor| {
        let storage = storage("FloatStorage", &tensor.key, tensor.count as i64, rest);
        [text(&tensor.name), rebuild(&storage, tensor.offset, &tensor.shape, &tensor.strides)].concat()
    };
    let entries: Vec<u8> = tensors.iter().flat_map(entry).collect();
    pickle(&[b"}(", &entries[..], b"u"].concat())
}

/// Float32 as bytes.
pub fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A zip file of stored entries.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    zip_at(0, entries)
}

/// The same for a place behind other bytes.
pub fn zip_at(before: usize, entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let at = (before + bytes.len()) as u32;
        bytes.extend(local_header(name, content.len() as u32, crc32(content)));
        bytes.extend_from_slice(content);
        directory.extend(directory_entry(name, 0, content.len() as u32, crc32(content), at, &[]));
    }
    let start = (before + bytes.len()) as u32;
    let end = end_of_zip(entries.len() as u16, directory.len() as u32, start);
    [bytes, directory, end].concat()
}

/// The header before an entry's bytes.
pub fn local_header(name: &str, len: u32, crc: u32) -> Vec<u8> {
    let mut header = b"PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00".to_vec();
    header.extend([crc, len, len].map(u32::to_le_bytes).concat());
    header.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
    [&header[..], name.as_bytes()].concat()
}

/// An entry of the directory.
pub fn directory_entry(name: &str, method: u16, len: u32, crc: u32, at: u32, extra: &[u8]) -> Vec<u8> {
    let mut entry = b"PK\x01\x02\x14\x00\x14\x00\x00\x00".to_vec();
    entry.extend([method, 0, 0].map(u16::to_le_bytes).concat());
    entry.extend([crc, len, len].map(u32::to_le_bytes).concat());
    entry.extend([name.len() as u16, extra.len() as u16, 0, 0, 0, 0, 0].map(u16::to_le_bytes).concat());
    entry.extend(at.to_le_bytes());
    [&entry[..], name.as_bytes(), extra].concat()
}

/// The end of a zip file.
pub fn end_of_zip(count: u16, len: u32, start: u32) -> Vec<u8> {
    let mut end = b"PK\x05\x06\x00\x00\x00\x00".to_vec();
    end.extend([count, count].map(u16::to_le_bytes).concat());
    end.extend([len, start].map(u32::to_le_bytes).concat());
    [&end[..], b"\x00\x00"].concat()
}

/// CRC-32 bit by bit: slow, and unlike the program's.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = !0_u32;
    for bit in bytes.iter().flat_map(|byte| (0..8).map(move |place| u32::from(byte >> place & 1))) {
        sum = if (sum ^ bit) & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    }
    !sum
}

/// A zip `.pth` of a pickle and storages.
pub fn torch_zip(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let names: Vec<String> = storages.iter().map(|(key, _)| format!("a/data/{key}")).collect();
    let mut entries = vec![("a/data.pkl", pickle), ("a/byteorder", b"little")];
    entries.extend(names.iter().zip(storages).map(|(name, (_, content))| (&name[..], *content)));
    zip(&entries)
}

/// What a legacy file has before its object.
pub fn legacy_start(version: i64, little_endian: bool) -> Vec<u8> {
    let magic = b"\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";
    let order = if little_endian { b"\x88" } else { b"\x89" };
    let machine = [b"}(", &text("little_endian")[..], order, b"u"].concat();
    [pickle(magic), pickle(&number(version)), pickle(&machine)].concat()
}

/// A legacy `.pth` of a pickle and storages of float32.
pub fn legacy(pickled: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let keys: Vec<u8> = storages.iter().flat_map(|(key, _)| text(key)).collect();
    let mut bytes = [legacy_start(1001, true), pickled.to_vec(), pickle(&[b"](", &keys[..], b"e"].concat())].concat();
    for (_, content) in storages {
        bytes.extend((content.len() as u64 / 4).to_le_bytes());
        bytes.extend_from_slice(content);
    }
    bytes
}

/// A safetensors file of a header and numbers.
pub fn safetensors(header: &str, content: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), content].concat()
}
