//! Programs: lists of kernel launches that are recorded once and run again and again.
//!
//! A [`Recording`] says which kernels run on which slots. [`Recording::compile`] turns it into a [`Program`]: slots
//! that live from one step to another share buffers (`memory`), and every buffer, bind group and pipeline exists from
//! then on. Running a program allocates nothing. This module knows no network and no stage.

mod compiled;
mod memory;
mod recording;

pub(crate) use compiled::{Program, Progress};
pub(crate) use recording::{Dispatch, Recording, Slot, Step};
