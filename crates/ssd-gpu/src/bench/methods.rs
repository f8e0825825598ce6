//! Every way of doing a dense convolution of one shape, beside each other: what the rows of the table of adapters are
//! corrected by.
//!
//! All get the same drawn numbers. What the plain way makes of them is what the others are compared with.

use half::f16;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use ssd::convolution::ConvShape;

use super::layers;
use super::plan::Output;
use super::statistics::far;
use super::stopwatch::Stopwatch;
use crate::adapter::Adapter;
use crate::error::GpuError;
use crate::kernel::Precision;
use crate::network::{Map, Method, PredictionRows, Target, Tile, Writer, pack};
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
    /// The layers of this shape.
    pub layers: String,
    /// Of one picture.
    pub shape: ConvShape,
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

/// Measures all ways for a shape of `images` pictures.
///
/// # Errors
///
/// When the device fails. A way that it refuses is no error.
pub async fn shape_methods(
    stopwatch: &Stopwatch<'_>,
    (layers, shape, output): &(String, ConvShape, Output),
    images: usize,
    precision: Precision,
) -> Result<ShapeMethods, GpuError> {
    let adapter = stopwatch.gpu.adapter();
    let chosen = Method::choose(shape, images, adapter, *output == Output::Map);
    let problem = Problem::drawn(stopwatch, *shape, images, precision);
    let mut methods = Vec::new();
    let mut want = Vec::new();
    for method in ways(shape, images, *output, chosen, adapter) {
        let (method_text, got, ms) = match problem.run(method).await {
            Ok((text, got, ms)) => (text, got, Some(ms)),
            // Too many workgroups, or too large a buffer.
            Err(GpuError::Size { .. }) => (format!("{method:?}"), Vec::new(), None),
            Err(error) => return Err(error),
        };
        if method == Method::Plain {
            want.clone_from(&got);
        }
        let max_difference = if ms.is_some() { far(&got, &want) } else { 0.0 };
        methods.push(MethodTime { method: method_text, ms, max_difference, chosen: method == chosen });
    }
    Ok(ShapeMethods { layers: layers.clone(), shape: *shape, methods })
}

/// Every way that applies, the plain one first.
fn ways(shape: &ConvShape, images: usize, output: Output, chosen: Method, adapter: &Adapter) -> Vec<Method> {
    let tiles = [Tile::SMALL, Tile::MEDIUM, Tile::LARGE];
    let mut ways = vec![Method::Plain];
    for tile in tiles {
        let slices = (shape.kernel * shape.kernel * shape.channels_in).div_ceil(tile.depth);
        let parts = [1, 2, 4, 8].into_iter().filter(|parts| *parts == 1 || 2 * parts <= slices);
        ways.extend(parts.map(|parts| Method::Tiled(tile, parts)));
    }
    if output == Output::Map
        && (shape.kernel, shape.stride, shape.dilation, shape.padding) == (3, 1, 1, 1)
        && let Method::Winograd(_, bands) = Method::winograd(shape, images, adapter)
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
    stopwatch: &'a Stopwatch<'a>,
    shape: ConvShape,
    images: usize,
    precision: Precision,
    /// As the kernels have it.
    input: Vec<u8>,
    weights: Vec<f32>,
    shift: Vec<f32>,
}

impl<'a> Problem<'a> {
    fn drawn(stopwatch: &'a Stopwatch<'a>, shape: ConvShape, images: usize, precision: Precision) -> Self {
        let mut rng = Pcg64::seed_from_u64(7);
        let mut draw = |count: usize| (0..count).map(|_| rng.random_range(-1.0f32..1.0)).collect::<Vec<f32>>();
        let channels = shape.channels_in.next_multiple_of(4);
        let mut input = draw(images * shape.size_in.iter().product::<usize>() * channels);
        for pixel in input.chunks_exact_mut(channels) {
            pixel[shape.channels_in..].fill(0.0);
        }
        let input = pack::stored(&input, precision).into_owned();
        let weights = draw(shape.channels_out * shape.channels_in * shape.kernel * shape.kernel);
        Self { stopwatch, shape, images, precision, input, weights, shift: draw(shape.channels_out) }
    }

    /// The way in words, its numbers, and its time in milliseconds.
    async fn run(&self, method: Method) -> Result<(String, Vec<f32>, f64), GpuError> {
        let Self { stopwatch, shape, images, precision, .. } = self;
        let gpu = stopwatch.gpu;
        let mut recording = Recording::new(gpu);
        // There are no predictions here.
        let rows = PredictionRows { slot: recording.kept(16), priors: 0, classes: 0 };
        let slot = recording.bytes("input", &self.input);
        let x = Map { slot, channels: shape.channels_in, size: shape.size_in };
        let mut writer = Writer::alone(&mut recording, *images, *precision, *gpu.adapter(), rows);
        let out = writer.dense("bench", shape, method, &self.weights, &self.shift, x, Target::Map(None));
        recording.keep(out.slot);
        let program = recording.compile(&mut |_, _| {}).await?;
        let text = layers::method(&program, &program.steps().collect::<Vec<_>>());
        let ms = stopwatch.median_ms(&|pass| program.encode(pass)).await?;
        let channels = out.channels.next_multiple_of(4);
        let count = images * out.size[0] * out.size[1] * channels;
        let bytes = gpu.read(program.buffer(out.slot), (count * precision.bytes()) as u64).await?;
        program.destroy();
        let numbers: Vec<f32> = match precision {
            Precision::Single => bytemuck::pod_collect_to_vec(&bytes),
            Precision::Half => bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
        };
        // What fills a pixel up to quads is nobody's.
        let pixels = numbers.chunks_exact(channels);
        Ok((text, pixels.flat_map(|pixel| pixel[..out.channels].iter().copied()).collect(), ms))
    }
}

#[cfg(test)]
mod tests {
    use ssd_cpu::Activation;

    use super::*;

    #[test]
    fn the_best_is_right_and_was_taken() {
        let method = |ms, max_difference| MethodTime { method: String::new(), ms, max_difference, chosen: false };
        let methods = vec![method(Some(3.0), 0.0), method(Some(1.0), 0.5), method(Some(2.0), 1e-6), method(None, 0.0)];
        let all = ShapeMethods { layers: String::new(), shape: shape(), methods };
        assert_eq!(all.best(1e-2), Some(2));
    }

    fn shape() -> ConvShape {
        ConvShape {
            channels_in: 64,
            channels_out: 64,
            groups: 1,
            size_in: [300, 300],
            kernel: 3,
            stride: 1,
            padding: 1,
            dilation: 1,
            activation: Activation::Relu,
        }
    }

    #[test]
    fn every_way_that_applies_is_tried_and_the_chosen_one_is_among_them() {
        let shape = shape();
        let adapter = &Adapter::HARDWARE;
        let all = |shape: &ConvShape, output| {
            let chosen = Method::choose(shape, 1, adapter, output == Output::Map);
            let ways = ways(shape, 1, output, chosen, adapter);
            assert!(ways.contains(&chosen) && ways[0] == Method::Plain);
            ways
        };
        let winograds = |ways: &[Method]| ways.iter().filter(|way| matches!(way, Method::Winograd(..))).count();
        assert_eq!(winograds(&all(&shape, Output::Map)), 6);
        assert_eq!(winograds(&all(&shape, Output::Heads)), 0);
        let narrow = ConvShape { kernel: 1, padding: 0, channels_in: 16, ..shape };
        assert_eq!(all(&narrow, Output::Map).len(), 4, "one slice cannot be split");
    }
}
