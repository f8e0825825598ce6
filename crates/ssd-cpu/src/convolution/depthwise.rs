//! A depthwise convolution: each channel by itself, so there is no product of matrices in it. The channels of a position are in
//! the lanes.

use std::ops::Range;

use super::kernel::{Finish, MOST_LANES, finish};
use super::reads::Reads;
use super::shape::ConvolutionShape;
use crate::planes::{for_each_task, threads};
use crate::simd::{Lanes, Vectorized, vectorized};

/// Parts of the output for each thread, so that one that is late does not hold up all.
const PARTS: usize = 4;

/// Numbers of the output that are made, register after register of channels, before the next positions: so many that what they read
/// stays in the second cache.
const BAND: usize = 1 << 14;

#[derive(Debug)]
pub(super) struct Depthwise {
    shape: ConvolutionShape,
    /// `[taps, channels]`, the channels in whole registers.
    weights: Vec<f32>,
    /// Likewise.
    shift: Vec<f32>,
}

impl Depthwise {
    /// The lengths are known to fit.
    pub(super) fn new(shape: ConvolutionShape, weights: &[f32], shift: &[f32]) -> Self {
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

    /// One picture. With `onto`, adds to what `out` holds.
    pub(super) fn run(&self, input: &[f32], size_in: [usize; 2], size_out: [usize; 2], out: &mut [f32], onto: bool) {
        let channels = self.shape.channels_out;
        let length = (size_out[0] * size_out[1]).div_ceil(PARTS * threads());
        let tasks: Vec<_> = out.chunks_mut(length * channels).enumerate().collect();
        for_each_task(
            tasks,
            || (),
            |(), (index, out)| {
                let positions = index * length..index * length + out.len() / channels;
                let reads = Reads::new(&self.shape, size_in, size_out[1], positions);
                vectorized(Run { depthwise: self, input, reads, out, onto });
            },
        );
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
                // What is outside is beyond the end, too.
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
