//! Where to compute: `--device` read, opened, lent to others, borrowed from them.

pub mod choice;

pub mod lent;

pub mod open;

pub mod replicas;

#[cfg(feature = "remote")]
pub mod serve;
