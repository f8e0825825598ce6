//! Where in the input each position of the output reads.

use std::ops::Range;

use crate::{ConvShape, Padding};

/// For each position of a range and each tap, where the channels start that it multiplies.
pub(super) struct Reads(Vec<usize>);

/// For the padding: beyond the end of every slice, and far enough from overflow to be added to.
const OUTSIDE: usize = usize::MAX / 2;

impl Reads {
    pub(super) fn new(
        shape: &ConvShape,
        [height, width]: [usize; 2],
        width_out: usize,
        positions: Range<usize>,
    ) -> Self {
        let &ConvShape { channels_in, kernel, stride, padding, dilation, .. } = shape;
        let [above, left_of] = padding.before;
        if (kernel, stride, padding) == (1, 1, Padding::NONE) {
            return Self(positions.map(|position| position * channels_in).collect());
        }
        let taps = || (0..kernel).flat_map(|row| (0..kernel).map(move |column| (row * dilation, column * dilation)));
        // From the first tap to each, where all are inside.
        let offsets: Vec<usize> = taps().map(|(row, column)| (row * width + column) * channels_in).collect();
        let reach = (kernel - 1) * dilation;
        let mut starts = vec![OUTSIDE; positions.len() * shape.taps()];
        let (mut row, mut column) = (positions.start / width_out, positions.start % width_out);
        for starts in starts.chunks_exact_mut(shape.taps()) {
            // A negative coordinate wraps around and is beyond the last one.
            let (top, left) = ((row * stride).wrapping_sub(above), (column * stride).wrapping_sub(left_of));
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

    /// The inputs copied together: for each position `[taps, channels]`, zeros for the padding.
    pub(super) fn gather(&self, input: &[f32], channels: usize) -> Vec<f32> {
        let mut gathered = vec![0.0; self.0.len() * channels];
        for (start, to) in self.0.iter().zip(gathered.chunks_exact_mut(channels)) {
            if let Some(from) = input.get(*start..start + channels) {
                // Mostly three numbers, too few for a call of `memcpy`.
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
