//! A file of weights, whatever its format: which tensors it has, and their numbers on demand.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::error::{FileError, quoted};
use crate::index::Index;
use crate::pickle::{self, Unread};
use crate::source::{ByteSource, FileSource, Reader};
use crate::tensor::{self, TensorInfo};
use crate::tflite::{self, Graph};
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
    /// TensorFlow Lite, whose files hold the network's graph as well.
    TensorFlowLite,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LegacyPickle => "PyTorch, legacy pickle",
            Self::ZipPickle => "PyTorch, zip",
            Self::Safetensors => "safetensors",
            Self::TensorFlowLite => "TensorFlow Lite",
        })
    }
}

/// An opened file of weights: its index. The numbers stay where they are.
///
/// It belongs to one thread, as a source in a browser does.
pub struct TensorFile {
    source: Box<dyn ByteSource>,
    format: Format,
    index: Index,
    graph: Option<Graph>,
}

/// Bytes that are read at a time where a whole file is wanted; a browser holds them a second time.
const PART: usize = 8 << 20;

impl TensorFile {
    /// Reads the index of a file. The format is told from its bytes.
    ///
    /// # Errors
    ///
    /// A sentence on what is wrong with the file and what to do; it does not name the file.
    pub fn open(source: Box<dyn ByteSource>) -> Result<Self, FileError> {
        let format = detect(&*source)?;
        let (index, graph) = match format {
            Format::LegacyPickle => (legacy::open(&*source)?, None),
            Format::ZipPickle => (torch_zip::open(&*source)?, None),
            Format::Safetensors => (safetensors_file::open(&*source)?, None),
            Format::TensorFlowLite => {
                let (index, graph) = tflite::open(&*source)?;
                (index, Some(graph))
            }
        };
        Ok(Self { source, format, index, graph })
    }

    /// The same for a file on disk.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_path(path: &Path) -> Result<Self, FileError> {
        Self::open(Box::new(FileSource::open(path)?))
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What a safetensors file says besides its tensors (`__metadata__`); empty for a pickle.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.index.metadata
    }

    /// What the network does with the tensors, where the file says so.
    pub(crate) fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    /// All tensors, in the file's order. One with two names is there twice.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.index.tensors
    }

    /// A tensor by its name.
    pub fn get(&self, name: &str) -> Option<&TensorInfo> {
        self.index.get(name)
    }

    /// Reads a tensor of this file: its numbers as f32, the last side fastest. Integers and doubles are rounded to the
    /// nearest f32.
    ///
    /// Where the file has a check sum of the numbers, it is compared at the first reading.
    ///
    /// # Errors
    ///
    /// [`FileError::DType`] for kinds of numbers that are not read, [`FileError::Damaged`] where the check sum differs,
    /// [`FileError::Read`] where the source fails.
    pub fn read_f32(&self, tensor: &TensorInfo) -> Result<Vec<f32>, FileError> {
        let Some(storage) = self.index.storages.get(tensor.place.storage) else {
            return Err(FileError::Tensor(quoted(&tensor.name), "it belongs to another file".into()));
        };
        tensor.read(&*self.source, storage)
    }

    /// What a pickle holds of classes that are not known.
    pub(crate) fn unread(&self) -> &[Unread] {
        &self.index.unread
    }

    /// The whole file as it is.
    ///
    /// # Errors
    ///
    /// [`FileError::Read`] where the source fails, [`FileError::Memory`] for a file larger than the memory.
    pub fn bytes(&self) -> Result<Vec<u8>, FileError> {
        let mut bytes = Vec::new();
        let len = self.source.size();
        tensor::reserve(&mut bytes, len, "the file")?;
        bytes.resize(len as usize, 0);
        for (index, part) in bytes.chunks_mut(PART).enumerate() {
            self.source.read_at((index * PART) as u64, part)?;
        }
        Ok(bytes)
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
    let start = &mut start[..source.size().min(512) as usize];
    source.read_at(0, start)?;
    match start {
        [] => Err(FileError::damaged("it is empty")),
        [b'P', b'K', 3, 4, ..] => Ok(Format::ZipPickle),
        _ if legacy::is_legacy(start) => Ok(Format::LegacyPickle),
        _ if safetensors_file::is_safetensors(start) => Ok(Format::Safetensors),
        _ if tflite::is_tflite(start) => Ok(Format::TensorFlowLite),
        _ => Err(foreign_pickle(source, start).unwrap_or_else(|| foreign(start))),
    }
}

/// The refusal of a pickle that torch.save did not write, by what it asks for; `None` for anything else. Old ones are
/// text, and have nothing at their start to be told by.
fn foreign_pickle(source: &dyn ByteSource, start: &[u8]) -> Option<FileError> {
    let asked = pickle::asked(&mut Reader::new(source, 0..source.size()));
    let certain = start.first() == Some(&0x80) || asked.ended && asked.plausible;
    let global = asked.global.filter(|_| certain)?;
    Some(FileError::Pickle(format!(
        "was not written by torch.save and asks for {global}, which is no part of a tensor"
    )))
}

/// Names the format of a file that is not read, where that is known.
fn foreign(start: &[u8]) -> FileError {
    let text = start.trim_ascii_start();
    let (what, advice) = match start {
        _ if start.get(257..262) == Some(b"ustar") => (
            "a TAR as PyTorch wrote them before 0.1.10",
            "if you trust it, load it in Python and save `model.state_dict()` with torch.save",
        ),
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
        _ => ("of an unknown format", "give a .pth file of torch.save, a .safetensors or a .tflite file"),
    };
    FileError::Format(what.into(), advice)
}
