//! What can be wrong with a file of weights, each as one sentence: what is wrong, what to do. The caller names the file.

use crate::dtype::DType;

/// An error on opening a file of weights, or on reading a tensor of it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system does not hand the bytes out.
    #[error("the file cannot be read ({0}); check that it is there and that its permissions allow it")]
    Read(#[from] std::io::Error),
    /// Bytes of another kind, which are named.
    #[error("the file is {0}, not weights that are read here; {1}")]
    Format(&'static str, &'static str),
    /// PyTorch before 0.1.10.
    #[error(
        "the file is a TAR as PyTorch wrote them before 0.1.10, which is not read here; if you trust the file, load it in \
         Python and save `model.state_dict()` with torch.save"
    )]
    Tar,
    /// There is less of the file than it says.
    #[error("the file ends in the middle of its content; it was not downloaded or copied whole, so fetch it again")]
    Cut,
    /// Bytes that contradict each other.
    #[error("the file is damaged: {0}; download it or save it again")]
    Damaged(String),
    /// Bytes that are not those that were written.
    #[error("the file is damaged: the check sum of {0} is wrong; download it again")]
    CheckSum(String),
    /// More of something than weights have.
    #[error("the file holds {0}, more than any file of weights; save `model.state_dict()` alone with torch.save")]
    TooMuch(String),
    /// Zip entries that would have to be unpacked.
    #[error(
        "the file was packed by another program than PyTorch ({0} is compressed); if a .pth file is in it, unpack that and \
         give it alone"
    )]
    Compressed(String),
    /// Numbers whose highest byte comes first.
    #[error(
        "the file was saved on a big-endian machine, whose numbers are not read here; save it again on another one"
    )]
    BigEndian,
    /// An instruction that state dicts do not need.
    #[error(
        "the file's pickle has the instruction {0}, which weights do not need, and a pickle is parsed here, never executed; \
         if you trust the file, load it in Python and save `model.state_dict()` with torch.save"
    )]
    Opcode(String),
    /// A class or function that is none of those around tensors.
    #[error(
        "the file asks for {0}, which is no part of a tensor, and a pickle is parsed here, never executed; if you trust the \
         file, load it in Python and save `model.state_dict()` alone with torch.save"
    )]
    Global(String),
    /// A tensor that contradicts its data.
    #[error("the tensor {name} does not fit the file ({why}); download the file or save it again")]
    Tensor {
        /// The tensor.
        name: String,
        /// What contradicts what.
        why: String,
    },
    /// Numbers of a kind that is not read.
    #[error("the tensor {name} holds {dtype}, which is not read here; save it as float32")]
    DType {
        /// The tensor.
        name: String,
        /// Its kind of numbers.
        dtype: DType,
    },
    /// Two tensors of one name.
    #[error("two tensors of the file are called {0}; save `model.state_dict()` alone with torch.save")]
    TwoOfAName(String),
    /// A file without tensors.
    #[error("there are no tensors in the file; save `model.state_dict()` with torch.save")]
    NoTensors,
    /// The machine or the browser has no room for a tensor.
    #[error("there is no memory for the {bytes} bytes of the tensor {name}; close other programs or tabs")]
    Memory {
        /// The tensor.
        name: String,
        /// What was asked for.
        bytes: u64,
    },
}

impl FileError {
    /// Bytes that contradict each other.
    pub(crate) fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged(why.into())
    }
}

/// A name from a file as it may stand in a sentence: on one line, and not endless.
pub fn quoted(name: &str) -> String {
    // Escapes would be clearer, and take two tables of Unicode into the page.
    let readable = |sign: char| if sign.is_control() { char::REPLACEMENT_CHARACTER } else { sign };
    let mut shown: String = name.chars().take(120).map(readable).collect();
    if name.chars().nth(120).is_some() {
        shown.push('…');
    }
    shown
}
