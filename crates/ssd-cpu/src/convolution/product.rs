//! A product of matrices whose rows are read where they lie: position by position, tap by tap.
//!
//! Sums are cut into blocks of taps and channels, so that the weights of a block and a panel of output channels stay in
//! the first cache while all positions pass over them.

use std::ops::Range;

use super::packing::{Layout, Panel, Step};
use super::reads::Reads;
use crate::Activation;
use crate::simd::{Lanes, Vectorized};
use crate::tile::{Finish, Sums, add_products, finish, with_tile};

/// Some positions, all channels.
pub(super) struct Product<'a> {
    pub(super) layout: &'a Layout,
    /// Blocks of the layout.
    pub(super) blocks: Range<usize>,
    /// As the layout says, from those of the first block on.
    pub(super) weights: &'a [f32],
    /// By output channel, in whole registers: where the sums start.
    pub(super) shift: &'a [f32],
    /// As many as the channels of the input: read in place of the padding.
    pub(super) zeros: &'a [f32],
    pub(super) input: &'a [f32],
    pub(super) reads: &'a Reads,
    pub(super) taps: usize,
    /// `[positions, channels]`
    pub(super) out: &'a mut [f32],
    pub(super) channels: usize,
    /// Whether the sums are added to the numbers in `out`.
    pub(super) onto: bool,
    pub(super) activation: Activation,
}

impl Vectorized for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let layout = self.layout;
        let blocks = self.blocks.clone();
        for block in blocks.clone() {
            let (is_first, is_last) = (block == blocks.start, block + 1 == blocks.end);
            let activation = if is_last { self.activation } else { Activation::None };
            let finish = Finish::new(self.onto || !is_first, activation);
            for panel in layout.panels() {
                let steps = layout.steps(block);
                let weights = &self.weights[layout.range(blocks.start, block, panel)];
                let work = Work { steps, weights, panel, is_first, finish };
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

impl Product<'_> {
    /// All positions of the part.
    #[inline(always)]
    fn pass<L: Lanes, const M: usize, const V: usize>(&mut self, work: &Work<'_>) {
        let channels = self.channels;
        let positions = self.out.len() / channels;
        let mut shift = [L::splat(0.0); V];
        if work.is_first {
            for (v, shift) in shift.iter_mut().enumerate() {
                *shift = L::load(&self.shift[work.panel.first + v * L::count()..]);
            }
        }
        let mut first = 0;
        while first < positions {
            let tile = first..(first + M).min(positions);
            let sums = self.tile::<L, M, V>(work, tile.clone(), [shift; M]);
            let end = (work.panel.first + V * L::count()).min(channels);
            for (position, sums) in tile.zip(&sums) {
                let out = &mut self.out[position * channels..][work.panel.first..end];
                for (v, &sum) in sums.iter().enumerate() {
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
        let mut weights = work.weights;
        for step in work.steps {
            let depth = step.channels.len();
            let mut numbers = [&self.zeros[..depth]; M];
            for (i, numbers) in numbers.iter_mut().enumerate() {
                let start =
                    self.reads.all()[(tile.start + i).min(tile.end - 1) * self.taps + step.tap] + step.channels.start;
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
