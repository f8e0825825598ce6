//! What can go wrong between a model and its detections.

use ssd::postprocess::ParamsError;
use ssd_cpu::ConvolutionError;
use thiserror::Error;

/// A failure on the way through the GPU.
#[derive(Debug, Error)]
pub enum GpuError {
    /// The device took a kernel and refused it.
    #[error("the device refuses the kernel {name} ({reason}); update the graphics driver, or use the CPU")]
    Kernel {
        /// The kernel.
        name: String,
        /// In the device's words.
        reason: String,
    },
    /// 16-bit numbers are asked for where there are none.
    #[error("{adapter} has no 16-bit floats; use the precision f32 or auto")]
    NoHalf {
        /// What the adapter is called.
        adapter: String,
    },
    /// The network, or so large a batch, does not fit.
    #[error("{adapter} has not enough memory left; use a smaller batch or network, the precision f16, or the CPU")]
    Memory {
        /// What the adapter is called.
        adapter: String,
    },
    /// More than the kernels or the device can hold, or nothing at all.
    #[error("{name} is {got}; on this device it can be {least} to {most}")]
    Size {
        /// What is too large or too small.
        name: &'static str,
        /// As given.
        got: usize,
        /// Lower limit.
        least: usize,
        /// Upper limit.
        most: usize,
    },
    /// A network that the CPU's loops do not know.
    #[error("the CPU cannot run this network ({0}); use a GPU")]
    Cpu(#[from] ConvolutionError),
    /// A parameter out of its range.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// Bytes that are not the pixels they are said to be.
    #[error("the picture has {got} bytes and not {width} x {height} pixels; hand over all of it")]
    Picture {
        /// As given.
        got: usize,
        /// In pixels.
        width: usize,
        /// In pixels.
        height: usize,
    },
    /// The bytes that came back make no sense.
    #[error("what came back from the GPU is not a list of detections ({reason}); the driver may have refused a kernel")]
    Malformed {
        /// What does not fit.
        reason: String,
    },
    /// The GPU could not be read.
    #[error("reading from the GPU failed ({reason}); load the detector again")]
    Read {
        /// In the device's words.
        reason: String,
    },
}
