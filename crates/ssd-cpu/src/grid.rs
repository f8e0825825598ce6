//! Where the numbers of a band of rows stand while a product of matrices reads them.
//!
//! The taps of a convolution fall into `stride * stride` phases: the rows and columns of the padded map with the same
//! remainder. In a grid, each phase of a plane lies by itself, and an output row takes as many places (the pitch) as a
//! row of a phase. So output `p` of the band finds its tap `k` at `offsets[k] + p`, and all outputs together read one
//! contiguous run for each tap. The places from an output row's end up to the pitch are computed and thrown away; there
//! are few of them, since the zeros that a row begins with are also those that the row before it ends with.

use std::ops::Range;

use crate::simd::MOST_LANES;
use crate::{ConvShape, Padding};

/// Numbers behind a grid that may be read, but are not used: the last run may end in the midst of a register.
pub(crate) const SLACK: usize = 8 * MOST_LANES;

#[derive(Debug)]
pub(crate) struct Grid {
    pub(crate) stride: usize,
    before: [usize; 2],
    pub(crate) size: [usize; 2],
    pub(crate) size_out: [usize; 2],
    /// Rows and columns of a phase from the first tap to the last.
    pub(crate) reach: usize,
    /// Places of an output row.
    pub(crate) pitch: usize,
    pub(crate) taps: Vec<Tap>,
}

/// Where a tap reads, relative to its output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tap {
    pub(crate) phase: usize,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl Grid {
    pub(crate) fn new(shape: &ConvShape, size: [usize; 2]) -> Self {
        let &ConvShape { kernel, stride, dilation, .. } = shape;
        let size_out = shape.size_out(size);
        let reach = (kernel - 1) * dilation / stride;
        let tap = |k: usize| {
            let [row, column] = [k / kernel * dilation, k % kernel * dilation];
            Tap { phase: row % stride * stride + column % stride, row: row / stride, column: column / stride }
        };
        let taps = (0..shape.taps()).map(tap).collect();
        let mut grid = Self { stride, before: shape.padding.before, size, size_out, reach, pitch: size_out[1], taps };
        grid.pitch = (0..stride).map(|phase| grid.narrowest(phase)).fold(size_out[1], usize::max);
        grid
    }

    /// The least pitch at which the columns of a phase find what they read: the numbers of a row up to the last that a
    /// tap reads have to fit, and what a tap reads beyond the pitch has to lie in the zeros before the next row.
    fn narrowest(&self, phase: usize) -> usize {
        let of_phase = self.taps.iter().filter(|tap| tap.phase % self.stride == phase);
        let Some(reach) = of_phase.map(|tap| tap.column).max() else { return 0 };
        let read = self.size_out[1] + reach;
        let (start, first) = self.start(phase);
        let end = start + self.size[1].saturating_sub(first).div_ceil(self.stride);
        end.min(read).max(read - start.min(read))
    }

    /// Numbers of the input's planes in a band of `rows` output rows.
    pub(crate) fn plane(&self, rows: usize) -> usize {
        self.stride * self.stride * self.phase(rows)
    }

    fn phase(&self, rows: usize) -> usize {
        // What the last row reads beyond the pitch.
        (rows + self.reach) * self.pitch + self.reach
    }

    /// From an output of a band of `rows` rows to each tap.
    pub(crate) fn offsets(&self, rows: usize) -> Vec<usize> {
        let offset = |tap: &Tap| tap.phase * self.phase(rows) + tap.row * self.pitch + tap.column;
        self.taps.iter().map(offset).collect()
    }

    /// Lays out what the output rows of `band` read of a plane.
    #[inline(always)]
    pub(crate) fn spread(&self, plane: &[f32], band: Range<usize>, laid_out: &mut [f32]) {
        for (phase, to) in laid_out.chunks_exact_mut(self.phase(band.len())).enumerate() {
            let [down, right] = [phase / self.stride, phase % self.stride];
            let (columns, first) = self.columns(right);
            let (to, beyond) = to.split_at_mut((band.len() + self.reach) * self.pitch);
            beyond.fill(0.0);
            for (row, to) in (band.start..).zip(to.chunks_exact_mut(self.pitch)) {
                let Some(y) = self.input_row(row, down) else {
                    to.fill(0.0);
                    continue;
                };
                let row = plane[y * self.size[1]..][..self.size[1]].get(first..).unwrap_or_default();
                to[..columns.start].fill(0.0);
                to[columns.end..].fill(0.0);
                spread_row(row, self.stride, &mut to[columns.clone()]);
            }
        }
    }

    /// The way back for one phase: takes the numbers of the input from where [`Self::spread`] puts them, the first row
    /// of `from` being row `first_row` of the phase.
    #[inline(always)]
    pub(crate) fn collect(&self, from: &[f32], phase: usize, first_row: usize, plane: &mut [f32]) {
        let [down, right] = [phase / self.stride, phase % self.stride];
        let (columns, first) = self.columns(right);
        for (row, from) in (first_row..).zip(from.chunks_exact(self.pitch)) {
            if let Some(y) = self.input_row(row, down) {
                let row = plane[y * self.size[1]..][..self.size[1]].get_mut(first..).unwrap_or_default();
                collect_row(&from[columns.clone()], self.stride, row);
            }
        }
    }

    /// The row of the input that lies in row `row` of a phase.
    #[inline(always)]
    fn input_row(&self, row: usize, phase: usize) -> Option<usize> {
        (row * self.stride + phase).checked_sub(self.before[0]).filter(|y| *y < self.size[0])
    }

    /// The columns of a phase that hold the input's, and the input's first of them.
    fn columns(&self, phase: usize) -> (Range<usize>, usize) {
        let (start, first) = self.start(phase);
        let count = self.size[1].saturating_sub(first).div_ceil(self.stride);
        (start.min(self.pitch)..(start + count).min(self.pitch), first)
    }

    /// The first column of a phase that holds one of the input's, and which one.
    fn start(&self, phase: usize) -> (usize, usize) {
        let start = self.before[1].saturating_sub(phase).div_ceil(self.stride);
        (start, start * self.stride + phase - self.before[1])
    }

    /// Numbers of a plane's gradient as [`gather`](crate::upstream::gather) lays out a band of `rows` rows.
    pub(crate) fn gathered(&self, rows: usize) -> usize {
        self.reach + (rows + self.reach) * self.pitch
    }

    /// Where the run of a tap starts in a gathered gradient.
    pub(crate) fn start_of_run_back(&self, tap: usize) -> usize {
        let Tap { row, column, .. } = self.taps[tap];
        self.reach * (self.pitch + 1) - row * self.pitch - column
    }

    /// Rows of a phase that hold rows of the input.
    pub(crate) fn phase_rows(&self) -> usize {
        (self.size[0] + self.before[0]).div_ceil(self.stride)
    }
}

