//! What a network predicts.

use burn::tensor::Tensor;

/// The predictions for a batch, a row for each prior.
#[derive(Debug, Clone)]
pub struct Predictions {
    /// Box offsets from the priors, encoded with the variances: `[B, P, 4]`, `(dcx, dcy, dw, dh)`.
    pub offsets: Tensor<3>,
    /// Class scores before the softmax, background first: `[B, P, C]`.
    pub logits: Tensor<3>,
}
