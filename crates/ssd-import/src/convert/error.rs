//! Why a file does not become a weights file of ours, each as one sentence. The caller names the file.

use ssd::Arch;
use ssd::weights::WeightsError;

use crate::error::FileError;
use crate::file::TensorFile;
use crate::layout::Layout;

/// A file that is not converted.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Its tensors cannot be had.
    #[error(transparent)]
    File(#[from] FileError),
    /// Our own file, with a header that is not sound.
    #[error(transparent)]
    Header(#[from] WeightsError),
    /// Tensors of a network that is not known.
    #[error(
        "its {count} tensors ({first}, …) are those of no layout that is known; the known ones are {known}; `convert --inspect` lists the \
         tensors"
    )]
    Unknown {
        /// How many there are.
        count: usize,
        /// The first of them.
        first: String,
        /// The layouts.
        known: String,
    },
    /// Tensors of another network than the one asked for.
    #[error("its {count} tensors ({first}, …) are not those of {layout}; leave --layout away to have the layout found")]
    NotThatLayout {
        /// How many there are.
        count: usize,
        /// The first of them.
        first: String,
        /// The layout that was asked for.
        layout: Layout,
    },
    /// Not all is there.
    #[error("it is recognised as {layout}, but {} of its tensors are missing: {}; save the whole model", names.len(), names.join(", "))]
    Missing {
        /// The layout.
        layout: String,
        /// Every missing name.
        names: Vec<String>,
    },
    /// A tensor of another shape.
    #[error("its tensor {name} has the shape {found:?}, where {arch} has {expected:?}; it belongs to another network")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The one that fits.
        expected: Vec<usize>,
        /// The network.
        arch: Arch,
    },
    /// A head that fits no number of classes.
    #[error(
        "its tensor {name} has the shape {found:?}, which is not a number of classes for {boxes} priors a cell; it belongs to another network"
    )]
    Classes {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// Priors in a cell.
        boxes: usize,
    },
    /// As many labels as there are not classes.
    #[error(
        "there are {given} labels, and the file has {classes} classes without background; give one label for each, one on a line"
    )]
    Labels {
        /// How many were given.
        given: usize,
        /// How many there should be.
        classes: usize,
    },
    /// Numbers that are none, or none in half precision.
    #[error(
        "its tensor {0} holds a number that is not finite or too large for the precision asked for; try --dtype f32, or another file"
    )]
    NotFinite(String),
    /// A network that never was.
    #[error("all its weights are zero; download it again")]
    Zeros,
    /// Not written.
    #[error("the weights file was not written: {0}; free some space or choose another place")]
    Write(#[from] std::io::Error),
}

impl ImportError {
    /// A file whose tensors fit no layout, or not the one asked for.
    pub(crate) fn unknown(file: &TensorFile, wanted: Option<Layout>) -> Self {
        let count = file.tensors().len();
        let first: Vec<&str> = file.tensors().iter().take(3).map(|tensor| tensor.name.as_str()).collect();
        let first = first.join(", ");
        match wanted {
            Some(layout) => Self::NotThatLayout { count, first, layout },
            None => Self::Unknown { count, first, known: Layout::ALL.map(Layout::name).join(", ") },
        }
    }
}
