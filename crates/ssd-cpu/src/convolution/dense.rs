//! A dense convolution as a product of matrices that reads the map where it lies: with the channels of a position side
//! by side, a tap multiplies a contiguous run, and nothing has to be rearranged.

use super::packing::Packing;
use super::product::Product;
use super::reads::Reads;
use super::way::suits_winograd;
use super::winograd::Winograd;
use crate::planes::threads;
use crate::simd::vectorized;
use crate::{ConvShape, Padding};

/// About the most numbers of the output in a part: they stay in the second cache from block to block.
const PART: usize = 1 << 16;

/// The longest sum whose inputs are copied together first: a step of three channels is too short for the loop.
const GATHERED: usize = 64;

/// Output positions of a part, in whole tiles: every thread gets the same number of parts of about the same size.
pub(super) fn part(positions: usize, channels: usize) -> usize {
    let rounds = (positions * channels).div_ceil(PART * threads());
    positions.div_ceil(rounds * threads()).next_multiple_of(8)
}

#[derive(Debug)]
pub(super) struct Dense {
    shape: ConvShape,
    /// The shape of the product: 1x1 where the inputs are copied together first.
    product: ConvShape,
    packing: Packing,
    /// By output channel, with zeros up to the end of the last register.
    shift: Vec<f32>,
    /// Read in place of the padding, or of a shift.
    zeros: Vec<f32>,
}

impl Dense {
    /// The lengths are known to fit.
    pub(super) fn new(shape: ConvShape, weights: &[f32], shift: &[f32]) -> Self {
        let (depth, taps) = (shape.channels_in * shape.taps(), shape.taps());
        let (product, packing) = if taps > 1 && depth <= GATHERED {
            let product =
                ConvShape { channels_in: depth, kernel: 1, stride: 1, padding: Padding::NONE, dilation: 1, ..shape };
            // From tap by tap for each channel to channel by channel for each tap.
            let gathered = weights.chunks_exact(depth).flat_map(|of_output| {
                (0..depth).map(|i| of_output[i % shape.channels_in * taps + i / shape.channels_in])
            });
            (product, Packing::new(&product, &gathered.collect::<Vec<_>>()))
        } else {
            (shape, Packing::new(&shape, weights))
        };
        let mut shift = shift.to_vec();
        shift.resize(packing.layout.channels(), 0.0);
        let zeros = vec![0.0; product.channels_in.max(shift.len())];
        Self { shape, product, packing, shift, zeros }
    }

    /// A part of a picture, added to the numbers in `out` if `onto`.
    pub(super) fn run(&self, input: &[f32], reads: Reads, out: &mut [f32], onto: bool) {
        if self.product == self.shape {
            self.multiply(input, &reads, out, onto);
        } else {
            let input = &reads.gather(input, self.shape.channels_in);
            let reads = Reads::rows(out.len() / self.shape.channels_out, self.product.channels_in);
            self.multiply(input, &reads, out, onto);
        }
    }

    /// By Winograd's transform, on maps of `size_in`. `None` where the shape does not allow it.
    pub(super) fn winograd(&self, size_in: [usize; 2]) -> Option<Winograd<'_>> {
        let Self { shape, product, packing, shift, zeros } = self;
        (product == shape && suits_winograd(shape)).then(|| Winograd::new(shape, packing, shift, zeros, size_in))
    }

    fn multiply(&self, input: &[f32], reads: &Reads, out: &mut [f32], onto: bool) {
        vectorized(Product {
            layout: &self.packing.layout,
            blocks: self.packing.layout.blocks(),
            weights: &self.packing.weights,
            shift: &self.shift,
            zeros: &self.zeros,
            input,
            reads,
            taps: self.product.taps(),
            out,
            channels: self.shape.channels_out,
            onto,
            activation: self.shape.activation,
        });
    }
}
