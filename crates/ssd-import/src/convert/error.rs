//! Why a file does not become a weights file of ours, each as one sentence. The caller names the file.

use ssd::Arch;
use ssd::weights::WeightsError;

use crate::error::{FileError, quoted};
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
        "its {count} tensors ({first}, …) are those of no layout that is known, which are {known}; convert a whole detector or a trunk of these"
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
    #[error(
        "it is recognised as {layout}, but not all of it is there: {} missing{}; save the whole model",
        listed(names),
        and_unused(unused)
    )]
    Missing {
        /// The layout.
        layout: String,
        /// Every missing name.
        names: Vec<String>,
        /// Every name that is part of nothing.
        unused: Vec<String>,
    },
    /// Tensors of other shapes, or of numbers that are no weights.
    #[error("its tensors do not fit {arch}: {}; it belongs to another network", what.join("; "))]
    Unfit {
        /// The network.
        arch: Arch,
        /// Each with what is wrong.
        what: Vec<String>,
    },
    /// A trunk with more than ours has.
    #[error(
        "it is recognised as {layout}, but it is deeper than the trunk of {arch}, which has no {}; choose the file of that network",
        listed(names)
    )]
    Deeper {
        /// The layout.
        layout: Layout,
        /// Our network.
        arch: Arch,
        /// What is too much.
        names: Vec<String>,
    },
    /// Something was said that this file leaves no room for.
    #[error("the {option} cannot be chosen here: {why}; leave that out")]
    Option {
        /// What was chosen.
        option: &'static str,
        /// Why that cannot be.
        why: String,
    },
    /// A head that fits no number of classes.
    #[error(
        "its tensor {name} has the shape {found:?}, which is not {boxes} priors a cell times 2 to {most} classes; it belongs to another network"
    )]
    Classes {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// Priors in a cell.
        boxes: usize,
        /// The most classes.
        most: usize,
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
    /// Classes that could not be told apart.
    #[error("two classes are called {0}; give each its own name")]
    SameLabel(String),
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
        let first: Vec<String> = file.tensors().iter().take(3).map(|tensor| quoted(&tensor.name)).collect();
        let first = first.join(", ");
        match wanted {
            Some(layout) => Self::NotThatLayout { count, first, layout },
            None => Self::Unknown { count, first, known: Layout::ALL.map(Layout::name).join(", ") },
        }
    }
}

/// Names in a sentence.
fn listed(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

fn and_unused(unused: &[String]) -> String {
    if unused.is_empty() { String::new() } else { format!(", and {} part of nothing", listed(unused)) }
}
