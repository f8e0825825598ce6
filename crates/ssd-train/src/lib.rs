//! The native programs, as a library: data, learning, measuring, detecting, exporting. Each binary is a thin door to it.
//!
//! Training: data set → augment → batch → match → loss → optimiser → checkpoint → export.
//! Detection: picture → preprocess → network → decode → topk → nms → gather → boxes.

// What the programs share at their edge.
pub mod cli;

pub(crate) mod digest;

pub mod device_choice;

pub mod device;

pub mod lent;

#[cfg(feature = "remote")]
pub mod serve;

pub mod draw;

// Weights that others trained.
pub mod convert;

// Training, in the order of the data.
pub mod data;

pub mod augment;

pub mod config;

pub mod schedule;

pub mod init;

pub mod optimizer;

pub mod ema;

pub mod reading;

pub mod profile;

pub mod progress;

pub mod replicas;

pub mod learner;

pub mod trainer;

pub mod validate;

pub mod metrics;

pub mod charts;

pub mod curves;

pub mod tensorboard;

pub mod checkpoint;

pub mod session;

pub mod publish;

pub mod onnx;

// Detecting and measuring.
pub mod images;

pub mod detector;

pub mod bench;
pub mod engine;
pub mod evaluation;
pub mod nms;
