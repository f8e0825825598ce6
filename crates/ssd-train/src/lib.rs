//! The native programs, as a library: training, detecting, measuring speed, exchanging weights. Binaries are doors.
//!
//! Training: data set → augment → match → loss → optimiser → checkpoint → export.
//! Detection: picture → preprocess → network → decode → topk → nms → gather → boxes.
//!
//! Files, threads, devices and clocks are here; data sets and augmentation are in `ssd-data`, measures in
//! `ssd-measure`, the learning step in `ssd-learn`. Each module knows only those above it:

pub mod failure;

pub mod console;

pub mod cli;

pub(crate) mod digest;

pub(crate) mod protobuf;

pub mod arguments;

pub mod archs;

pub mod weights_file;

pub mod device;

pub mod detect;

pub mod exchange;

pub mod run;

pub mod bench;
