//! The network as a recording: its steps, in the model's order, each by the kernels that suit it.
//!
//! `Writer` implements [`Steps`]: the model calls its steps in order, and each is recorded as launches. Maps are
//! `[image, y, x, channel]` with the channels padded to quads; the heads write straight into the rows of priors.

mod dense;
mod method;
pub(crate) mod pack;
mod simple;
mod winograd;
mod writer;

pub use crate::methods::{Method, Tile};
pub(crate) use method::suits_winograd;
pub use simple::depthwise_constants;
pub(crate) use writer::{Map, PredictionRows, Target, Writer};

use std::fmt::Arguments;

use ssd::Ssd;
use ssd::model::{ConvStep, L2Norm, Pool, Steps};
use ssd::weights::Header;
use ssd_cpu::ConvShape;

use crate::adapter::Adapter;
use crate::kernel::Precision;
use crate::program::Recording;

/// Records a whole network; returns its input and its predictions.
pub(crate) fn record(
    recording: &mut Recording<'_>,
    header: &Header,
    model: &Ssd,
    images: usize,
    precision: Precision,
    adapter: Adapter,
) -> (Map, PredictionRows) {
    let (size, priors, columns) = (header.input_size, header.priors.len(), header.columns());
    let rows =
        PredictionRows { slot: recording.kept(images * priors * (4 + columns) * size_of::<f32>()), priors, columns };
    let bytes = images * size * size * 4 * precision.bytes();
    let input = Map { slot: recording.kept(bytes), channels: 3, size: [size; 2] };
    model.run(&mut Writer::new(recording, images, precision, adapter, rows), input);
    (input, rows)
}

impl Writer<'_, '_> {
    fn convolution(&mut self, label: &str, step: &ConvStep<'_>, x: Map, residual: Option<Map>) -> Map {
        let (weights, shift) = step.folded();
        if step.shape.groups > 1 {
            return self.depthwise(label, &step.shape, &weights, &shift, x);
        }
        let method = Method::choose(&step.shape, x.size, (self.images, self.precision), &self.adapter, true);
        self.dense(label, &step.shape, method, &weights, &shift, x, Target::Map(residual))
    }

    /// A convolution of a head whose first row is `prior`.
    fn head(
        &mut self,
        label: &str,
        shape: &ConvShape,
        (weights, shift): (Vec<f32>, Vec<f32>),
        x: Map,
        (prior, offset_columns): (usize, usize),
    ) {
        let method = Method::choose(shape, x.size, (self.images, self.precision), &self.adapter, false);
        self.dense(label, shape, method, &weights, &shift, x, Target::Heads { prior, offset_columns });
    }
}

impl Steps for Writer<'_, '_> {
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
