//! A convolution by the loops over planes: which one, forward and backward.

use burn::backend::flex::FlexTensor;

use crate::activation::Bounds;
use crate::memory::{Values, primitive};
use crate::upstream::Upstream;
use crate::{ConvShape, dense, depthwise};

/// A convolution that the loops know, for inputs of one size.
#[derive(Debug, Clone)]
pub(crate) struct Planar {
    shape: ConvShape,
    /// Of the input, `[B, C, H, W]`.
    dims: [usize; 4],
    bounds: Bounds,
}

impl Planar {
    /// `None` for groups of several channels, for activations that do more than clamp, and where tensors of
    /// these dimensions do not fit the shape.
    pub(crate) fn of(shape: &ConvShape, dims: [usize; 4], weight: [usize; 4]) -> Option<Self> {
        let &ConvShape { channels_in, channels_out, groups, kernel, activation, .. } = shape;
        let is_depthwise = groups == channels_in && groups == channels_out;
        let [_, channels, height, width] = dims;
        let fits = channels == channels_in && weight == [channels_out, channels_in / groups, kernel, kernel];
        let is_known = (groups == 1 || is_depthwise) && fits && !shape.size_out([height, width]).contains(&0);
        is_known.then_some(())?;
        Some(Self { shape: *shape, dims, bounds: activation.bounds()? })
    }

    /// One channel is both dense and depthwise.
    fn is_dense(&self) -> bool {
        self.shape.groups == 1
    }

    pub(crate) fn channels_out(&self) -> usize {
        self.shape.channels_out
    }

    fn size(&self) -> [usize; 2] {
        [self.dims[2], self.dims[3]]
    }

    pub(crate) fn forward(&self, x: &Values, weight: &Values, bias: &Values) -> FlexTensor {
        let run = if self.is_dense() { dense::forward } else { depthwise::forward };
        let out = run(&self.shape, x.slice(), self.size(), weight.slice(), bias.slice(), self.bounds);
        let [height, width] = self.shape.size_out(self.size());
        primitive(out, [self.dims[0], self.shape.channels_out, height, width])
    }

    /// Whether the gradient depends on the output.
    pub(crate) fn clamps(&self) -> bool {
        self.bounds.least.is_finite() || self.bounds.most.is_finite()
    }

    /// By input, by weight and by bias; only those that are wanted. `output` is there if [`Self::clamps`].
    pub(crate) fn gradients(
        &self,
        [x, weight, gradient]: [&Values; 3],
        output: Option<&Values>,
        wanted: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let (shape, size) = (&self.shape, self.size());
        let clamped = output.map(|output| (output.slice(), self.bounds));
        let upstream = Upstream { gradient: gradient.slice(), clamped };
        let (by_input, by_parameters) = if self.is_dense() {
            let by_input = wanted[0].then(|| dense::by_input(shape, size, upstream, weight.slice()));
            (by_input, (wanted[1] || wanted[2]).then(|| dense::by_weight(shape, x.slice(), size, upstream)))
        } else {
            let [by_input, by_weight, by_bias] = depthwise::backward(shape, x.slice(), size, weight.slice(), upstream);
            (Some(by_input), Some((by_weight, by_bias)))
        };
        let (by_weight, by_bias) = by_parameters.unzip();
        [
            by_input.map(|values| primitive(values, self.dims)),
            by_weight.map(|values| primitive(values, weight.shape::<4>())),
            by_bias.map(|values| primitive(values, [shape.channels_out])),
        ]
    }
}