/// Every `stride`-th number of `row`.
#[inline(always)]
fn spread_row(row: &[f32], stride: usize, to: &mut [f32]) {
    match stride {
        1 => copy(&row[..to.len()], to),
        // In pairs, which the compiler takes apart in registers.
        2 => {
            let (pairs, rest) = row.as_chunks::<2>();
            for (to, [number, _]) in to.iter_mut().zip(pairs) {
                *to = *number;
            }
            if let (Some(to), Some(number)) = (to.get_mut(pairs.len()), rest.first()) {
                *to = *number;
            }
        }
        stride => {
            for (to, group) in to.iter_mut().zip(row.chunks(stride)) {
                *to = group[0];
            }
        }
    }
}

/// To every `stride`-th number of `row`.
#[inline(always)]
fn collect_row(from: &[f32], stride: usize, row: &mut [f32]) {
    match stride {
        1 => copy(from, row),
        2 => {
            let (pairs, rest) = row.as_chunks_mut::<2>();
            let last = from.get(pairs.len());
            for ([number, _], from) in pairs.iter_mut().zip(from) {
                *number = *from;
            }
            if let (Some(number), Some(last)) = (rest.first_mut(), last) {
                *number = *last;
            }
        }
        stride => {
            for (group, from) in row.chunks_mut(stride).zip(from) {
                group[0] = *from;
            }
        }
    }
}

/// Copies a few registers: too few for a call of `memcpy`.
#[inline(always)]
pub(crate) fn copy(from: &[f32], to: &mut [f32]) {
    let (whole, rest) = from.as_chunks::<8>();
    let (to, to_rest) = to[..from.len()].as_chunks_mut::<8>();
    for (to, from) in to.iter_mut().zip(whole) {
        *to = *from;
    }
    for (to, from) in to_rest.iter_mut().zip(rest) {
        *to = *from;
    }
}

/// Whether the input is the grid: the product reads it where it lies.
pub(crate) fn is_pointwise(shape: &ConvShape) -> bool {
    (shape.kernel, shape.stride, shape.padding) == (1, 1, Padding::NONE)
}
