//! Every way of doing a dense convolution of one shape, beside each other: what the rows of the table of adapters are
//! corrected by.
//!
//! All get the same drawn numbers. What the plain way makes of them is what the others are compared with.

use pollster::block_on;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::layers::{Progress, method};
use super::plan::{Convolution, Layer, distinct_dense};
use super::statistics::far;
use super::stopwatch::Stopwatch;
use crate::adapter::Adapter;
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Precision;
use crate::network::{Map, Method, PredictionRows, Target, Tile, Writer, pack, suits_winograd};
use crate::program::Recording;

/// One way of doing a convolution.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodTime {
    /// The way, in words.
    pub method: String,
    /// Milliseconds, for all pictures; `None` where the device does not take it.
    pub ms: Option<f64>,
    /// The largest difference from the plain way, as a share of its largest number.
    pub max_difference: f32,
    /// Whether it is what the table of adapters chooses.
    pub chosen: bool,
}

/// All ways of doing a convolution of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeMethods {
    /// The names of the layers that do it.
    pub layers: String,
    /// The convolution.
    pub dense: Convolution,
    /// In the order in which they were measured; the plain one is the first.
    pub methods: Vec<MethodTime>,
}

impl ShapeMethods {
    /// The fastest of those that are not farther than `tolerance` from the plain one, by its place in the list.
    pub fn best(&self, tolerance: f32) -> Option<usize> {
        let right = self.methods.iter().enumerate().filter(|(_, method)| method.max_difference <= tolerance);
        let known = right.filter_map(|(index, method)| Some((index, method.ms?)));
        known.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }
}

/// Measures all ways for each of a network's dense convolutions of `images` pictures.
///
/// # Errors
/// When the device fails. A way that it refuses is no error.
pub fn method_times(
    gpu: &Gpu,
    plan: &[Layer],
    (images, precision): (usize, Precision),
    stopwatch: &Stopwatch,
    progress: Progress<'_>,
) -> Result<Vec<ShapeMethods>, GpuError> {
    let mut all = Vec::new();
    for (layers, dense) in distinct_dense(plan) {
        let methods = Problem::drawn(gpu, stopwatch, dense, images, precision).methods()?;
        progress(&layers);
        all.push(ShapeMethods { layers, dense, methods });
    }
    Ok(all)
}

/// Every way that applies, the plain one first.
fn ways(dense: &Convolution, images: usize, chosen: Method, adapter: &Adapter) -> Vec<Method> {
    let shape = &dense.shape;
    let tiles = [Tile::SMALL, Tile::MEDIUM, Tile::LARGE];
    let mut ways = vec![Method::Plain];
    for tile in tiles {
        let slices = (shape.taps() * shape.channels_in).div_ceil(tile.depth);
        let parts = [1, 2, 4, 8].into_iter().filter(|parts| *parts == 1 || 2 * parts <= slices);
        ways.extend(parts.map(|parts| Method::Tiled(tile, parts)));
    }
    if dense.to_map
        && suits_winograd(shape)
        && let Method::Winograd(_, bands) = Method::winograd(shape, dense.size_in, images, adapter)
    {
        ways.extend(tiles.map(|tile| Method::Winograd(Some(tile), bands)));
        if bands > 1 {
            ways.extend(tiles.map(|tile| Method::Winograd(Some(tile), 1)));
        }
    }
    if !ways.contains(&chosen) {
        ways.push(chosen);
    }
    ways
}

struct Problem<'a> {
    gpu: &'a Gpu,
    stopwatch: &'a Stopwatch,
    dense: Convolution,
    images: usize,
    precision: Precision,
    /// As the kernels have it.
    input: Vec<u8>,
    weights: Vec<f32>,
    shift: Vec<f32>,
}

impl<'a> Problem<'a> {
    fn drawn(gpu: &'a Gpu, stopwatch: &'a Stopwatch, dense: Convolution, images: usize, precision: Precision) -> Self {
        let shape = dense.shape;
        let mut rng = Pcg64::seed_from_u64(7);
        let mut draw = |count: usize| (0..count).map(|_| rng.random_range(-1.0f32..1.0)).collect::<Vec<f32>>();
        let channels = shape.channels_in.next_multiple_of(4);
        let mut input = draw(images * dense.size_in.iter().product::<usize>() * channels);
        for pixel in input.chunks_exact_mut(channels) {
            pixel[shape.channels_in..].fill(0.0);
        }
        let input = pack::stored(&input, precision).into_owned();
        let weights = draw(shape.weights());
        Self { gpu, stopwatch, dense, images, precision, input, weights, shift: draw(shape.channels_out) }
    }

