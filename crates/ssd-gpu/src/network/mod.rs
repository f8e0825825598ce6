//! The network as a recording: its steps, in the order that the model gives them, each by the kernels that suit it.
//!
//! `Writer` is an [`Engine`]: the model says what follows what, and here it is written down as launches. Maps are
//! `[image, y, x, channel]` with the channels filled up to quads; the heads write straight into the rows of priors.

mod dense;
mod method;
pub(crate) mod pack;
mod simple;
mod winograd;

pub use method::{Method, Tile};
pub use simple::depthwise_constants;

use std::fmt::Arguments;

use ssd::Ssd;
use ssd::convolution::ConvShape;
use ssd::model::{ConvStep, Engine, L2Norm, Pool};
use ssd::weights::Header;
use ssd_cpu::Activation;

use crate::adapter::Adapter;
use crate::kernel::{Kernel, Precision, Shader};
use crate::program::{Dispatch, Recording, Slot};
use crate::wgsl::{LayerInfo, convolution};

/// A feature map on the GPU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Map {
    pub(crate) slot: Slot,
    pub(crate) channels: usize,
    /// Height and width.
    pub(crate) size: [usize; 2],
}

/// Where the heads write: offsets of all images and priors, then logits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PredictionRows {
    pub(crate) slot: Slot,
    pub(crate) priors: usize,
    pub(crate) classes: usize,
}

impl PredictionRows {
    /// Where the logits begin, in numbers.
    pub(crate) fn logits_start(&self, images: usize) -> usize {
        images * self.priors * 4
    }
}

/// Writes a network down.
pub(crate) struct Writer<'a, 'gpu> {
    pub(crate) recording: &'a mut Recording<'gpu>,
    pub(crate) images: usize,
    pub(crate) precision: Precision,
    pub(crate) adapter: Adapter,
    rows: PredictionRows,
    next_prior: usize,
}

/// What comes of a dense convolution's sums.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// A feature map, with another one added before the activation.
    Map(Option<Map>),
    /// Rows of priors from `prior` on; so many of the columns are offsets.
    Heads { prior: usize, offset_columns: usize },
}

/// Writes down a whole network; returns the slots of its input and its predictions.
pub(crate) fn record(
    recording: &mut Recording<'_>,
    header: &Header,
    model: &Ssd,
    images: usize,
    precision: Precision,
    adapter: Adapter,
) -> (Map, PredictionRows) {
    let (size, priors, classes) = (header.input_size, header.priors.len(), header.classes());
    let rows =
        PredictionRows { slot: recording.kept(images * priors * (4 + classes) * size_of::<f32>()), priors, classes };
    let bytes = images * size * size * 4 * precision.bytes();
    let input = Map { slot: recording.kept(bytes), channels: 3, size: [size; 2] };
    let mut writer = Writer { recording, images, precision, adapter, rows, next_prior: 0 };
    model.run(&mut writer, input);
    (input, rows)
}

