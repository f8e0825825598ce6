//! Weights from elsewhere and for elsewhere: foreign checkpoints, `--init`, averages, ONNX, the page.

pub mod average;

pub mod convert;

pub mod init;

pub mod onnx;

pub mod publish;
