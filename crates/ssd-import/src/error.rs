//! What can be wrong with a file of weights: one sentence each, on what is wrong and what to do. The caller names the
//! file.

use crate::dtype::DType;

/// An error on opening a file of weights, or on reading a tensor of it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system does not hand out the bytes.
    #[error("the file cannot be read ({0}); check that it is there and that its permissions allow it")]
    Read(#[from] std::io::Error),
    /// A file of another kind: which one, and what to do with it.
    #[error("the file is {0}, which is not read here; {1}")]
    Format(String, &'static str),
    /// The file is shorter than it says.
    #[error("the file ends in the middle of its content; it was not downloaded or copied whole, so fetch it again")]
    Cut,
    /// Bytes that contradict each other or their check sum.
    #[error("the file is damaged: {0}; download it or save it again")]
    Damaged(String),
    /// An instruction, class or function that a state dict does not need.
    #[error(
        "the file's pickle {0}, and a pickle is parsed here, never executed; if you trust the file, load it in Python \
         and save `model.state_dict()` alone with torch.save"
    )]
    Pickle(String),
    /// Not a state dict: no tensors, ambiguous names, or more of something than weights have.
    #[error("{0}; save `model.state_dict()` alone with torch.save")]
    StateDict(String),
    /// A tensor that contradicts its data: its name, and what contradicts what.
    #[error("the tensor {0} does not fit the file ({1}); download the file or save it again")]
    Tensor(String, String),
    /// A tensor of a kind of numbers that is not read.
    #[error("the tensor {0} holds {1}, which is not read here; save it as float32")]
    DType(String, DType),
    /// Too little memory for so many bytes, and what they are.
    #[error("there is no memory for the {0} bytes of {1}; close other programs or tabs")]
    Memory(u64, String),
}

impl FileError {
    /// Bytes that contradict each other.
    pub(crate) fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged(why.into())
    }

    /// Numbers whose highest byte comes first.
    pub(crate) fn big_endian() -> Self {
        Self::Format("from a big-endian machine".into(), "save it again on another machine")
    }

    /// A zip archive that PyTorch did not write.
    pub(crate) fn foreign_zip(what: impl Into<String>) -> Self {
        Self::Format(what.into(), "if there is a .pth file in it, unpack that and give it alone")
    }

    /// More of something than weights have.
    pub(crate) fn too_much(what: impl std::fmt::Display) -> Self {
        Self::StateDict(format!("the file holds {what}, more than any file of weights"))
    }
}

/// A name from a file, fit for a sentence: on one line and of limited length.
pub fn quoted(name: &str) -> String {
    // Escapes would be clearer, but they bring two tables of Unicode into the page.
    let readable = |sign: char| if sign.is_control() { char::REPLACEMENT_CHARACTER } else { sign };
    let mut shown: String = name.chars().take(120).map(readable).collect();
    if name.chars().nth(120).is_some() {
        shown.push('…');
    }
    shown
}
