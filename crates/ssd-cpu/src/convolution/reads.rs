//! What of the input each position of the output reads.

use std::ops::Range;

use super::shape::ConvolutionShape;

/// For each position of a range and each tap where the channels start that it multiplies.
pub(super) struct Reads(Vec<usize>);

/// Around the map: so far that adding to it does not overflow, and beyond the end of every slice.
const OUTSIDE: usize = usize::MAX / 2;

impl Reads {
    pub(super) fn new(
        shape: &ConvolutionShape,
        [height, width]: [usize; 2],
        width_out: usize,
        positions: Range<usize>,
    ) -> Self {
        let &ConvolutionShape { channels_in, kernel, stride, padding, dilation, .. } = shape;
        if (kernel, stride, padding) == (1, 1, 0) {
            return Self(positions.map(|position| position * channels_in).collect());
        }
        let taps = || (0..kernel).flat_map(|row| (0..kernel).map(move |column| (row * dilation, column * dilation)));
        // From the first tap to each, where all are inside.
        let offsets: Vec<usize> = taps().map(|(row, column)| (row * width + column) * channels_in).collect();
        let reach = (kernel - 1) * dilation;
        let mut starts = vec![OUTSIDE; positions.len() * shape.taps()];
        let (mut row, mut column) = (positions.start / width_out, positions.start % width_out);
        for starts in starts.chunks_exact_mut(shape.taps()) {
            // What would be before the first wraps around, so it is not before the end either.
            let (top, left) = ((row * stride).wrapping_sub(padding), (column * stride).wrapping_sub(padding));
            if top < height.saturating_sub(reach) && left < width.saturating_sub(reach) {
                let first = (top * width + left) * channels_in;
                for (start, offset) in starts.iter_mut().zip(&offsets) {
                    *start = first + offset;
                }
            } else {
                for (start, (down, right)) in starts.iter_mut().zip(taps()) {
                    let (row, column) = (top.wrapping_add(down), left.wrapping_add(right));
                    if row < height && column < width {
                        *start = (row * width + column) * channels_in;
                    }
                }
            }
            column += 1;
            if column == width_out {
                (row, column) = (row + 1, 0);
            }
        }
        Self(starts)
    }

    /// Position by position, tap by tap.
    #[inline(always)]
    pub(super) fn all(&self) -> &[usize] {
        &self.0
    }

    /// What is read, copied together: for each position `[taps, channels]`, zeros for what is around the map.
    pub(super) fn gather(&self, input: &[f32], channels: usize) -> Vec<f32> {
        let mut gathered = vec![0.0; self.0.len() * channels];
        for (start, to) in self.0.iter().zip(gathered.chunks_exact_mut(channels)) {
            if let Some(from) = input.get(*start..start + channels) {
                // Three numbers, mostly: fewer than a call of `memcpy` would cost.
                for (to, from) in to.iter_mut().zip(from) {
                    *to = *from;
                }
            }
        }
        gathered
    }

    /// The reads of a 1x1 convolution of `positions` times `channels` numbers.
    pub(super) fn rows(positions: usize, channels: usize) -> Self {
        Self((0..positions).map(|position| position * channels).collect())
    }
}
