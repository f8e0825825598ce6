//! A trunk that was trained on pixels normalised otherwise than the detector's: the first convolution absorbs the
//! difference.
//!
//! With `x = (p - mean) / std` on both sides, what the trunk saw is a multiple of what it will see plus a constant; the
//! multiple goes into the weights, the constant into the bias or into the norm after it. This is exact except at the
//! border, where the padding is 0 on either scale.

use ssd::preprocess::Normalization;

/// The first convolution's weights, and what takes up the constant, by trunk: its bias, or where a norm follows, the
/// mean that this subtracts.
const FIRST: [(&str, &str, f32); 3] = [
    ("backbone.convs.0.conv.weight", "backbone.convs.0.conv.bias", 1.0),
    ("backbone.stem.conv.weight", "backbone.stem.conv.bias", 1.0),
    ("backbone.stem.conv.weight", "backbone.stem.norm.running_mean", -1.0),
];

/// Whether a tensor is the weights that change.
pub(super) fn is_weight(path: &str) -> bool {
    FIRST.iter().any(|(weight, ..)| *weight == path)
}

/// The weights that a tensor goes with which takes up the constant, and by which sign; `None` for any other.
pub(super) fn weight_of(path: &str) -> Option<(&'static str, f32)> {
    FIRST.iter().find(|(_, constant, _)| *constant == path).map(|(weight, _, sign)| (*weight, *sign))
}

/// Weights `[O, 3, 3, 3]` for pixels normalised by `to` instead of `from`.
pub(super) fn weight(mut weight: Vec<f32>, from: &Normalization, to: &Normalization) -> Vec<f32> {
    for (plane, values) in weight.chunks_mut(WINDOW).enumerate() {
        let scale = to.std[plane % 3] / from.std[plane % 3];
        values.iter_mut().for_each(|value| *value *= scale);
    }
    weight
}

/// What is added for each output `[O]` besides, from the weights as they were.
pub(super) fn constants(weight: &[f32], from: &Normalization, to: &Normalization) -> Vec<f32> {
    let shift = |row: &[f32]| -> f32 {
        let planes = row.chunks(WINDOW).enumerate();
        planes.map(|(c, taps)| taps.iter().sum::<f32>() * (to.mean[c % 3] - from.mean[c % 3]) / from.std[c % 3]).sum()
    };
    weight.chunks(3 * WINDOW).map(shift).collect()
}

/// Taps of the first convolution.
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
        let bias = 0.3 + constants(&weights, &from, &to)[0];
        let after = output(&weight(weights.clone(), &from, &to), bias, &to);
        assert!((before - after).abs() < 1e-4, "{before} and {after}");
    }
}
