//! Batch norm with given statistics and its activation, plane by plane, in one pass over memory.

use burn::backend::flex::FlexTensor;

use crate::Activation;
use crate::memory::{Values, primitive};
use crate::planes::for_each;

/// The map of a channel: `(x - mean) * scale + shift`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    pub(crate) mean: f32,
    pub(crate) scale: f32,
    pub(crate) shift: f32,
}

impl Channel {
    /// Where the channel's map takes a value.
    #[inline(always)]
    pub(crate) fn of(self, x: f32) -> f32 {
        (x - self.mean) * self.scale + self.shift
    }
}

/// `activation(x * scale + shift)` for each channel. A NaN stays one.
pub(crate) fn scale_shift(x: &Values, scale: &Values, shift: &Values, activation: Activation) -> FlexTensor {
    let channel = |(&scale, &shift): (&f32, &f32)| Channel { mean: 0.0, scale, shift };
    let channels: Vec<Channel> = scale.slice().iter().zip(shift.slice()).map(channel).collect();
    let shape: [usize; 4] = x.shape();
    let (plane, values, bounds) = (shape[2] * shape[3], x.slice(), activation.bounds());
    let mut out = vec![0.0; values.len()];
    for_each(
        &mut out,
        plane,
        || (),
        #[inline(always)]
        |(), i, out| {
            let channel = channels[i % channels.len()];
            let pairs = out.iter_mut().zip(&values[i * plane..][..plane]);
            match bounds {
                Some(bounds) => pairs.for_each(|(out, x)| *out = bounds.clamp(channel.of(*x))),
                None => pairs.for_each(|(out, x)| *out = activation.of(channel.of(*x))),
            }
        },
    );
    primitive(out, shape)
}
