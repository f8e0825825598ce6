//! From pixels to the network's input: resize to a square, then normalise. One arithmetic for training, `detect` and the page.
//!
//! The resize is bilinear with half-pixel centres, two taps a direction and no antialiasing, as PyTorch's
//! `interpolate(mode="bilinear", align_corners=False)` and OpenCV's `INTER_LINEAR`. It stretches: the proportions of the picture
//! are not kept, so a box as a fraction of the input is the same fraction of the picture, and no way back is needed.

use serde::{Deserialize, Serialize};

/// How pixels become numbers. Saved in the weights file under `input_size`, `normalization` and `resize`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the square input, in pixels.
    pub input_size: usize,
    /// Subtracted and divided, a value for each of R, G, B.
    pub normalization: Normalization,
}

/// `(value - mean) / std` for R, G, B, with values in `0..=255`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    /// The mean of each channel.
    pub mean: [f32; 3],
    /// The divisor of each channel.
    pub std: [f32; 3],
}

impl Normalization {
    /// Caffe's, and so the SSD ports': the mean is subtracted, nothing is divided.
    pub const CAFFE: Self = Self { mean: [123.0, 117.0, 104.0], std: [1.0; 3] };
    /// qfgaohao's MobileNets: to about -1..1.
    pub const MOBILENET: Self = Self { mean: [127.0; 3], std: [128.0; 3] };
}

/// Two taps of one output position along one direction: the source indices and the weight of the second.
struct Tap {
    i0: usize,
    i1: usize,
    f: f32,
}

fn taps(source: usize, target: usize) -> Vec<Tap> {
    let ratio = source as f32 / target as f32;
    (0..target)
        .map(|t| {
            let s = ((t as f32 + 0.5) * ratio - 0.5).max(0.0);
            let i0 = (s as usize).min(source - 1);
            Tap { i0, i1: (i0 + 1).min(source - 1), f: s - i0 as f32 }
        })
        .collect()
}

/// Resizes and normalises interleaved pixels of `channels` bytes each (3: RGB, 4: RGBA, whose alpha is ignored).
/// Returns `[3, S, S]`, planes in the order R, G, B.
///
/// # Panics
///
/// If `pixels` is shorter than `width * height * channels`, or the picture has no pixel: callers check their source.
fn preprocess(pixels: &[u8], width: usize, height: usize, channels: usize, spec: &Preprocess) -> Vec<f32> {
    assert!(width > 0 && height > 0 && pixels.len() >= width * height * channels, "a picture has all of its pixels");
    let size = spec.input_size;
    let columns = taps(width, size);
    let mut out = vec![0.0; 3 * size * size];
    for (y, row) in taps(height, size).iter().enumerate() {
        let upper = &pixels[row.i0 * width * channels..][..width * channels];
        let lower = &pixels[row.i1 * width * channels..][..width * channels];
        for (x, column) in columns.iter().enumerate() {
            let (left, right) = (column.i0 * channels, column.i1 * channels);
            for c in 0..3 {
                let top = lerp(upper[left + c], upper[right + c], column.f);
                let bottom = lerp(lower[left + c], lower[right + c], column.f);
                let value = top + (bottom - top) * row.f;
                out[(c * size + y) * size + x] = (value - spec.normalization.mean[c]) / spec.normalization.std[c];
            }
        }
    }
    out
}

fn lerp(a: u8, b: u8, f: f32) -> f32 {
    let (a, b) = (f32::from(a), f32::from(b));
    a + (b - a) * f
}

/// Resizes and normalises an RGB picture: `[height, width, 3]` bytes to `[3, S, S]`.
pub fn preprocess_rgb(rgb: &[u8], width: usize, height: usize, spec: &Preprocess) -> Vec<f32> {
    preprocess(rgb, width, height, 3, spec)
}

/// Resizes and normalises an RGBA picture, as a canvas gives it: `[height, width, 4]` bytes to `[3, S, S]`.
pub fn preprocess_rgba(rgba: &[u8], width: usize, height: usize, spec: &Preprocess) -> Vec<f32> {
    preprocess(rgba, width, height, 4, spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Normalization = Normalization { mean: [0.0; 3], std: [1.0; 3] };

    #[test]
    fn a_picture_of_input_size_is_only_normalised() {
        let rgb: Vec<u8> = (0..27).map(|v| v * 9).collect();
        let spec = Preprocess { input_size: 3, normalization: Normalization::MOBILENET };
        let out = preprocess_rgb(&rgb, 3, 3, &spec);
        for (i, value) in rgb.iter().enumerate() {
            let (pixel, channel) = (i / 3, i % 3);
            assert_eq!(out[channel * 9 + pixel], (f32::from(*value) - 127.0) / 128.0);
        }
    }

    #[test]
    fn halving_averages_the_two_middle_taps_and_alpha_is_ignored() {
        let rgba = [10, 0, 0, 1, 20, 0, 0, 2, 30, 0, 0, 3, 40, 0, 0, 4].repeat(4);
        let spec = Preprocess { input_size: 2, normalization: PLAIN };
        assert_eq!(preprocess_rgba(&rgba, 4, 4, &spec)[..4], [15.0, 35.0, 15.0, 35.0]);
    }
}
