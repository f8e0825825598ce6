//! From pixels to the network's input: resize to a square, then normalise. Training, `detect` and the page share it.
//!
//! The resize is bilinear with half-pixel centres, two taps in each direction and no antialiasing, as PyTorch's
//! `interpolate(mode="bilinear", align_corners=False)` and OpenCV's `INTER_LINEAR`. It stretches the picture, so a box
//! is the same fraction of the input as of the picture.

use serde::{Deserialize, Serialize};

/// How pixels become the network's input. Saved in the weights file under `input_size`, `normalization` and `resize`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the square input, in pixels.
    pub input_size: usize,
    /// For each of R, G, B.
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
    /// Caffe's, which the SSD ports share: the mean is subtracted, the range stays.
    pub const CAFFE: Self = Self { mean: [123.0, 117.0, 104.0], std: [1.0; 3] };
    /// qfgaohao's MobileNets: to about -1..1.
    pub const MOBILENET: Self = Self { mean: [127.0; 3], std: [128.0; 3] };
    /// To exactly -1..1: torchvision's SSDLite.
    pub const UNIT: Self = Self { mean: [127.5; 3], std: [127.5; 3] };
    /// Mean and deviation of ImageNet's pixels, as torchvision's classifiers and NVIDIA's SSD have them.
    pub const IMAGENET: Self = Self { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };
}

/// The two taps of an output position in one direction: the source indices and the weight of the second.
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

/// The source columns that taps read, ascending and without duplicates, and the taps with indices into these.
fn columns_of(mut taps: Vec<Tap>) -> (Vec<usize>, Vec<Tap>) {
    let mut columns: Vec<usize> = taps.iter().flat_map(|tap| [tap.i0, tap.i1]).collect();
    // Nearly sorted already: neighbouring positions share a tap or follow one another.
    columns.sort_unstable();
    columns.dedup();
    let mut index = 0;
    for tap in &mut taps {
        while columns[index] < tap.i0 {
            index += 1;
        }
        *tap = Tap { i0: index, i1: index + tap.i1 - tap.i0, f: tap.f };
    }
    (columns, taps)
}

/// One source row, resized horizontally: `[3, W]`.
struct Row {
    /// Its index in the source; `None` before the first is read.
    y: Option<usize>,
    values: Vec<f32>,
}

impl Row {
    fn new(width: usize) -> Self {
        Self { y: None, values: vec![0.0; 3 * width] }
    }

    /// Resizes row `y`, given its pixels at the taps' columns, `[3, columns]`.
    fn fill(&mut self, y: usize, taps: &[Tap], pixels: &[f32]) {
        let [red, green, blue] = thirds(pixels);
        let (r, others) = self.values.split_at_mut(taps.len());
        let (g, b) = others.split_at_mut(taps.len());
        // All three at once: each tap is loaded and bounds-checked once.
        for (((tap, r), g), b) in taps.iter().zip(r).zip(g).zip(b) {
            *r = lerp(red[tap.i0], red[tap.i1], tap.f);
            *g = lerp(green[tap.i0], green[tap.i1], tap.f);
            *b = lerp(blue[tap.i0], blue[tap.i1], tap.f);
        }
        self.y = Some(y);
    }
}

/// The three planes of `[3, N]`.
fn thirds(planes: &[f32]) -> [&[f32]; 3] {
    let len = planes.len() / 3;
    [&planes[..len], &planes[len..][..len], &planes[2 * len..][..len]]
}

/// Resizes and normalises a picture that need not be in memory, as that of the augmentation: it is read row by row, and
/// only where the resize needs it. Returns `[3, S, S]`, planes in the order R, G, B. See [`resize_rows`].
///
/// # Panics
///
/// If the picture has no pixel: callers check their source.
pub fn preprocess_rows(
    width: usize,
    height: usize,
    spec: &Preprocess,
    read: impl FnMut(usize, &[usize], [&mut [f32]; 3]),
) -> Vec<f32> {
    resize_rows((width, height), (spec.input_size, spec.input_size), &spec.normalization, read)
}

