//! Every way of doing a dense convolution of one shape, beside each other: what the table of methods is corrected by.
//!
//! All get the same drawn numbers, and are compared with what the loops on the CPU make of them, which share nothing
//! with the kernels.

use pollster::block_on;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use ssd_cpu::{Buffers, Map};

use super::layers::{Progress, method};
use super::plan::{Convolution, Layer, distinct_dense};
use super::statistics::far;
use super::stopwatch::Stopwatch;
use crate::adapter::Adapter;
use crate::error::GpuError;
use crate::gpu::Gpu;
use crate::kernel::Precision;
use crate::methods::{Method, Tile};
use crate::network::{Map as MapSlot, PredictionRows, Target, Writer, pack, suits_winograd};
use crate::program::Recording;

/// One way of doing a convolution.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodTime {
    /// The way.
    pub way: Method,
    /// The same in words.
    pub method: String,
    /// Milliseconds, for all pictures; `None` where the device does not take it.
    pub ms: Option<f64>,
    /// The largest difference from the loops on the CPU, as a share of their largest number.
    pub max_difference: f32,
    /// Whether it is what is chosen today, by a row of the table or by the rules.
    pub chosen: bool,
}

/// The largest difference of a sound way. With 32-bit numbers sums in another order differ by some millionths, and a
/// wrong kernel by much more than a hundredth; with 16-bit ones the input, the weights and the output are rounded to 11
/// bits.
pub fn method_tolerance(precision: Precision) -> f32 {
    if precision == Precision::Half { 4e-2 } else { 1e-2 }
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
    /// The fastest of those that are not farther than `tolerance` from the loops, by its place in the list.
    pub fn best(&self, tolerance: f32) -> Option<usize> {
        self.fastest(tolerance, |_| true)
    }

    fn fastest(&self, tolerance: f32, taken: impl Fn(Method) -> bool) -> Option<usize> {
        let right = |method: &MethodTime| method.max_difference <= tolerance && taken(method.way);
        let right = self.methods.iter().enumerate().filter(|(_, method)| right(method));
        let known = right.filter_map(|(index, method)| Some((index, method.ms?)));
        known.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }

    /// What should be chosen in place of what is, by its place in the list: the fastest right way, if it takes less
    /// than `share` of the time, or if what is chosen is wrong or refused. Winograd's bands stay as they are, since
    /// they bound the memory.
    pub fn correction(&self, tolerance: f32, share: f64) -> Option<usize> {
        let chosen = self.methods.iter().find(|method| method.chosen)?;
        let bands = self.methods.iter().find_map(|method| match method.way {
            // The rules' own bands are measured first.
            Method::Winograd(_, bands) => Some(bands),
            _ => None,
        });
        let bounded = |way| !matches!(way, Method::Winograd(_, some) if bands != Some(some));
        let best = self.fastest(tolerance, bounded)?;
        let sound = chosen.ms.filter(|_| chosen.max_difference <= tolerance);
        let pays = sound.is_none_or(|ms| self.methods[best].ms.is_some_and(|best| best < share * ms));
        (pays && !self.methods[best].chosen).then_some(best)
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
        all.push(shape_methods(gpu, (&layers, dense), (images, precision), stopwatch)?);
        progress(&layers);
    }
    Ok(all)
}

