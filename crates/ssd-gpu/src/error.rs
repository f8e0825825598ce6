//! What can go wrong between a model and its detections.

use ssd::postprocess::ParamsError;
use ssd_cpu::ConvolutionError;
use thiserror::Error;

/// A failure between a model and its detections.
#[derive(Debug, Error)]
pub enum GpuError {
    /// There is no adapter, or it gives no device, with the reason.
    #[error("the GPU could not be opened ({0}); update the browser or the graphics driver, or use the CPU")]
    NoDevice(String),
    /// The device refused a kernel.
    #[error("the device refuses the kernel {name} ({reason}); update the graphics driver, or use the CPU")]
    Kernel {
        /// The kernel.
        name: String,
        /// The device's message.
        reason: String,
    },
    /// 16-bit numbers on an adapter of this name, which has none.
    #[error("{0} has no 16-bit floats; use the precision f32 or auto")]
    NoHalf(String),
    /// The network, or so large a batch, does not fit on the adapter of this name.
    #[error("{0} has not enough memory left; use a smaller batch or network, the precision f16, or the CPU")]
    Memory(String),
    /// Less or more than the kernels or the device can take.
    #[error("{name} is {got}; on this device it can be {least} to {most}")]
    Size {
        /// The quantity.
        name: &'static str,
        /// Its value.
        got: usize,
        /// Lower limit.
        least: usize,
        /// Upper limit.
        most: usize,
    },
    /// The CPU's loops do not support the network.
    #[error("the CPU cannot run this network ({0}); use a GPU")]
    Cpu(#[from] ConvolutionError),
    /// A parameter out of its range.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// A picture whose bytes are not four for each pixel.
    #[error("the picture has {got} bytes and not {width} x {height} pixels; hand over all of it")]
    Picture {
        /// Number of bytes.
        got: usize,
        /// In pixels.
        width: usize,
        /// In pixels.
        height: usize,
    },
    /// A picture without pixels, or one that no texture of the device can hold.
    #[error("the picture has {width} x {height} pixels; on this device a side can have 1 to {most}")]
    PictureSize {
        /// In pixels.
        width: usize,
        /// In pixels.
        height: usize,
        /// The device's limit.
        most: usize,
    },
    /// Preprocessed pictures that are not whole.
    #[error("the input has {got} numbers, which is not a whole number of pictures of 3 x {side} x {side}")]
    Input {
        /// Number of numbers.
        got: usize,
        /// Of the network's input, in pixels.
        side: usize,
    },
    /// Bytes from the GPU that are not a list of detections, with the reason.
    #[error("what came back from the GPU is not a list of detections ({0}); the driver may have refused a kernel")]
    Malformed(String),
    /// The GPU could not be read, with the device's message.
    #[error("reading from the GPU failed ({0}); load the detector again")]
    Read(String),
}
