//! A file of weights, whatever its format: which tensors are in it, and their numbers when they are asked for.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{FileError, quoted};
use crate::order::Names;
use crate::pickle::{self, Pickle, StorageRef, TensorRef};
use crate::source::ByteSource;
use crate::tensor::{Place, Storage, TensorInfo};
use crate::{legacy, safetensors_file, torch_zip};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `torch.save` before 1.6, or with `_use_new_zipfile_serialization=False`.
    LegacyPickle,
    /// `torch.save` since 1.6.
    ZipPickle,
    /// Safetensors.
    Safetensors,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LegacyPickle => "PyTorch, legacy pickle",
            Self::ZipPickle => "PyTorch, zip",
            Self::Safetensors => "safetensors",
        })
    }
}

/// A file of weights that was opened: its index. The numbers stay where they are.
///
/// It belongs to one thread, as a source in a browser does.
pub struct TensorFile {
    source: Box<dyn ByteSource>,
    format: Format,
    index: Index,
}

impl TensorFile {
    /// Reads what is in a file. The format is told from its bytes.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with the file and what to do; it does not name the file.
    pub fn open(source: Box<dyn ByteSource>) -> Result<Self, FileError> {
        let format = detect(&*source)?;
        let index = match format {
            Format::LegacyPickle => legacy::open(&*source),
            Format::ZipPickle => torch_zip::open(&*source),
            Format::Safetensors => safetensors_file::open(&*source),
        }?;
        Ok(Self { source, format, index })
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What a safetensors file says beside its tensors (`__metadata__`). A pickle says nothing.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.index.metadata
    }

    /// All tensors, in the file's order. One that stands under two names is there twice.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.index.tensors
    }

    /// A tensor by its name.
    pub fn get(&self, name: &str) -> Option<&TensorInfo> {
        let tensors = &self.index.tensors;
        self.index.names.find(name, &|place| &tensors[place].name).map(|place| &tensors[place])
    }

    /// Reads a tensor of this file: its numbers as f32, the last side fastest. Integers and doubles are rounded to the nearest f32.
    ///
    /// Where the file has a check sum of the numbers, it is compared when they are first read.
    ///
    /// # Errors
    ///
    /// [`FileError::DType`] for kinds of numbers that are not read, [`FileError::CheckSum`] for numbers that are not those that were
    /// written, [`FileError::Read`] where the source fails.
    pub fn read_f32(&self, tensor: &TensorInfo) -> Result<Vec<f32>, FileError> {
        let Some(storage) = self.index.storages.get(tensor.place.storage) else {
            return Err(FileError::Tensor { name: quoted(&tensor.name), why: "it belongs to another file".into() });
        };
        tensor.read(&*self.source, storage)
    }
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TensorFile({}, {} tensors)", self.format, self.index.tensors.len())
    }
}

/// Tells the format from the first bytes.
fn detect(source: &dyn ByteSource) -> Result<Format, FileError> {
    let mut start = [0; 512];
    let start = &mut start[..source.len().min(512) as usize];
    source.read_at(0, start)?;
    match start {
        [] => Err(FileError::Format("empty", "download or save it again")),
        [b'P', b'K', 3, 4, ..] => Ok(Format::ZipPickle),
        _ if legacy::is_legacy(start) => Ok(Format::LegacyPickle),
        _ if safetensors_file::is_safetensors(start) => Ok(Format::Safetensors),
        _ => Err(foreign(start)),
    }
}

/// Names what is not read, where that is known.
fn foreign(start: &[u8]) -> FileError {
    let text = start.trim_ascii_start();
    let (what, advice) = match start {
        _ if start.get(257..262) == Some(b"ustar") => return FileError::Tar,
        [0x80, ..] => {
            ("a pickle that torch.save did not write", "load it in Python and save its tensors with torch.save")
        }
        [0x1F, 0x8B, ..] => ("a gzip archive", "unpack it and give the .pth file in it"),
        [0x89, b'H', b'D', b'F', ..] => ("an HDF5 file, as Keras writes it", "give a PyTorch or safetensors file"),
        _ if text.starts_with(b"<") => {
            ("a web page or XML", "the download link led to a page, so download the file itself")
        }
        _ if text.starts_with(b"version https://git-lfs") => {
            ("a Git LFS pointer", "fetch the file itself with `git lfs pull`")
        }
        _ => ("of an unknown format", "give a .pth file of torch.save or a .safetensors file"),
    };
    FileError::Format(what, advice)
}

