//! Where to compute: parsing `--device`, opening devices, lending and borrowing them.

pub mod choice;

pub mod lent;

pub mod open;

pub mod replicas;

#[cfg(feature = "remote")]
pub mod serve;
