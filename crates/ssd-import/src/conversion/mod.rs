//! From the tensors of a file, in whatever layout, to a weights file.
//!
//! First everything is decided by names and shapes (`plan`), then it is done (`write`).

mod error;
mod names;
mod pieces;
mod pixels;
mod plan;
mod tensorflow;
mod write;

pub use self::error::ImportError;
pub use self::plan::{Conversion, Options, Plan};