impl<'gpu> Writer<'_, 'gpu> {
    /// A writer for single kernels, without a network around them.
    pub(crate) fn alone<'a>(
        recording: &'a mut Recording<'gpu>,
        images: usize,
        precision: Precision,
        adapter: Adapter,
        rows: PredictionRows,
    ) -> Writer<'a, 'gpu> {
        Writer { recording, images, precision, adapter, rows, next_prior: 0 }
    }

    /// A map that later steps read.
    fn map(&mut self, channels: usize, size: [usize; 2]) -> Map {
        let bytes = self.images * size[0] * size[1] * channels.next_multiple_of(4) * self.precision.bytes();
        Map { slot: self.recording.transient(bytes), channels, size }
    }

    fn kernel(&self, shader: &'static Shader, constants: Vec<(&'static str, u32)>) -> Kernel {
        Kernel { shader, constants, precision: if shader.stored { self.precision } else { Precision::Single } }
    }

    /// Adds a launch of `shader` with these constants on `slots`.
    fn launch(
        &mut self,
        label: &str,
        (shader, constants): (&'static Shader, Vec<(&'static str, u32)>),
        slots: &[Slot],
        info: &LayerInfo,
        workgroups: [usize; 3],
    ) {
        let kernel = self.kernel(shader, constants);
        self.recording.push(Dispatch::new(label, kernel, slots, info, workgroups));
    }

    /// What a kernel has to know of a convolution, whatever kernel it is.
    fn info(&self, shape: &ConvShape) -> LayerInfo {
        let [height_in, width_in] = shape.size_in.map(|size| size as u32);
        let [height_out, width_out] = shape.size_out().map(|size| size as u32);
        let rows = self.rows;
        LayerInfo {
            height_in,
            width_in,
            quads_in: shape.channels_in.div_ceil(4) as u32,
            height_out,
            width_out,
            rows: self.images as u32 * height_out * width_out,
            quads_out: shape.channels_out.div_ceil(4) as u32,
            columns: shape.channels_out as u32,
            kernel: shape.kernel as u32,
            stride: shape.stride as u32,
            padding: shape.padding as u32,
            dilation: shape.dilation as u32,
            activation: match shape.activation {
                Activation::None => convolution::NONE,
                Activation::Relu => convolution::RELU,
                Activation::Relu6 => convolution::RELU6,
                Activation::HardSwish => convolution::HARD_SWISH,
                Activation::HardSigmoid => convolution::HARD_SIGMOID,
            },
            parts: 1,
            priors: rows.priors as u32,
            classes: rows.classes as u32,
            logits_start: rows.logits_start(self.images) as u32,
            ..LayerInfo::default()
        }
    }

    fn convolution(&mut self, label: &str, step: &ConvStep<'_>, x: Map, residual: Option<Map>) -> Map {
        let shape = step.shape([self.images, x.channels, x.size[0], x.size[1]]);
        let (weights, shift) = step.folded();
        if shape.groups > 1 {
            return self.depthwise(label, &shape, &weights, &shift, x);
        }
        let method = Method::choose(&shape, self.images, &self.adapter, true);
        self.dense(label, &shape, method, &weights, &shift, x, Target::Map(residual))
    }
}

impl Engine for Writer<'_, '_> {
    type Map = Map;

    fn convolve(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map) -> Map {
        self.convolution(&name.to_string(), step, x, None)
    }

    fn convolve_onto(&mut self, name: Arguments<'_>, step: &ConvStep<'_>, x: Map, residual: Map) -> Map {
        self.convolution(&name.to_string(), step, x, Some(residual))
    }

    fn max_pool(&mut self, name: Arguments<'_>, pool: &Pool, x: Map) -> Map {
        self.pool(&name.to_string(), pool, x)
    }

    fn average(&mut self, name: Arguments<'_>, x: Map) -> Map {
        self.mean(&name.to_string(), x)
    }

    fn scale(&mut self, name: Arguments<'_>, x: Map, factors: Map) -> Map {
        self.times(&name.to_string(), x, factors)
    }

    fn l2_norm(&mut self, name: Arguments<'_>, norm: &L2Norm, x: Map) -> Map {
        let scale: Vec<f32> = norm.scale.val().into_data().iter::<f32>().collect();
        self.normalize(&name.to_string(), &scale, x)
    }

    /// Where both branches see the same map through the same window, they are one convolution with more channels.
    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Map), logits: (&ConvStep<'_>, Map)) {
        let name = format!("head{}", level + 1);
        let shape =
            |(step, map): (&ConvStep<'_>, Map)| step.shape([self.images, map.channels, map.size[0], map.size[1]]);
        let (offset_shape, logit_shape) = (shape(offsets), shape(logits));
        let offset_columns = offset_shape.channels_out;
        let prior = self.next_prior;
        let [height, width] = offset_shape.size_out();
        self.next_prior += height * width * offset_columns / 4;
        let adapter = self.adapter;
        let method = |shape: &ConvShape, images| Method::choose(shape, images, &adapter, false);

        let (mut weights, mut shift) = offsets.0.folded();
        let (logit_weights, logit_shift) = logits.0.folded();
        if offsets.1 == logits.1 && offset_shape.kernel == logit_shape.kernel {
            weights.extend(logit_weights);
            shift.extend(logit_shift);
            let shape = ConvShape { channels_out: offset_columns + logit_shape.channels_out, ..offset_shape };
            let target = Target::Heads { prior, offset_columns };
            self.dense(&name, &shape, method(&shape, self.images), &weights, &shift, offsets.1, target);
            return;
        }
        let branches = [
            ("offsets", offset_shape, weights, shift, offsets.1, offset_columns),
            ("logits", logit_shape, logit_weights, logit_shift, logits.1, 0),
        ];
        for (branch, shape, weights, shift, map, offset_columns) in branches {
            let target = Target::Heads { prior, offset_columns };
            self.dense(&format!("{name}.{branch}"), &shape, method(&shape, self.images), &weights, &shift, map, target);
        }
    }
}
