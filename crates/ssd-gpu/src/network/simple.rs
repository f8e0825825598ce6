//! The steps that are one kernel each: depthwise convolution, pooling, means, factors, L2 normalisation.

use ssd::convolution::ConvShape;
use ssd::model::Pool;
use ssd_cpu::Activation;

use super::{Map, Writer, pack};
use crate::wgsl::{AVERAGE, DEPTHWISE, L2NORM, MAX_POOL, SCALE, average};

impl Writer<'_, '_> {
    /// Weights `[C, 1, k, k]`, shift `[C]`.
    pub(crate) fn depthwise(&mut self, label: &str, shape: &ConvShape, weights: &[f32], shift: &[f32], x: Map) -> Map {
        let precision = self.precision;
        let weights = self.recording.bytes(label, &pack::stored(&pack::depthwise(shape, weights), precision));
        let shift = self.recording.floats(label, &pack::channels(shift));
        let out = self.map(shape.channels_out, shape.size_out());
        let [height, width] = shape.size_out();
        let threads = self.images * height * width.div_ceil(4) * shape.channels_in.div_ceil(4);
        let constants = depthwise_constants(shape.kernel, shape.stride);
        let slots = [x.slot, weights, shift, out.slot];
        let info = self.info(shape);
        self.launch(label, (&DEPTHWISE, constants), &slots, &info, [DEPTHWISE.groups(threads), 1, 1]);
        out
    }

    pub(crate) fn pool(&mut self, label: &str, pool: &Pool, x: Map) -> Map {
        let out = self.map(x.channels, pool.size_out(x.size));
        let mut info = self.info(&around(x));
        [info.height_out, info.width_out] = out.size.map(|size| size as u32);
        info.rows = self.images as u32 * info.height_out * info.width_out;
        (info.kernel, info.stride, info.padding) = (pool.kernel as u32, pool.stride as u32, pool.padding as u32);
        let threads = (info.rows * info.quads_in) as usize;
        let groups = [MAX_POOL.groups(threads), 1, 1];
        self.launch(label, (&MAX_POOL, Vec::new()), &[x.slot, out.slot], &info, groups);
        out
    }

    /// The mean of each channel, a map of one pixel.
    pub(crate) fn mean(&mut self, label: &str, x: Map) -> Map {
        let out = self.map(x.channels, [1, 1]);
        let info = self.info(&around(x));
        let groups = [info.quads_in.div_ceil(average::QUADS) as usize, self.images, 1];
        self.launch(label, (&AVERAGE, Vec::new()), &[x.slot, out.slot], &info, groups);
        out
    }

    /// Factors: a map of one pixel with as many channels.
    pub(crate) fn times(&mut self, label: &str, x: Map, factors: Map) -> Map {
        let out = self.map(x.channels, x.size);
        let info = self.info(&around(x));
        let threads = (info.rows * info.quads_in) as usize;
        let groups = [SCALE.groups(threads), 1, 1];
        self.launch(label, (&SCALE, Vec::new()), &[x.slot, factors.slot, out.slot], &info, groups);
        out
    }

    /// Scale `[C]`.
    pub(crate) fn normalize(&mut self, label: &str, scale: &[f32], x: Map) -> Map {
        let scale = self.recording.floats(label, &pack::channels(scale));
        let out = self.map(x.channels, x.size);
        let info = self.info(&around(x));
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

/// The shape of a step that keeps its map as it is.
fn around(x: Map) -> ConvShape {
    ConvShape {
        channels_in: x.channels,
        channels_out: x.channels,
        groups: x.channels,
        size_in: x.size,
        kernel: 1,
        stride: 1,
        padding: 0,
        dilation: 1,
        activation: Activation::None,
    }
}
