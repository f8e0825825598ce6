//! A depthwise convolution: each channel by itself, so there is no product of matrices in it. The channels of a
//! position are in the lanes.

use std::ops::Range;

use super::reads::Reads;
use crate::ConvShape;
use crate::planes::threads;
use crate::simd::{Lanes, MOST_LANES, Vectorized, vectorized};
use crate::tile::{Finish, finish};

/// Parts of the output for each thread: a thread that starts late gets fewer.
const PARTS: usize = 4;

/// Numbers of the output that are made, register after register of channels, before the next positions: their inputs
/// stay in the second cache.
const BAND: usize = 1 << 14;

/// Output positions of a part.
pub(super) fn part(positions: usize) -> usize {
    positions.div_ceil(PARTS * threads())
}

#[derive(Debug)]
pub(super) struct Depthwise {
    shape: ConvShape,
    /// `[taps, channels]`, the channels in whole registers.
    weights: Vec<f32>,
    /// Likewise.
    shift: Vec<f32>,
}

impl Depthwise {
    /// The lengths are known to fit.
    pub(super) fn new(shape: ConvShape, weights: &[f32], shift: &[f32]) -> Self {
        let pitch = shape.channels_out.next_multiple_of(MOST_LANES);
        let mut by_tap = vec![0.0; shape.taps() * pitch];
        for (channel, weights) in weights.chunks_exact(shape.taps()).enumerate() {
            for (tap, weight) in weights.iter().enumerate() {
                by_tap[tap * pitch + channel] = *weight;
            }
        }
        let mut shift = shift.to_vec();
        shift.resize(pitch, 0.0);
        Self { shape, weights: by_tap, shift }
    }

    /// A part of a picture, added to the numbers in `out` if `onto`.
    pub(super) fn run(&self, input: &[f32], reads: Reads, out: &mut [f32], onto: bool) {
        vectorized(Run { depthwise: self, input, reads, out, onto });
    }
}

/// Some neighbouring positions.
struct Run<'a> {
    depthwise: &'a Depthwise,
    input: &'a [f32],
    reads: Reads,
    out: &'a mut [f32],
    onto: bool,
}

impl Vectorized for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let Depthwise { shape, .. } = self.depthwise;
        let wide = L::count() * 2;
        let positions = self.out.len() / shape.channels_out;
        let length = (BAND / shape.channels_out).max(1);
        for first in (0..positions).step_by(length) {
            let band = first..(first + length).min(positions);
            let mut c = 0;
            while c < shape.channels_out {
                let left = shape.channels_out - c;
                if shape.taps() == 9 && left >= wide && L::registers() >= 32 {
                    self.nine_taps::<L, 2>(c, band.clone());
                    c += wide;
                } else if shape.taps() == 9 && left >= L::count() {
                    self.nine_taps::<L, 1>(c, band.clone());
                    c += L::count();
                } else {
                    self.any_taps::<L>(c, band.clone());
                    c += L::count();
                }
            }
        }
    }
}

impl Run<'_> {
    /// `V` whole registers from channel `c` on: their weights are held while the positions go by.
    #[inline(always)]
    fn nine_taps<L: Lanes, const V: usize>(&mut self, c: usize, band: Range<usize>) {
        let Depthwise { shape, weights, shift } = self.depthwise;
        let how = Finish::new(self.onto, shape.activation);
        let channels = V * L::count();
        let mut first = [L::splat(0.0); V];
        let mut held = [[L::splat(0.0); V]; 9];
        for v in 0..V {
            let c = c + v * L::count();
            first[v] = L::load(&shift[c..]);
            for (tap, held) in held.iter_mut().enumerate() {
                held[v] = L::load(&weights[tap * shift.len() + c..]);
            }
        }
        let input = &self.input[c..];
        let outs = self.out[band.start * shape.channels_out..].chunks_exact_mut(shape.channels_out);
        let (reads, _) = self.reads.all().as_chunks::<9>();
        for (starts, out) in reads[band].iter().zip(outs) {
            let mut sums = first;
            for (start, weights) in starts.iter().zip(held) {
                // Reads of the padding lie beyond the end.
                if let Some(numbers) = input.get(*start..*start + channels) {
                    for v in 0..V {
                        sums[v] = L::load(&numbers[v * L::count()..]).times_plus(weights[v], sums[v]);
                    }
                }
            }
            let out = &mut out[c..c + channels];
            for v in 0..V {
                finish(sums[v], how, &mut out[v * L::count()..(v + 1) * L::count()]);
            }
        }
    }

    /// At most a register from channel `c` on, any number of taps.
    #[inline(always)]
    fn any_taps<L: Lanes>(&mut self, c: usize, band: Range<usize>) {
        let Depthwise { shape, weights, shift } = self.depthwise;
        let how = Finish::new(self.onto, shape.activation);
        let count = (shape.channels_out - c).min(L::count());
        let outs = self.out[band.start * shape.channels_out..].chunks_exact_mut(shape.channels_out);
        let reads = &self.reads.all()[band.start * shape.taps()..band.end * shape.taps()];
        for (starts, out) in reads.chunks_exact(shape.taps()).zip(outs) {
            let mut sum = L::load(&shift[c..]);
            for (tap, start) in starts.iter().enumerate() {
                if let Some(numbers) = self.input.get(start + c..start + c + count) {
                    let mut whole = [0.0; MOST_LANES];
                    whole[..count].copy_from_slice(numbers);
                    sum = L::load(&whole).times_plus(L::load(&weights[tap * shift.len() + c..]), sum);
                }
            }
            finish(sum, how, &mut out[c..c + count]);
        }
    }
}
