//! The network as a recording: its steps, in the order that the model gives them, each by the kernels that suit it.
//!
//! `Writer` is an [`Engine`]: the model says what follows what, and here it is written down as launches. Maps are
//! `[image, y, x, channel]` with the channels filled up to quads; the heads write straight into the rows of priors.

mod dense;
mod method;
pub(crate) mod pack;
mod simple;
mod winograd;

pub(crate) use method::suits_winograd;
pub use method::{Method, Tile};
pub use simple::depthwise_constants;

use std::fmt::Arguments;

use ssd::Ssd;
use ssd::model::{ConvStep, Engine, L2Norm, Pool};
use ssd::weights::Header;
use ssd_cpu::{Activation, ConvShape};

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
    fn info(&self, shape: &ConvShape, size_in: [usize; 2]) -> LayerInfo {
        let [height_in, width_in] = size_in.map(|size| size as u32);
        let [height_out, width_out] = shape.size_out(size_in).map(|size| size as u32);
        let [pad_top, pad_left] = shape.padding.before.map(|size| size as u32);
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
            pad_top,
            pad_left,
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
        let (weights, shift) = step.folded();
        if step.shape.groups > 1 {
            return self.depthwise(label, &step.shape, &weights, &shift, x);
        }
        let method = Method::choose(&step.shape, x.size, self.images, &self.adapter, true);
        self.dense(label, &step.shape, method, &weights, &shift, x, Target::Map(residual))
    }

    /// A convolution of a head, whose rows begin with `prior`.
    fn head(
        &mut self,
        label: &str,
        shape: &ConvShape,
        (weights, shift): (Vec<f32>, Vec<f32>),
        x: Map,
        (prior, offset_columns): (usize, usize),
    ) {
        let method = Method::choose(shape, x.size, self.images, &self.adapter, false);
        self.dense(label, shape, method, &weights, &shift, x, Target::Heads { prior, offset_columns });
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

    fn predict(&mut self, level: usize, offsets: (&ConvStep<'_>, Map), logits: (&ConvStep<'_>, Map)) {
        let name = format!("head{}", level + 1);
        let offset_columns = offsets.0.shape.channels_out;
        let prior = self.next_prior;
        let [height, width] = offsets.0.shape.size_out(offsets.1.size);
        self.next_prior += height * width * offset_columns / 4;

        let (mut weights, mut shift) = offsets.0.folded();
        let (logit_weights, logit_shift) = logits.0.folded();
        if let Some(shape) = side_by_side(&offsets.0.shape, &logits.0.shape, offsets.1 == logits.1) {
            weights.extend(logit_weights);
            shift.extend(logit_shift);
            self.head(&name, &shape, (weights, shift), offsets.1, (prior, offset_columns));
            return;
        }
        self.head(&format!("{name}.offsets"), &offsets.0.shape, (weights, shift), offsets.1, (prior, offset_columns));
        self.head(&format!("{name}.logits"), &logits.0.shape, (logit_weights, logit_shift), logits.1, (prior, 0));
    }
}

/// Both branches of a head as one convolution with more channels, if they see the same map through the same window.
pub(crate) fn side_by_side(offsets: &ConvShape, logits: &ConvShape, same_map: bool) -> Option<ConvShape> {
    let both = ConvShape { channels_out: offsets.channels_out + logits.channels_out, ..*offsets };
    (same_map && both == ConvShape { channels_out: both.channels_out, ..*logits }).then_some(both)
}