/// Measures all ways for one convolution of `images` pictures, which these layers do.
///
/// # Errors
/// When the device fails. A way that it refuses is no error.
pub fn shape_methods(
    gpu: &Gpu,
    (layers, dense): (&str, Convolution),
    (images, precision): (usize, Precision),
    stopwatch: &Stopwatch,
) -> Result<ShapeMethods, GpuError> {
    let methods = Problem::drawn(gpu, stopwatch, dense, images, precision).methods()?;
    Ok(ShapeMethods { layers: layers.to_owned(), dense, methods })
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
    /// `[image, y, x, channel]`, its channels filled up to quads with zeros.
    input: Vec<f32>,
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
        let weights = draw(shape.weights());
        Self { gpu, stopwatch, dense, images, precision, input, weights, shift: draw(shape.channels_out) }
    }

    /// What the loops on the CPU make of it, `[image, y, x, channel]`.
    fn reference(&self) -> Result<Vec<f32>, GpuError> {
        let Self { dense: Convolution { shape, size_in: [height, width], .. }, images, .. } = *self;
        let channels = shape.channels_in;
        let mut planes = vec![0.0; images * channels * height * width];
        let pixels = self.input.chunks_exact(channels.next_multiple_of(4));
        for (index, pixel) in pixels.enumerate() {
            let (image, at) = (index / (height * width), index % (height * width));
            for (channel, value) in pixel[..channels].iter().enumerate() {
                planes[(image * channels + channel) * height * width + at] = *value;
            }
        }
        let convolution = ssd_cpu::Convolution::new(shape, &self.weights, &self.shift)?;
        let map = Map::from_planes([images, channels, height, width], &planes, &Buffers::default());
        let map = map.ok_or(GpuError::Input { got: planes.len(), side: width })?;
        Ok(convolution.run(&map)?.values().to_vec())
    }

    /// Every way.
    fn methods(&self) -> Result<Vec<MethodTime>, GpuError> {
        let (Self { dense, images, precision, .. }, adapter) = (self, self.gpu.adapter());
        let chosen = Method::choose(&dense.shape, dense.size_in, (*images, *precision), adapter, dense.to_map);
        let (mut methods, want) = (Vec::new(), self.reference()?);
        for way in ways(dense, *images, chosen, adapter) {
            let (method, max_difference, ms) = match self.run(way) {
                Ok((text, got, ms)) => (text, far(&got, &want), Some(ms)),
                // Too many workgroups, or too large a buffer.
                Err(GpuError::Size { .. }) => (format!("{way:?}"), 0.0, None),
                Err(error) => return Err(error),
            };
            methods.push(MethodTime { way, method, ms, max_difference, chosen: way == chosen });
        }
        Ok(methods)
    }

    /// The way in words, its numbers, and its time in milliseconds.
    fn run(&self, way: Method) -> Result<(String, Vec<f32>, f64), GpuError> {
        let Self { gpu, stopwatch, dense: Convolution { shape, size_in, .. }, images, precision, .. } = self;
        let mut recording = Recording::new(gpu);
        // There are no predictions here.
        let rows = PredictionRows { slot: recording.kept(16), priors: 0, columns: 0 };
        let slot = recording.bytes("input", &pack::stored(&self.input, *precision));
        let x = MapSlot { slot, channels: shape.channels_in, size: *size_in };
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
        let all = shape(vec![
            time(Method::Plain, Some(3.0), 0.0),
            time(Method::Tiled(Tile::SMALL, 1), Some(1.0), 0.5),
            time(Method::Tiled(Tile::MEDIUM, 1), Some(2.0), 1e-6),
            time(Method::Tiled(Tile::LARGE, 1), None, 0.0),
        ]);
        assert_eq!(all.best(1e-2), Some(2));
    }

    fn time(way: Method, ms: Option<f64>, max_difference: f32) -> MethodTime {
        MethodTime { way, method: String::new(), ms, max_difference, chosen: false }
    }

    fn shape(methods: Vec<MethodTime>) -> ShapeMethods {
        ShapeMethods { layers: String::new(), dense: dense(ConvShape::dense(64, 64, 3), true), methods }
    }

    #[test]
    fn what_is_chosen_is_corrected_where_that_pays_or_where_it_is_wrong() {
        let correction = |chosen_ms, chosen_difference| {
            let mut all = shape(vec![
                time(Method::Plain, Some(10.0), 0.0),
                time(Method::Winograd(Some(Tile::SMALL), 4), chosen_ms, chosen_difference),
                time(Method::Winograd(Some(Tile::LARGE), 4), Some(5.0), 1e-6),
                // Takes more memory, and is wrong.
                time(Method::Winograd(Some(Tile::LARGE), 1), Some(3.0), 1e-6),
                time(Method::Tiled(Tile::SMALL, 1), Some(1.0), f32::INFINITY),
            ]);
            all.methods[1].chosen = true;
            all.correction(1e-2, 0.9)
        };
        assert_eq!(correction(Some(8.0), 1e-6), Some(2));
        assert_eq!(correction(Some(5.2), 1e-6), None, "not worth a row");
        assert_eq!(correction(Some(4.0), 0.3), Some(2), "wrong");
        assert_eq!(correction(None, 0.0), Some(2), "refused");
    }

    #[test]
    fn every_way_that_applies_is_tried_and_the_chosen_one_is_among_them() {
        let adapter = &Adapter::HARDWARE;
        let all = |shape: ConvShape, to_map| {
            let dense = dense(shape, to_map);
            let chosen = Method::choose(&dense.shape, dense.size_in, (1, Precision::Single), adapter, to_map);
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
