//! Weights from elsewhere and for elsewhere: foreign checkpoints, `--init`, ONNX, the page.

pub mod convert;

pub mod init;

pub mod onnx;

pub mod publish;
