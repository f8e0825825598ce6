//! Weights in the order in which the kernels read them. Arithmetic on slices; done once, at load.

use std::borrow::Cow;

use half::f16;
use ssd_cpu::ConvShape;

use crate::kernel::Precision;

/// Dense weights `[O, I, k, k]` as `[k, k, I in fours, stride quads]`, padded with zeros to `depth` rows.
pub(crate) fn dense(shape: &ConvShape, weights: &[f32], depth: usize, stride_quads: usize) -> Vec<f32> {
    let taps = shape.taps();
    let (inputs, row) = (shape.channels_in.next_multiple_of(4), stride_quads * 4);
    let mut packed = vec![0.0; depth * row];
    for (output, weights) in weights.chunks_exact(shape.channels_in * taps).enumerate() {
        for (input, weights) in weights.chunks_exact(taps).enumerate() {
            for (tap, weight) in weights.iter().enumerate() {
                packed[(tap * inputs + input) * row + output] = *weight;
            }
        }
    }
    packed
}

/// Depthwise weights `[C, 1, k, k]` as `[k, k, C in fours]`.
pub(crate) fn depthwise(shape: &ConvShape, weights: &[f32]) -> Vec<f32> {
    let taps = shape.taps();
    let row = shape.channels_in.next_multiple_of(4);
    let mut packed = vec![0.0; taps * row];
    for (channel, weights) in weights.chunks_exact(taps).enumerate() {
        for (tap, weight) in weights.iter().enumerate() {
            packed[tap * row + channel] = *weight;
        }
    }
    packed
}

/// One number for each channel, padded to quads.
pub(crate) fn channels(values: &[f32]) -> Vec<f32> {
    let mut filled = values.to_vec();
    filled.resize(values.len().next_multiple_of(4), 0.0);
    filled
}

/// Numbers as bytes in a precision.
pub(crate) fn stored(values: &[f32], precision: Precision) -> Cow<'_, [u8]> {
    match precision {
        Precision::Single => Cow::Borrowed(bytemuck::cast_slice(values)),
        Precision::Half => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
    }
}

/// The way back.
pub(crate) fn loaded(bytes: &[u8], precision: Precision) -> Vec<f32> {
    match precision {
        Precision::Single => bytemuck::pod_collect_to_vec(bytes),
        Precision::Half => bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_stands_at_its_tap_its_input_and_its_output() {
        let shape = ConvShape::dense(2, 3, 3);
        let weights: Vec<f32> = (1..=54).map(|v| v as f32).collect();
        let packed = dense(&shape, &weights, 48, 2);
        assert_eq!(packed.len(), 48 * 8);
        let (output, input, tap) = (2, 1, 5);
        assert_eq!(packed[(tap * 4 + input) * 8 + output], weights[(output * 2 + input) * 9 + tap]);
        assert_eq!(packed.iter().filter(|weight| **weight != 0.0).count(), 54);
    }

    #[test]
    fn half_precision_takes_half_the_bytes() {
        assert_eq!(*stored(&[1.0, -2.5], Precision::Half), [0x00, 0x3c, 0x00, 0xc1]);
        assert_eq!(*stored(&[1.0], Precision::Single), 1.0f32.to_le_bytes());
    }
}
