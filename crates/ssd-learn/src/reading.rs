//! The loss of a step on its way from the device to the host.
//!
//! A step is only queued on a GPU when its function returns. To read its loss there and then would wait for the queue to run
//! empty, and the GPU would idle until the next step is queued. So the copy starts with the step, and is waited for when the
//! next step has been queued.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use burn::tensor::{ExecutionError, Tensor, TensorData};

type Copied = Result<TensorData, ExecutionError>;
#[cfg(not(target_family = "wasm"))]
type Copy = Pin<Box<dyn Future<Output = Copied> + Send>>;
/// Nothing of a browser's goes to another thread.
#[cfg(target_family = "wasm")]
type Copy = Pin<Box<dyn Future<Output = Copied>>>;

/// Numbers that are being copied to the host.
pub enum Reading {
    /// They are there.
    Arrived(Copied),
    /// They are not, as far as anybody has looked.
    Pending(Copy),
}

impl Reading {
    /// Starts the copy after everything that is queued so far; does not wait for it.
    pub fn start(tensor: Tensor<1>) -> Self {
        let mut copy: Copy = Box::pin(tensor.into_data_async());
        // The first poll is what queues the copy.
        match copy.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(copied) => Self::Arrived(copied),
            Poll::Pending => Self::Pending(copy),
        }
    }

    /// The numbers, in the order of the tensor.
    ///
    /// # Errors
    ///
    /// When the device failed at them, or at something queued before.
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
    fn what_is_read_later_is_what_was_there_when_it_began() {
        let tensor = Tensor::<1>::from_data([1.0, 2.5], &Device::flex());
        let reading = Reading::start(tensor.clone());
        let _ = tensor * 2.0;
        assert_eq!(pollster::block_on(reading.wait()).unwrap(), [1.0, 2.5]);
    }
}
