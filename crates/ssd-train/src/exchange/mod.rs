//! Weights that come from elsewhere and go elsewhere: checkpoints of others, `--init`, ONNX, the page.

pub mod convert;

pub mod init;

pub mod onnx;

pub mod publish;
