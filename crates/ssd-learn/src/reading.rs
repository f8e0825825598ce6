//! The loss of a step on its way from the device to the host.
//!
//! A step is only queued on a GPU when its function returns. To read its loss there and then would wait for the queue to run
//! empty, and the GPU would idle until the next step is queued. So the copy is started with the step, and looked at when the
//! next step is queued behind it.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use burn::tensor::{ExecutionError, Tensor, TensorData};

type Copy = Pin<Box<dyn Future<Output = Result<TensorData, ExecutionError>> + Send>>;

/// Numbers that are being copied to the host.
pub struct Reading {
    copy: Copy,
    arrived: Option<(Result<TensorData, ExecutionError>, Instant)>,
}

/// Numbers that have arrived.
#[derive(Debug, PartialEq)]
pub struct Arrived {
    /// In the order of the tensor.
    pub values: Vec<f32>,
    /// When they did, or when somebody looked for them.
    pub at: Instant,
}

impl Reading {
    /// Starts the copy behind everything that is queued so far; does not wait for it.
    pub fn start(tensor: Tensor<1>) -> Self {
        let mut copy: Copy = Box::pin(tensor.into_data_async());
        // The first look is what puts the copy into the queue.
        let arrived = match copy.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some((result, Instant::now())),
            Poll::Pending => None,
        };
        Self { copy, arrived }
    }

    /// Waits for the numbers.
    ///
    /// # Errors
    ///
    /// When the device failed at them, or at something queued before.
    pub fn wait(self) -> Result<Arrived, ExecutionError> {
        let (data, at) = match self.arrived {
            Some((result, at)) => (result?, at),
            None => (pollster::block_on(self.copy)?, Instant::now()),
        };
        Ok(Arrived { values: data.iter::<f32>().collect(), at })
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
        assert_eq!(reading.wait().unwrap().values, [1.0, 2.5]);
    }
}
