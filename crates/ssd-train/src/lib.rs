//! The native programs, as a library: running a training, detecting, measuring speed, exchanging weights. Each binary is a thin door.
//!
//! Training: data set → augment → match → loss → optimiser → checkpoint → export.
//! Detection: picture → preprocess → network → decode → topk → nms → gather → boxes.
//!
//! What it is not: data sets and augmentation are `ssd-data`, measures `ssd-measure`, a step of learning `ssd-learn`. Here are files,
//! threads, devices and clocks. The rooms, each of which knows only those above it:

pub mod failure;

pub mod console;

pub mod cli;

pub(crate) mod digest;

pub mod arguments;

pub mod archs;

pub mod weights_file;

pub mod device;

pub mod detect;

pub mod exchange;

pub mod run;

pub mod bench;
