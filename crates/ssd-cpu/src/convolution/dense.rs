//! A dense convolution as a product of matrices that reads the map where it lies: with the channels of a position side
//! by side, a tap multiplies a contiguous run, and nothing has to be rearranged.
//!
//! Sums are cut into blocks of taps and channels, so that the weights of a block and a panel of output channels stay in
//! the first cache while all positions of a part pass over them.

use std::ops::Range;

use super::packing::{Packing, Panel, Step};
use super::reads::Reads;
use crate::planes::threads;
use crate::simd::{Lanes, Vectorized, vectorized};
use crate::tile::{Finish, Sums, add_products, finish, with_tile};
use crate::{Activation, ConvShape, Padding};

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
    /// Read in place of the padding.
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
        shift.resize(packing.channels(), 0.0);
        Self { shape, product, packing, shift, zeros: vec![0.0; product.channels_in] }
    }

    /// A part of a picture, added to the numbers in `out` if `onto`.
    pub(super) fn run(&self, input: &[f32], reads: Reads, out: &mut [f32], onto: bool) {
        if self.product == self.shape {
            vectorized(Run { dense: self, input, reads, out, onto });
        } else {
            let input = &reads.gather(input, self.shape.channels_in);
            let reads = Reads::rows(out.len() / self.shape.channels_out, self.product.channels_in);
            vectorized(Run { dense: self, input, reads, out, onto });
        }
    }
}

/// Some neighbouring positions, all channels.
struct Run<'a> {
    dense: &'a Dense,
    input: &'a [f32],
    reads: Reads,
    out: &'a mut [f32],
    onto: bool,
}

impl Vectorized for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let (packing, last) = (&self.dense.packing, self.dense.packing.blocks().len() - 1);
        for (i, block) in packing.blocks().iter().enumerate() {
            let activation = if i == last { self.dense.shape.activation } else { Activation::None };
            let finish = Finish::new(self.onto || i > 0, activation);
            for panel in packing.panels() {
                let steps = packing.steps(block);
                let weights = packing.weights(block, panel);
                let work = Work { steps, weights, panel, is_first: i == 0, finish };
                with_tile!(L, panel.registers, self.pass(&work));
            }
        }
    }
}

/// A block of the sum for a panel of channels.
struct Work<'a> {
    steps: &'a [Step],
    weights: &'a [f32],
    panel: &'a Panel,
    is_first: bool,
    finish: Finish,
}

impl Run<'_> {
    /// All positions of the part.
    #[inline(always)]
    fn pass<L: Lanes, const M: usize, const V: usize>(&mut self, work: &Work<'_>) {
        let channels = self.dense.shape.channels_out;
        let positions = self.out.len() / channels;
        let mut shift = [L::splat(0.0); V];
        if work.is_first {
            for (v, shift) in shift.iter_mut().enumerate() {
                *shift = L::load(&self.dense.shift[work.panel.first + v * L::count()..]);
            }
        }
        let mut first = 0;
        while first < positions {
            let tile = first..(first + M).min(positions);
            let sums = self.tile::<L, M, V>(work, tile.clone(), [shift; M]);
            for (position, sums) in tile.zip(sums) {
                let end = (work.panel.first + V * L::count()).min(channels);
                let out = &mut self.out[position * channels..][work.panel.first..end];
                for (v, sum) in sums.into_iter().enumerate() {
                    let start = (v * L::count()).min(out.len());
                    let end = (start + L::count()).min(out.len());
                    finish(sum, work.finish, &mut out[start..end]);
                }
            }
            first += M;
        }
    }

    /// The sums at some positions. If these are fewer than the tile has rows, the last position fills the rest.
    #[inline(always)]
    fn tile<L: Lanes, const M: usize, const V: usize>(
        &self,
        work: &Work<'_>,
        tile: Range<usize>,
        mut sums: Sums<L, M, V>,
    ) -> Sums<L, M, V> {
        let taps = self.dense.product.taps();
        let mut weights = work.weights;
        for step in work.steps {
            let depth = step.channels.len();
            let mut numbers = [&self.dense.zeros[..depth]; M];
            for (i, numbers) in numbers.iter_mut().enumerate() {
                let start =
                    self.reads.all()[(tile.start + i).min(tile.end - 1) * taps + step.tap] + step.channels.start;
                // Reads of the padding lie beyond the end.
                if let Some(inside) = self.input.get(start..start + depth) {
                    *numbers = inside;
                }
            }
            add_products::<L, M, V>(numbers, weights, &mut sums);
            weights = &weights[depth * V * L::count()..];
        }
        sums
    }
}
