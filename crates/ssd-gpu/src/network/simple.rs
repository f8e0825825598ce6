//! The steps that are one kernel each: depthwise convolution, pooling, means, factors, L2 normalisation.

use ssd_cpu::{ConvShape, Pool};

use super::pack;
use super::writer::{Map, Writer};
use crate::wgsl::{AVERAGE, DEPTHWISE, L2NORM, MAX_POOL, SCALE, average};

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
        let slots = [x.slot, weights, shift, out.slot];
        let info = self.info(shape, x.size);
        self.launch(label, (&DEPTHWISE, constants), &slots, &info, [DEPTHWISE.groups(threads), 1, 1]);
        out
    }

    pub(crate) fn pool(&mut self, label: &str, pool: &Pool, x: Map) -> Map {
        let out = self.map(x.channels, pool.size_out(x.size));
        let &Pool { kernel, stride, padding } = pool;
        let info = self.info(&ConvShape { kernel, stride, padding, ..unchanged(x) }, x.size);
        let threads = (info.rows * info.quads_in) as usize;
        let groups = [MAX_POOL.groups(threads), 1, 1];
        self.launch(label, (&MAX_POOL, Vec::new()), &[x.slot, out.slot], &info, groups);
        out
    }

    /// The mean of each channel, a map of one pixel.
    pub(crate) fn mean(&mut self, label: &str, x: Map) -> Map {
        let out = self.map(x.channels, [1, 1]);
        let info = self.info(&unchanged(x), x.size);
        let groups = [info.quads_in.div_ceil(average::QUADS) as usize, self.images, 1];
        self.launch(label, (&AVERAGE, Vec::new()), &[x.slot, out.slot], &info, groups);
        out
    }

    /// Factors: a map of one pixel with as many channels.
    pub(crate) fn times(&mut self, label: &str, x: Map, factors: Map) -> Map {
        let out = self.map(x.channels, x.size);
        let info = self.info(&unchanged(x), x.size);
        let threads = (info.rows * info.quads_in) as usize;
        let groups = [SCALE.groups(threads), 1, 1];
        self.launch(label, (&SCALE, Vec::new()), &[x.slot, factors.slot, out.slot], &info, groups);
        out
    }

    /// Scale `[C]`.
    pub(crate) fn normalize(&mut self, label: &str, scale: &[f32], x: Map) -> Map {
        let scale = self.recording.floats(label, &pack::channels(scale));
        let out = self.map(x.channels, x.size);
        let info = self.info(&unchanged(x), x.size);
        let groups = [info.rows as usize, 1, 1];
        self.launch(label, (&L2NORM, Vec::new()), &[x.slot, scale, out.slot], &info, groups);
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
