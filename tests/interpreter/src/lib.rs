//! An interpreter of WGSL that distrusts luck. It runs a dispatch of a compute shader one instruction after the other,
//! on naga's tree, and changes from invocation to invocation at random. A GPU, or a software adapter that runs a
//! workgroup in lockstep, may give the right result of a wrong kernel; here these are [`Finding`]s, with file and line:
//!
//! - two accesses to one word, or to one number of 16 bits, by different invocations with no barrier between them, one
//!   of them a write, and not both atomic. `workgroupBarrier` orders workgroup memory, `storageBarrier` the storage of
//!   one workgroup, and nothing that of two workgroups;
//! - an access outside a buffer, an array or a texture;
//! - a read of workgroup memory, or of a buffer with any contents, that nothing was written to;
//! - a barrier that some invocations of a workgroup do not reach, or reach in another round of a loop;
//! - a result that another order of the invocations changes, and an invocation that does not end.
//!
//! A [`Source`] is the text of a kernel's files, a [`Program`] what becomes of it, a [`Launch`] its buffers and
//! workgroups; [`Launch::explore`] runs it in several orders. What no kernel of ours needs is an [`Error`]: `switch`,
//! matrices, subgroups, textures that are written.

mod finding;
mod launch;
mod layout;
mod lower;
mod machine;
mod memory;
mod numbers;
mod program;
mod source;

pub use finding::{Finding, Kind};
pub use launch::{Data, Launch, Outcome};
pub use program::Program;
pub use source::{Place, Source};

/// Why a kernel cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not valid WGSL.
    #[error("{0}: {1}")]
    Invalid(Place, String),
    /// The text has something that this interpreter does not know.
    #[error("{0}: the interpreter does not know {1}; teach it, or write the kernel without")]
    Unknown(Place, String),
    /// A constant is to be replaced that the text does not have.
    #[error("no line declares the constant {0}")]
    Constant(String),
    /// The launch does not fit the kernel's variables.
    #[error("the variable `{0}` of the kernel: {1}")]
    Variable(String, &'static str),
}