    /// Every way; what the plain one makes is right.
    fn methods(&self) -> Result<Vec<MethodTime>, GpuError> {
        let (Self { dense, images, .. }, adapter) = (self, self.gpu.adapter());
        let chosen = Method::choose(&dense.shape, dense.size_in, *images, adapter, dense.to_map);
        let mut methods = Vec::new();
        let mut want = Vec::new();
        for way in ways(dense, *images, chosen, adapter) {
            let (method, got, ms) = match self.run(way) {
                Ok((text, got, ms)) => (text, got, Some(ms)),
                // Too many workgroups, or too large a buffer.
                Err(GpuError::Size { .. }) => (format!("{way:?}"), Vec::new(), None),
                Err(error) => return Err(error),
            };
            if way == Method::Plain {
                want.clone_from(&got);
            }
            let max_difference = if ms.is_some() { far(&got, &want) } else { 0.0 };
            methods.push(MethodTime { method, ms, max_difference, chosen: way == chosen });
        }
        Ok(methods)
    }

    /// The way in words, its numbers, and its time in milliseconds.
    fn run(&self, way: Method) -> Result<(String, Vec<f32>, f64), GpuError> {
        let Self { gpu, stopwatch, dense: Convolution { shape, size_in, .. }, images, precision, .. } = self;
        let mut recording = Recording::new(gpu);
        // There are no predictions here.
        let rows = PredictionRows { slot: recording.kept(16), priors: 0, columns: 0 };
        let slot = recording.bytes("input", &self.input);
        let x = Map { slot, channels: shape.channels_in, size: *size_in };
        let mut writer = Writer::new(&mut recording, *images, *precision, *gpu.adapter(), rows);
        let out = writer.dense("bench", shape, way, &self.weights, &self.shift, x, Target::Map(None));
        recording.keep(out.slot);
        let program = block_on(recording.compile(&mut |_, _| {}))?;
        let text = method(&program, &program.steps().collect::<Vec<_>>());
        let ms = stopwatch.pass(gpu, &|pass| program.encode(pass))?;
        let channels = out.channels.next_multiple_of(4);
        let count = images * out.size[0] * out.size[1] * channels;
        let bytes = block_on(gpu.read(program.buffer(out.slot), (count * precision.bytes()) as u64))?;
        program.destroy();
        let numbers = pack::loaded(&bytes, *precision);
        // What fills a pixel up to quads is nobody's.
        let pixels = numbers.chunks_exact(channels);
        Ok((text, pixels.flat_map(|pixel| pixel[..out.channels].iter().copied()).collect(), ms))
    }
}

#[cfg(test)]
mod tests {
    use ssd_cpu::ConvShape;

    use super::*;

    fn dense(shape: ConvShape, to_map: bool) -> Convolution {
        Convolution { shape, size_in: [300, 300], to_map }
    }

    #[test]
    fn the_best_is_right_and_was_taken() {
        let method = |ms, max_difference| MethodTime { method: String::new(), ms, max_difference, chosen: false };
        let methods = vec![method(Some(3.0), 0.0), method(Some(1.0), 0.5), method(Some(2.0), 1e-6), method(None, 0.0)];
        let all = ShapeMethods { layers: String::new(), dense: dense(ConvShape::dense(64, 64, 3), true), methods };
        assert_eq!(all.best(1e-2), Some(2));
    }

    #[test]
    fn every_way_that_applies_is_tried_and_the_chosen_one_is_among_them() {
        let adapter = &Adapter::HARDWARE;
        let all = |shape: ConvShape, to_map| {
            let dense = dense(shape, to_map);
            let chosen = Method::choose(&dense.shape, dense.size_in, 1, adapter, to_map);
            let ways = ways(&dense, 1, chosen, adapter);
            assert!(ways.contains(&chosen) && ways[0] == Method::Plain);
            ways
        };
        let winograds = |ways: &[Method]| ways.iter().filter(|way| matches!(way, Method::Winograd(..))).count();
        assert_eq!(winograds(&all(ConvShape::dense(64, 64, 3), true)), 6);
        assert_eq!(winograds(&all(ConvShape::dense(64, 64, 3), false)), 0);
        assert_eq!(all(ConvShape::dense(16, 64, 1), true).len(), 4, "one slice cannot be split");
    }
}
