//! Dense convolutions of planes, forward and backward, as products of matrices.
//!
//! The sums do not depend on the number of threads: threads share the numbers of the output, never the terms of a sum.
mod by_input;
mod by_weight;
mod forward;
mod product;

pub(crate) use self::by_input::by_input;
pub(crate) use self::by_weight::by_weight;
pub(crate) use self::forward::forward;
use std::ops::Range;

use crate::grid::copy;
use crate::planes::threads;
use crate::simd::Lanes;
use crate::upstream::Upstream;

/// About the most places of a band: the runs of all its channels mostly stay in the second cache.
const BAND: usize = 192;

/// `0..rows` in bands of about `places` places at most.
fn bands(rows: usize, pitch: usize, places: usize) -> Vec<Range<usize>> {
    product::cuts(rows, (places / pitch).max(1))
}

/// In how many equal parts the rows of a picture are shared between threads: enough parts for all of them.
fn parts(rows: usize, pictures: usize) -> usize {
    let enough = if threads() == 1 { 1 } else { (2 * threads()).div_ceil(pictures.max(1)) };
    (1..=enough.min(rows)).rev().find(|parts| rows.is_multiple_of(*parts)).unwrap_or(1)
}

/// The map that weights are multiplied with.
#[derive(Clone, Copy)]
enum Map<'a> {
    Runs(Runs<'a>),
    /// Planes of so many numbers.
    Upstream(Upstream<'a>, usize),
}

impl Map<'_> {
    /// Columns of some rows to `panel`, `[rows, width]`; what is behind the last column is free.
    #[inline(always)]
    fn pack<L: Lanes>(&self, rows: Range<usize>, columns: Range<usize>, width: usize, panel: &mut [f32]) {
        match self {
            Self::Runs(runs) => {
                // Channel by channel and tap by tap without a division for each.
                let taps = runs.offsets.len();
                let (mut channel, mut tap) = (rows.start / taps * runs.plane, rows.start % taps);
                for to in panel.chunks_exact_mut(width).take(rows.len()) {
                    let from = &runs.numbers[channel + runs.offsets[tap]..][columns.clone()];
                    if from.len() == width {
                        for (to, from) in to.chunks_exact_mut(L::count()).zip(from.chunks_exact(L::count())) {
                            L::load(from).store(to);
                        }
                    } else {
                        copy(from, to);
                    }
                    tap += 1;
                    if tap == taps {
                        (channel, tap) = (channel + runs.plane, 0);
                    }
                }
            }
            Self::Upstream(upstream, plane) => {
                for (row, to) in rows.zip(panel.chunks_exact_mut(width)) {
                    upstream.part(row * plane + columns.start..row * plane + columns.end).pass::<L>(to);
                }
            }
        }
    }
}

/// For each channel and tap a run of numbers.
#[derive(Clone, Copy)]
struct Runs<'a> {
    numbers: &'a [f32],
    /// Numbers from one channel to the next.
    plane: usize,
    /// From the start of a channel to the run of each tap.
    offsets: &'a [usize],
}

impl<'a> Runs<'a> {
    /// Run `index`, counted channel by channel, tap by tap, and all that is behind it.
    #[inline(always)]
    fn run(&self, index: usize) -> &'a [f32] {
        // A 1x1 convolution has one tap, and no time for a division.
        let taps = self.offsets.len();
        let (channel, tap) = if taps == 1 { (index, 0) } else { (index / taps, index % taps) };
        &self.numbers[channel * self.plane + self.offsets[tap]..]
    }
}
