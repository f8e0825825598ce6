//! What the parts of a network are recorded with: its maps, and the writer that adds launches.

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
    /// Logits of a prior.
    pub(crate) columns: usize,
}

/// Records a network.
pub(crate) struct Writer<'a, 'gpu> {
    pub(crate) recording: &'a mut Recording<'gpu>,
    pub(crate) images: usize,
    pub(crate) precision: Precision,
    pub(crate) adapter: Adapter,
    pub(super) rows: PredictionRows,
    pub(super) next_prior: usize,
}

/// Where the sums of a dense convolution go.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Into a feature map, with another one added before the activation if there is one.
    Map(Option<Map>),
    /// Into the rows of priors from `prior` on; the first `offset_columns` columns are offsets.
    Heads { prior: usize, offset_columns: usize },
}

impl<'gpu> Writer<'_, 'gpu> {
    /// A writer before its first step.
    pub(crate) fn new<'a>(
        recording: &'a mut Recording<'gpu>,
        images: usize,
        precision: Precision,
        adapter: Adapter,
        rows: PredictionRows,
    ) -> Writer<'a, 'gpu> {
        Writer { recording, images, precision, adapter, rows, next_prior: 0 }
    }

    /// A map that later steps read.
    pub(super) fn map(&mut self, channels: usize, size: [usize; 2]) -> Map {
        let bytes = self.images * size[0] * size[1] * channels.next_multiple_of(4) * self.precision.bytes();
        Map { slot: self.recording.transient(bytes), channels, size }
    }

    pub(super) fn kernel(&self, shader: &'static Shader, constants: Vec<(&'static str, u32)>) -> Kernel {
        Kernel { shader, constants, precision: if shader.stored { self.precision } else { Precision::Single } }
    }

    /// Adds a launch of `shader` with these constants on `slots`.
    pub(super) fn launch(
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

    /// The `info` of any kernel for a convolution.
    pub(super) fn info(&self, shape: &ConvShape, size_in: [usize; 2]) -> LayerInfo {
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
            logits: rows.columns as u32,
            logits_start: (self.images * rows.priors * 4) as u32,
            ..LayerInfo::default()
        }
    }
}