/// The same to any width and height, such as those of a part of the input: `[3, H, W]`.
///
/// `read(y, columns, planes)` writes the pixels of row `y` at the ascending `columns` into the planes R, G, B of the
/// same length, as values in `0..=255`. Rows are read from top to bottom; many are skipped.
///
/// # Panics
///
/// If the picture has no pixel: callers check their source.
pub fn resize_rows(
    (width, height): (usize, usize),
    (out_width, out_height): (usize, usize),
    normalization: &Normalization,
    mut read: impl FnMut(usize, &[usize], [&mut [f32]; 3]),
) -> Vec<f32> {
    assert!(width > 0 && height > 0, "a picture has pixels");
    let (columns, taps_x) = columns_of(taps(width, out_width));
    let mut pixels = vec![0.0; 3 * columns.len()];
    let mut read_row = |row: &mut Row, y: usize| {
        let (red, others) = pixels.split_at_mut(columns.len());
        let (green, blue) = others.split_at_mut(columns.len());
        read(y, &columns, [red, green, blue]);
        row.fill(y, &taps_x, &pixels);
    };

    let mut out = vec![0.0; 3 * out_width * out_height];
    let (mut upper, mut lower) = (Row::new(out_width), Row::new(out_width));
    for (y, tap) in taps(height, out_height).iter().enumerate() {
        // Rows are kept from one position to the next: the lower row often becomes the upper one.
        if upper.y != Some(tap.i0) {
            std::mem::swap(&mut upper, &mut lower);
        }
        if upper.y != Some(tap.i0) {
            read_row(&mut upper, tap.i0);
        }
        if lower.y != Some(tap.i1) {
            read_row(&mut lower, tap.i1);
        }
        for c in 0..3 {
            let (mean, std) = (normalization.mean[c], normalization.std[c]);
            let target = &mut out[(c * out_height + y) * out_width..][..out_width];
            let [tops, bottoms] = [&upper, &lower].map(|row| &row.values[c * out_width..][..out_width]);
            for ((value, top), bottom) in target.iter_mut().zip(tops).zip(bottoms) {
                *value = (lerp(*top, *bottom, tap.f) - mean) / std;
            }
        }
    }
    out
}

fn lerp(a: f32, b: f32, f: f32) -> f32 {
    a + (b - a) * f
}

/// Resizes and normalises interleaved pixels of `channels` bytes each (3: RGB, 4: RGBA, whose alpha is ignored).
///
/// # Panics
///
/// If `pixels` is shorter than `width * height * channels`, or the picture has no pixel: callers check their source.
fn preprocess(pixels: &[u8], width: usize, height: usize, channels: usize, spec: &Preprocess) -> Vec<f32> {
    assert!(pixels.len() >= width * height * channels, "a picture has all of its pixels");
    preprocess_rows(width, height, spec, |y, columns, [red, green, blue]| {
        let row = &pixels[y * width * channels..][..width * channels];
        for (((x, r), g), b) in columns.iter().zip(red).zip(green).zip(blue) {
            let pixel = &row[x * channels..][..3];
            (*r, *g, *b) = (f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2]));
        }
    })
}

/// Resizes and normalises an RGB picture: `[height, width, 3]` bytes to `[3, S, S]`.
pub fn preprocess_rgb(rgb: &[u8], width: usize, height: usize, spec: &Preprocess) -> Vec<f32> {
    preprocess(rgb, width, height, 3, spec)
}

/// Resizes and normalises an RGBA picture, such as a canvas's: `[height, width, 4]` bytes to `[3, S, S]`.
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

    /// The same by its definition: four taps for each value, nothing kept.
    fn plainly(rgb: &[u8], width: usize, height: usize, spec: &Preprocess) -> Vec<f32> {
        let size = spec.input_size;
        let (columns, rows) = (taps(width, size), taps(height, size));
        let mut out = Vec::new();
        for c in 0..3 {
            for row in &rows {
                for column in &columns {
                    let at = |y: usize, x: usize| f32::from(rgb[(y * width + x) * 3 + c]);
                    let top = lerp(at(row.i0, column.i0), at(row.i0, column.i1), column.f);
                    let bottom = lerp(at(row.i1, column.i0), at(row.i1, column.i1), column.f);
                    out.push((lerp(top, bottom, row.f) - spec.normalization.mean[c]) / spec.normalization.std[c]);
                }
            }
        }
        out
    }

    #[test]
    fn keeping_rows_changes_no_bit() {
        let normalization = Normalization { mean: [123.0, 117.0, 104.0], std: [58.4, 57.1, 57.4] };
        for (width, height) in [(1, 1), (2, 90), (90, 3), (31, 30), (60, 61), (47, 200), (300, 20)] {
            let rgb: Vec<u8> = (0..width * height * 3).map(|i| (i * i * 31 + i * 7) as u8).collect();
            for input_size in [1, 2, 30, 77] {
                let spec = Preprocess { input_size, normalization };
                let same = preprocess_rgb(&rgb, width, height, &spec) == plainly(&rgb, width, height, &spec);
                assert!(same, "{width}x{height} to {input_size}");
            }
        }
    }

    #[test]
    fn rows_are_read_in_order_and_only_where_needed() {
        let spec = Preprocess { input_size: 3, normalization: PLAIN };
        let mut asked = Vec::new();
        preprocess_rows(30, 60, &spec, |y, columns, _| {
            assert_eq!(columns, [4, 5, 14, 15, 24, 25]);
            asked.push(y);
        });
        assert_eq!(asked, [9, 10, 29, 30, 49, 50]);
    }

    #[test]
    fn halving_averages_the_two_middle_taps_and_alpha_is_ignored() {
        let rgba = [10, 0, 0, 1, 20, 0, 0, 2, 30, 0, 0, 3, 40, 0, 0, 4].repeat(4);
        let spec = Preprocess { input_size: 2, normalization: PLAIN };
        assert_eq!(preprocess_rgba(&rgba, 4, 4, &spec)[..4], [15.0, 35.0, 15.0, 35.0]);
    }
}
