//! The feature maps of the architectures: their grids, their channels, and the priors on them.

use super::scale::Scale;
use crate::priors::{CellBoxes, PriorLevel};

/// A feature map that heads look at, and the priors on it.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMap {
    /// Channels that enter the heads.
    pub channels: usize,
    /// The map's grid and its priors.
    pub priors: PriorLevel,
}

/// A map as the tables have it.
#[derive(Clone, Copy)]
pub(super) struct MapRow {
    /// The map has `grid` x `grid` cells.
    grid: usize,
    /// Channels that enter the heads.
    channels: usize,
    /// Distance of two prior centres, in input pixels; `None` where they divide the input evenly.
    step_px: Option<f64>,
    /// Side of the small square prior, in input pixels.
    size_px: f64,
    /// Aspect ratios besides 1; each gives a wide and a tall prior.
    ratios: &'static [f64],
}

/// The maps of a table for an input of `input_px`. `last_next_px` is what the sizes go on with, in input pixels: the
/// larger square of the last map needs it.
pub(super) fn maps(rows: &[MapRow], last_next_px: f64, input_px: usize) -> Vec<FeatureMap> {
    let input = input_px as f64;
    let next_px = rows.iter().skip(1).map(|row| row.size_px).chain([last_next_px]);
    let map = |(row, next_px): (&MapRow, f64)| {
        let (size, next_size) = (row.size_px / input, next_px / input);
        let boxes = CellBoxes::Ratios { size, next_size, ratios: row.ratios.to_vec() };
        let priors = PriorLevel { grid: row.grid, step: row.step_px.map(|step| step / input), boxes };
        FeatureMap { channels: row.channels, priors }
    };
    rows.iter().zip(next_px).map(map).collect()
}

const fn map(grid: usize, channels: usize, step_px: f64, size_px: f64, ratios: &'static [f64]) -> MapRow {
    MapRow { grid, channels, step_px: Some(step_px), size_px, ratios }
}

/// SSD300 on VGG16: paper §3.1, with the sizes of caffe's `ssd_pascal.py` (VOC).
pub(super) const VGG16_300: [MapRow; 6] = [
    map(38, 512, 8.0, 30.0, &[2.0]),
    map(19, 1024, 16.0, 60.0, &[2.0, 3.0]),
    map(10, 512, 32.0, 111.0, &[2.0, 3.0]),
    map(5, 256, 64.0, 162.0, &[2.0, 3.0]),
    map(3, 256, 100.0, 213.0, &[2.0]),
    map(1, 256, 300.0, 264.0, &[2.0]),
];

/// SSD512 on VGG16: paper §3.2, with the sizes of lufficc's `vgg_ssd512_voc0712.yaml`.
pub(super) const VGG16_512: [MapRow; 7] = [
    map(64, 512, 8.0, 35.84, &[2.0]),
    map(32, 1024, 16.0, 76.8, &[2.0, 3.0]),
    map(16, 512, 32.0, 153.6, &[2.0, 3.0]),
    map(8, 256, 64.0, 230.4, &[2.0, 3.0]),
    map(4, 256, 128.0, 307.2, &[2.0, 3.0]),
    map(2, 256, 256.0, 384.0, &[2.0]),
    map(1, 256, 512.0, 460.8, &[2.0]),
];

/// SSD300 on ResNet, whose conv4 has `conv4` channels: NVIDIA, `ssd/model.py` and `dboxes300_coco`.
const fn resnet_300(conv4: usize) -> [MapRow; 6] {
    [
        map(38, conv4, 8.0, 21.0, &[2.0]),
        map(19, 512, 16.0, 45.0, &[2.0, 3.0]),
        map(10, 512, 32.0, 99.0, &[2.0, 3.0]),
        map(5, 256, 64.0, 153.0, &[2.0, 3.0]),
        map(3, 256, 100.0, 207.0, &[2.0]),
        map(1, 256, 300.0, 261.0, &[2.0]),
    ]
}
pub(super) const RESNET34_300: [MapRow; 6] = resnet_300(256);
pub(super) const RESNET50_300: [MapRow; 6] = resnet_300(1024);

/// pytorch-ssd's two MobileNets, which differ in their channels alone: `mobilenetv1_ssd_config.py`.
const fn mobilenet_300(channels: [usize; 6]) -> [MapRow; 6] {
    [
        map(19, channels[0], 16.0, 60.0, &[2.0, 3.0]),
        map(10, channels[1], 32.0, 105.0, &[2.0, 3.0]),
        map(5, channels[2], 64.0, 150.0, &[2.0, 3.0]),
        map(3, channels[3], 100.0, 195.0, &[2.0, 3.0]),
        map(2, channels[4], 150.0, 240.0, &[2.0, 3.0]),
        map(1, channels[5], 300.0, 285.0, &[2.0, 3.0]),
    ]
}
pub(super) const MOBILENET_V1_300: [MapRow; 6] = mobilenet_300([512, 1024, 512, 256, 256, 256]);
pub(super) const MOBILENET_V2_300: [MapRow; 6] = mobilenet_300([576, 1280, 512, 256, 256, 64]);

const fn even(grid: usize, channels: usize, size_px: f64) -> MapRow {
    MapRow { grid, channels, step_px: None, size_px, ratios: &[2.0, 3.0] }
}

/// SSDLite on MobileNetV3: torchvision, `ssdlite.py`, scales of 0.2 to 0.95 of 320 pixels.
const fn mobilenet_v3_320(last: usize) -> [MapRow; 6] {
    [
        even(20, 672, 64.0),
        even(10, last, 112.0),
        even(5, 512, 160.0),
        even(3, 256, 208.0),
        even(2, 256, 256.0),
        even(1, 128, 304.0),
    ]
}
pub(super) const MOBILENET_V3_320: [MapRow; 6] = mobilenet_v3_320(480);
pub(super) const MOBILENET_V3_WIDE_320: [MapRow; 6] = mobilenet_v3_320(960);

/// TensorFlow's maps of these channels: the first a sixteenth of the input, each further one half of the one before,
/// rounded up. Priors are those of `ssd_anchor_generator.py` with its published configurations.
pub(super) fn tensorflow(channels: [usize; 6], scale: Scale) -> Vec<FeatureMap> {
    let mut grid = usize::from(scale.input_px).div_ceil(16);
    let map = |(level, channels)| {
        let boxes = CellBoxes::Sizes { sizes: tensorflow_sizes(level) };
        let map = FeatureMap { channels, priors: PriorLevel { grid, step: None, boxes } };
        grid = grid.div_ceil(2);
        map
    };
    channels.into_iter().enumerate().map(map).collect()
}

/// Width and height of the boxes of a cell, for scales from 0.2 to 0.95. A third is 0.3333 there, and the coarser
/// square comes last.
fn tensorflow_sizes(level: usize) -> Vec<[f64; 2]> {
    let scale = |level: usize| if level < 6 { 0.2 + 0.15 * level as f64 } else { 1.0 };
    let of = |(scale, ratio): (f64, f64)| [scale * ratio.sqrt(), scale / ratio.sqrt()];
    if level == 0 {
        return [(0.1, 1.0), (scale(0), 2.0), (scale(0), 0.5)].map(of).to_vec();
    }
    let larger = (scale(level) * scale(level + 1)).sqrt();
    let rows = [1.0, 2.0, 0.5, 3.0, 0.3333].map(|ratio| (scale(level), ratio));
    rows.into_iter().chain([(larger, 1.0)]).map(of).collect()
}
