//! Every kernel against its twin, on the device at hand.
//!
//! The stages are compared one by one, because one ulp of a score can swap two boxes in the end. Nothing blocks, so the
//! same check runs natively and in a page.

mod compare;
mod layers;
mod pictures;
mod problems;
mod report;
mod stages;

pub use report::{VerifyCase, VerifyReport};

use crate::gpu::Gpu;

/// Compares all kernels with their twins.
pub async fn verify(gpu: &Gpu) -> VerifyReport {
    let mut cases = pictures::verify(gpu).await;
    cases.extend(layers::verify(gpu).await);
    cases.extend(stages::verify(gpu).await);
    VerifyReport { cases }
}
