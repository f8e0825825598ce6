//! Files as a whole: what PyTorch wrote, what is built here byte by byte, and what is damaged.

mod build;
mod built;
mod damaged;
mod detector;
mod flatbuffer;
mod limits;
mod opaque;
mod pytorch;
mod tflite;
