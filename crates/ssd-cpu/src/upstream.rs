//! The gradient that comes back from an output, and its way into a grid.

use std::ops::Range;

use crate::activation::Bounds;
use crate::grid::{Grid, copy};
use crate::simd::{Lanes, MOST_LANES};

/// The gradient of an output, with the output where an activation followed that let only some of its numbers through.
#[derive(Clone, Copy)]
pub(crate) struct Upstream<'a> {
    pub(crate) gradient: &'a [f32],
    /// The output, and the bounds of its activation.
    pub(crate) clamped: Option<(&'a [f32], Bounds)>,
}

impl<'a> Upstream<'a> {
    /// A part of it.
    #[inline(always)]
    pub(crate) fn part(&self, part: Range<usize>) -> Self {
        Self {
            gradient: &self.gradient[part.clone()],
            clamped: self.clamped.map(|(output, bounds)| (&output[part], bounds)),
        }
    }

    /// What passes through the activation, to the start of `to`.
    #[inline(always)]
    pub(crate) fn pass<L: Lanes>(&self, to: &mut [f32]) {
        let Some((output, bounds)) = self.clamped else {
            copy(self.gradient, to);
            return;
        };
        let (least, most) = (L::splat(bounds.least), L::splat(bounds.most));
        let (count, length) = (L::count(), self.gradient.len());
        let (output, to) = (&output[..length], &mut to[..length]);
        let mut i = 0;
        while i + count <= length {
            L::load(&self.gradient[i..]).where_between(L::load(&output[i..]), least, most).store(&mut to[i..]);
            i += count;
        }
        if i < length {
            let [mut gradients, mut outputs] = [[0.0; MOST_LANES]; 2];
            gradients[..length - i].copy_from_slice(&self.gradient[i..]);
            outputs[..length - i].copy_from_slice(&output[i..]);
            L::load(&gradients).where_between(L::load(&outputs), least, most).store(&mut gradients);
            to[i..].copy_from_slice(&gradients[..length - i]);
        }
    }
}

/// Lays out the gradient of a plane so that what comes back through a tap is one run for a whole phase of the input:
/// the rows of `band` and as many before it as a tap reaches, each followed by zeros up to the pitch; before all, as
/// many zeros as a tap reaches columns.
#[inline(always)]
pub(crate) fn gather<L: Lanes>(grid: &Grid, upstream: Upstream<'_>, band: Range<usize>, to: &mut [f32]) {
    let [height, width] = grid.size_out;
    to[..grid.reach].fill(0.0);
    for (i, to) in to[grid.reach..].chunks_exact_mut(grid.pitch).enumerate() {
        match (band.start + i).checked_sub(grid.reach).filter(|y| *y < height) {
            Some(y) => {
                upstream.part(y * width..(y + 1) * width).pass::<L>(to);
                to[width..].fill(0.0);
            }
            None => to.fill(0.0),
        }
    }
}
