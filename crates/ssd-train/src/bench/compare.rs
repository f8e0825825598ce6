//! What the predictions have to be: Burn's own forward on the CPU device, which shares nothing with the kernels.

use burn::tensor::{Device, Tensor};

use super::subject::{DIFFERENT, Subject};

/// Offsets of all pictures of the batch, then logits.
pub(super) fn want(subject: &Subject) -> Vec<f32> {
    let count = subject.images().min(DIFFERENT);
    let said = subject.model.forward(subject.input(count, &Device::flex()));
    let rows = |tensor: Tensor<3>| repeated(&numbers(tensor), count, subject.images());
    [rows(said.offsets), rows(said.logits)].concat()
}

/// Rows of `count` pictures over and over, for `images`.
fn repeated(numbers: &[f32], count: usize, images: usize) -> Vec<f32> {
    let row = numbers.len() / count;
    (0..images).flat_map(|image| &numbers[image % count * row..][..row]).copied().collect()
}

pub(super) fn numbers(tensor: Tensor<3>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_batch_repeats_its_pictures() {
        assert_eq!(repeated(&[1.0, 2.0, 3.0, 4.0], 2, 3), [1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
    }
}
