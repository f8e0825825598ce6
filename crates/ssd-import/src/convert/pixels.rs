//! A trunk that was trained on pixels normalised otherwise than the detector's: the first convolution takes the difference in.
//!
//! With `x = (p - mean) / std` on both sides, what the trunk saw is a multiple of what it will see and a constant; the multiple goes
//! into the weights, the constant into the bias. Only at the border, where the padding is 0 on either scale, that is not exact.

use ssd::preprocess::Normalization;

use super::ImportError;
use crate::file::TensorFile;
use crate::layout::Layout;

pub(crate) const WEIGHT: &str = "backbone.convs.0.conv.weight";
pub(crate) const BIAS: &str = "backbone.convs.0.conv.bias";

/// How pixels entered a trunk, where that is not how they enter our detector on it.
///
/// torchvision has two files of the same names for VGG16: the one made for SSD, whose classifier is filled with NaN and whose
/// pixels are caffe's, and the classifier proper.
pub(crate) fn of_trunk(file: &TensorFile, layout: Layout, prefix: &str) -> Result<Option<Normalization>, ImportError> {
    if layout != Layout::TorchvisionVgg16 {
        return Ok(None);
    }
    let made_for_ssd = match file.get(&format!("{prefix}classifier.0.bias")) {
        Some(bias) => file.read_f32(bias)?.iter().any(|value| value.is_nan()),
        None => false,
    };
    Ok((!made_for_ssd).then_some(Normalization::IMAGENET))
}

/// Weights `[O, 3, k, k]` for pixels that are normalised by `to` and no longer by `from`.
pub(crate) fn weight(mut weight: Vec<f32>, from: &Normalization, to: &Normalization) -> Vec<f32> {
    for (plane, values) in weight.chunks_mut(WINDOW).enumerate() {
        let scale = to.std[plane % 3] / from.std[plane % 3];
        values.iter_mut().for_each(|value| *value *= scale);
    }
    weight
}

/// The bias `[O]` that goes with it, from the weights as they were.
pub(crate) fn bias(bias: Vec<f32>, weight: &[f32], from: &Normalization, to: &Normalization) -> Vec<f32> {
    let shift = |row: &[f32]| -> f32 {
        let planes = row.chunks(WINDOW).enumerate();
        planes.map(|(c, taps)| taps.iter().sum::<f32>() * (to.mean[c % 3] - from.mean[c % 3]) / from.std[c % 3]).sum()
    };
    bias.into_iter().zip(weight.chunks(3 * WINDOW)).map(|(bias, row)| bias + shift(row)).collect()
}

/// Taps of conv1_1.
const WINDOW: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_convolution_says_the_same_of_the_same_pixels() {
        let (from, to) = (Normalization::IMAGENET, Normalization::CAFFE);
        let weights: Vec<f32> = (0..27).map(|i| (i as f32 * 0.7).sin()).collect();
        let pixels: Vec<f32> = (0..27).map(|i| (i * 37 % 256) as f32).collect();
        let say = |weights: &[f32], bias: f32, by: &Normalization| -> f32 {
            let seen = pixels.iter().enumerate().map(|(i, p)| (p - by.mean[i / 9]) / by.std[i / 9]);
            bias + weights.iter().zip(seen).map(|(w, x)| w * x).sum::<f32>()
        };
        let before = say(&weights, 0.3, &from);
        let after = say(&weight(weights.clone(), &from, &to), bias(vec![0.3], &weights, &from, &to)[0], &to);
        assert!((before - after).abs() < 1e-4, "{before} and {after}");
    }
}
