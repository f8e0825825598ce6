//! Why a file does not become a weights file: one sentence each. The caller names the file.

use ssd::Arch;
use ssd::weights::WeightsError;

use crate::error::{FileError, quoted};
use crate::file::TensorFile;
use crate::layout::Layout;

/// A file that is not converted.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Its tensors cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Our own file, with an invalid header, or weights that are all zero.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// No layout, or not the one asked for.
    #[error("its {0}")]
    Unknown(String),
    /// A TensorFlow Lite file whose network cannot be taken over, and why.
    #[error(
        "{0}; of TensorFlow Lite the detectors of TensorFlow's own SSD are read, on MobileNetV1, MobileNetV2 or \
         MobileNetV3-Small, and trunks of these"
    )]
    Foreign(String),
    /// Missing tensors.
    #[error(
        "it is recognised as {layout}, but not all of it is there: {} missing{}; save the whole model",
        listed(names),
        and_unused(unused)
    )]
    Missing {
        /// The layout.
        layout: &'static str,
        /// Every missing name.
        names: Vec<String>,
        /// Every name that is part of nothing.
        unused: Vec<String>,
    },
    /// Tensors of other shapes or of numbers that cannot be weights, too many tensors, or a head that fits no number of
    /// classes.
    #[error("its tensors do not fit {arch}: {}; it belongs to another network", what.join("; "))]
    Unfit {
        /// The network.
        arch: Arch,
        /// Each with what is wrong.
        what: Vec<String>,
    },
    /// An option that does not apply to this file, and why.
    #[error("the {0} cannot be chosen here: {1}; leave that out")]
    Option(&'static str, &'static str),
    /// Class names that do not match the classes, or of which two are equal.
    #[error("{0}; give each class a name of its own, one on a line")]
    Labels(String),
    /// Values that are not finite, or overflow f16.
    #[error(
        "its tensor {0} holds a value that is not finite or too large for the precision asked for; try --dtype f32, or \
         another file"
    )]
    NotFinite(String),
    /// The output could not be written.
    #[error("the weights file was not written: {0}; free some space or choose another place")]
    Write(#[from] std::io::Error),
}

impl ImportError {
    /// The refusal of what a pickle has instead of the tensors that are not there; else the same error.
    pub(super) fn for_want_of(self, file: &TensorFile) -> Self {
        let unread = file.unread();
        let instead = match &self {
            Self::Unknown(_) => unread.iter().find(|unread| unread.holds_tensors),
            Self::Missing { names, .. } => unread.iter().find(|unread| {
                let below = |name: &String| name.strip_prefix(&unread.name).is_some_and(|rest| rest.starts_with('.'));
                names.iter().any(|name| *name == unread.name || below(name))
            }),
            _ => None,
        };
        instead.map_or(self, |unread| Self::File(unread.refusal()))
    }

    /// A file whose tensors fit no layout, or not the one asked for.
    pub(super) fn unknown(file: &TensorFile, wanted: Option<&Layout>) -> Self {
        let why = match wanted.map(|layout| layout.name) {
            Some(name) => format!("are not those of {name}; leave --layout out to have the layout found"),
            None => {
                let known = Layout::names(", ");
                format!("are those of no layout that is known ({known}); convert a whole detector or a trunk of these")
            }
        };
        let first: Vec<String> = file.tensors().iter().take(3).map(|tensor| quoted(&tensor.name)).collect();
        Self::Unknown(format!("{} tensors ({}, …) {why}", file.tensors().len(), first.join(", ")))
    }
}

/// Names in a sentence.
pub(super) fn listed(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

fn and_unused(unused: &[String]) -> String {
    if unused.is_empty() { String::new() } else { format!(", and {} part of nothing", listed(unused)) }
}