/// What the readers of the formats find.
pub(crate) struct Index {
    tensors: Vec<TensorInfo>,
    names: Names,
    storages: Vec<Storage>,
    metadata: BTreeMap<String, String>,
}

impl Index {
    /// Checks that every tensor lies in its storage, and that their names differ.
    pub(crate) fn new(
        tensors: Vec<TensorInfo>,
        storages: Vec<Storage>,
        metadata: BTreeMap<String, String>,
        file_len: u64,
    ) -> Result<Self, FileError> {
        if tensors.is_empty() {
            return Err(FileError::NoTensors);
        }
        for tensor in &tensors {
            tensor.check(&storages[tensor.place.storage], file_len)?;
        }
        let name = |place: usize| &tensors[place].name[..];
        let names = Names::new(tensors.len(), &name);
        if let Some(second) = names.twice(&name) {
            return Err(FileError::TwoOfAName(quoted(name(second))));
        }
        Ok(Self { tensors, names, storages, metadata })
    }

    /// The index of a pickle, whose storages are called `prefix` and their key. They have to be as long as the pickle says.
    pub(crate) fn of_pickle(
        pickle: &Pickle,
        storages: Vec<Storage>,
        prefix: &str,
        file_len: u64,
    ) -> Result<Self, FileError> {
        let name = |place: usize| &storages[place].name[..];
        let names = Names::new(storages.len(), &name);
        if let Some(second) = names.twice(&name) {
            return Err(FileError::damaged(format!("it has {} twice", quoted(name(second)))));
        }
        let mut places = Vec::with_capacity(pickle.storages.len());
        for reference in &pickle.storages {
            let wanted = format!("{prefix}{}", reference.key);
            let Some(place) = names.find(&wanted, &name) else {
                return Err(FileError::damaged(format!("its storage {} is missing", quoted(&wanted))));
            };
            if reference.bytes() != Some(storages[place].len) {
                let wanted = quoted(&wanted);
                return Err(FileError::damaged(format!("its storage {wanted} is not as long as its pickle says")));
            }
            places.push(place);
        }
        let mut tensors = Vec::new();
        for pickle::Named { name, tensor } in pickle::tensors(pickle)? {
            let storage = tensor.storage as usize;
            tensors.push(info(name, tensor, &pickle.storages[storage], places[storage])?);
        }
        Self::new(tensors, storages, BTreeMap::new(), file_len)
    }
}

/// A tensor of a pickle, with its place in bytes.
fn info(name: String, tensor: &TensorRef, storage: &StorageRef, place: usize) -> Result<TensorInfo, FileError> {
    let wrong = |why: &str| FileError::Tensor { name: quoted(&name), why: why.into() };
    let dtype = tensor.dtype.clone().or_else(|| storage.dtype.clone()).ok_or_else(|| wrong("it has no dtype"))?;
    let size = dtype.size().unwrap_or(1) as u64;
    let offset = tensor.offset.checked_add(storage.first).and_then(|offset| offset.checked_mul(size));
    let offset = offset.ok_or_else(|| wrong("it starts beyond all files"))?;
    let strides = (!in_order(&tensor.shape, &tensor.strides)).then(|| tensor.strides.clone());
    let place = Place { storage: place, offset, strides };
    Ok(TensorInfo { name, dtype, shape: tensor.shape.clone(), place })
}

/// Whether numbers lie in the order of the shape, the last side fastest. The stride of a side of one number does not matter.
fn in_order(shape: &[usize], strides: &[u64]) -> bool {
    let mut expected = Some(1_u64);
    shape.iter().zip(strides).rev().all(|(side, stride)| {
        let fits = *side == 1 || expected == Some(*stride);
        expected = expected.and_then(|expected| expected.checked_mul(*side as u64));
        fits
    })
}
