//! The steps that are one kernel each: depthwise convolution, pooling, means, factors, L2 normalisation.

use ssd_cpu::{ConvShape, Pool};

use super::{Map, Writer, pack};
use crate::kernel::{AVERAGE, DEPTHWISE, L2NORM, MAX_POOL, SCALE};
use crate::program::Dispatch;

/// Threads of a workgroup in the kernels that do one quad a thread.
const THREADS: usize = 64;
/// Quads of a workgroup of `average.wgsl`.
const AVERAGED: usize = 4;

impl Writer<'_, '_> {
    /// Weights `[C, 1, k, k]`, shift `[C]`.
    pub(crate) fn depthwise(&mut self, label: &str, shape: &ConvShape, weights: &[f32], shift: &[f32], x: Map) -> Map {
        let precision = self.precision;
        let weights = self.recording.bytes(label, &pack::stored(&pack::depthwise(shape, weights), precision));
        let shift = self.recording.floats(label, &pack::channels(shift));
        let out = self.map(shape.channels_out, shape.size_out(x.size));
        let [height, width] = out.size;
        let threads = self.images * height * width.div_ceil(4) * shape.channels_in.div_ceil(4);
        let constants = depthwise_constants(shape.kernel, shape.stride);
        let bindings = vec![(1, x.slot), (2, weights), (3, shift), (4, out.slot)];
        let kernel = self.kernel(&DEPTHWISE, constants);
        let info = self.info(shape, x.size);
        self.recording.push(Dispatch::new(label, kernel, bindings, &info, [threads.div_ceil(THREADS), 1, 1]));
        out
    }

    pub(crate) fn pool(&mut self, label: &str, pool: &Pool, x: Map) -> Map {
        let out = self.map(x.channels, pool.size_out(x.size));
        let &Pool { kernel, stride, padding } = pool;
        let info = self.info(&ConvShape { kernel, stride, padding, ..unchanged(x) }, x.size);
        let threads = (info.rows * info.quads_in) as usize;
        let kernel = self.kernel(&MAX_POOL, Vec::new());
        let bindings = vec![(1, x.slot), (2, out.slot)];
        self.recording.push(Dispatch::new(label, kernel, bindings, &info, [threads.div_ceil(THREADS), 1, 1]));
        out
    }

    /// The mean of each channel, a map of one pixel.
    pub(crate) fn mean(&mut self, label: &str, x: Map) -> Map {
        let out = self.map(x.channels, [1, 1]);
        let info = self.info(&unchanged(x), x.size);
        let groups = [(info.quads_in as usize).div_ceil(AVERAGED), self.images, 1];
        let kernel = self.kernel(&AVERAGE, Vec::new());
        self.recording.push(Dispatch::new(label, kernel, vec![(1, x.slot), (2, out.slot)], &info, groups));
        out
    }

    /// Factors: a map of one pixel with as many channels.
    pub(crate) fn times(&mut self, label: &str, x: Map, factors: Map) -> Map {
        let out = self.map(x.channels, x.size);
        let info = self.info(&unchanged(x), x.size);
        let threads = (info.rows * info.quads_in) as usize;
        let kernel = self.kernel(&SCALE, Vec::new());
        let bindings = vec![(1, x.slot), (2, factors.slot), (3, out.slot)];
        self.recording.push(Dispatch::new(label, kernel, bindings, &info, [threads.div_ceil(THREADS), 1, 1]));
        out
    }

    /// Scale `[C]`.
    pub(crate) fn normalize(&mut self, label: &str, scale: &[f32], x: Map) -> Map {
        let scale = self.recording.floats(label, &pack::channels(scale));
        let out = self.map(x.channels, x.size);
        let info = self.info(&unchanged(x), x.size);
        let kernel = self.kernel(&L2NORM, Vec::new());
        let bindings = vec![(1, x.slot), (2, scale), (3, out.slot)];
        self.recording.push(Dispatch::new(label, kernel, bindings, &info, [info.rows as usize, 1, 1]));
        out
    }
}

/// The constants of `depthwise.wgsl`.
pub fn depthwise_constants(kernel: usize, stride: usize) -> Vec<(&'static str, u32)> {
    let constants = [("KERNEL", kernel), ("STRIDE", stride), ("SPAN", 3 * stride + kernel)];
    constants.map(|(name, value)| (name, value as u32)).to_vec()
}

/// The shape of a step that keeps the size of its map.
fn unchanged(x: Map) -> ConvShape {
    ConvShape::depthwise(x.channels, 1)
}
