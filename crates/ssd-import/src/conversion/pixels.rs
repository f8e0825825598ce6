//! A trunk that was trained on pixels normalised otherwise than the detector's: the first convolution absorbs the
//! difference.
//!
//! With `x = (p - mean) / std` on both sides, what the trunk saw is a multiple of what it will see plus a constant; the
//! multiple goes into the weights, the constant into the bias. This is exact except at the border, where the padding is
//! 0 on either scale.

use ssd::preprocess::Normalization;

pub(super) const WEIGHT: &str = "backbone.convs.0.conv.weight";
pub(super) const BIAS: &str = "backbone.convs.0.conv.bias";

/// Weights `[O, 3, 3, 3]` for pixels normalised by `to` instead of `from`.
pub(super) fn weight(mut weight: Vec<f32>, from: &Normalization, to: &Normalization) -> Vec<f32> {
    for (plane, values) in weight.chunks_mut(WINDOW).enumerate() {
        let scale = to.std[plane % 3] / from.std[plane % 3];
        values.iter_mut().for_each(|value| *value *= scale);
    }
    weight
}

/// The bias `[O]` that goes with them, from the weights as they were.
pub(super) fn bias(bias: Vec<f32>, weight: &[f32], from: &Normalization, to: &Normalization) -> Vec<f32> {
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
        let output = |weights: &[f32], bias: f32, by: &Normalization| -> f32 {
            let seen = pixels.iter().enumerate().map(|(i, p)| (p - by.mean[i / 9]) / by.std[i / 9]);
            bias + weights.iter().zip(seen).map(|(w, x)| w * x).sum::<f32>()
        };
        let before = output(&weights, 0.3, &from);
        let after = output(&weight(weights.clone(), &from, &to), bias(vec![0.3], &weights, &from, &to)[0], &to);
        assert!((before - after).abs() < 1e-4, "{before} and {after}");
    }
}
