//! The loss of a step on its way from the device to the host.
//!
//! On a GPU a step is only queued when its function returns. Reading its loss at once would drain the queue and leave
//! the GPU idle. So the copy starts with the step and is awaited once the next step has been queued.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use burn::tensor::{ExecutionError, Tensor, TensorData};

type Copied = Result<TensorData, ExecutionError>;
#[cfg(not(target_family = "wasm"))]
type Copy = Pin<Box<dyn Future<Output = Copied> + Send>>;
/// Nothing of a browser's may move to another thread.
#[cfg(target_family = "wasm")]
type Copy = Pin<Box<dyn Future<Output = Copied>>>;

/// Numbers that are being copied to the host.
pub enum Reading {
    /// They have arrived.
    Arrived(Copied),
    /// They had not arrived when last polled.
    Pending(Copy),
}

impl Reading {
    /// Starts the copy, after everything queued so far; does not wait for it.
    pub fn start(tensor: Tensor<1>) -> Self {
        let mut copy: Copy = Box::pin(tensor.into_data_async());
        // The first poll is what queues the copy.
        match copy.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(copied) => Self::Arrived(copied),
            Poll::Pending => Self::Pending(copy),
        }
    }

    /// The numbers, in the order of the tensor, if they were there at once, as from the CPU.
    pub fn arrived(self) -> Option<Vec<f32>> {
        match self {
            Self::Arrived(copied) => copied.ok().map(|data| data.iter::<f32>().collect()),
            Self::Pending(_) => None,
        }
    }

    /// The numbers, in the order of the tensor.
    ///
    /// # Errors
    /// If the device failed in computing them, or in anything queued before.
    pub async fn wait(self) -> Result<Vec<f32>, ExecutionError> {
        let data = match self {
            Self::Arrived(copied) => copied?,
            Self::Pending(copy) => copy.await?,
        };
        Ok(data.iter::<f32>().collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_reading_is_of_the_values_at_its_start() {
        let tensor = Tensor::<1>::from_data([1.0, 2.5], &Device::flex());
        let reading = Reading::start(tensor.clone());
        let _ = tensor * 2.0;
        assert_eq!(pollster::block_on(reading.wait()).unwrap(), [1.0, 2.5]);
    }
}
