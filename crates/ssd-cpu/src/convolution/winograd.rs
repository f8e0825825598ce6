//! A 3x3 convolution by Winograd's transform: tiles of the input to 36 planes, a matrix product for each plane, and
//! back. It takes a quarter of the multiplications.
//!
//! The weights stay packed for the other way and are transformed while it runs, a few output channels at a time: they
//! are four times as many afterwards, which costs more to keep and to read than to make.

use std::ops::Range;

use super::packing::{Layout, Packing};
use super::product::Product;
use super::reads::Reads;
use super::transforms::{FromPlanes, PLANES, SIDE, TILE, ToPlanes, WeightsToPlanes};
use crate::buffers::Buffers;
use crate::planes::{for_each_two, threads};
use crate::simd::{MOST_LANES, vectorized};
use crate::tile::Finish;
use crate::{Activation, ConvShape};

/// The most tiles that are transformed together, in whole tiles of every product.
const TILES: usize = 72;

/// About as many output channels are made together.
const GROUP: usize = 32;

/// The most transformed weights that a thread keeps from tiles to tiles; it transforms larger ones anew.
const KEPT: usize = 1 << 20;

/// A convolution on maps of one size.
pub(super) struct Winograd<'a> {
    shape: &'a ConvShape,
    packing: &'a Packing,
    /// By output channel, in whole registers.
    shift: &'a [f32],
    /// As many as there are channels of the input, and of the output.
    zeros: &'a [f32],
    pieces: Vec<Piece>,
    size_in: [usize; 2],
    columns_out: usize,
    /// Rows and columns.
    tiles: [usize; 2],
}

/// Some of the packing's panels, and a block of their sums.
struct Piece {
    panels: Range<usize>,
    /// The first output channel.
    first: usize,
    /// Of a plane's product.
    layout: Layout,
    block: usize,
}

impl<'a> Winograd<'a> {
    pub(super) fn new(
        shape: &'a ConvShape,
        packing: &'a Packing,
        shift: &'a [f32],
        zeros: &'a [f32],
        size_in: [usize; 2],
    ) -> Self {
        let panels = packing.layout.panels();
        let length = (GROUP * panels.len()).div_ceil(packing.layout.channels());
        let mut pieces = Vec::new();
        for start in (0..panels.len()).step_by(length) {
            let of_piece = start..(start + length).min(panels.len());
            let layout = packing.layout.of_plane(&panels[of_piece.clone()]);
            pieces.extend(layout.blocks().map(|block| Piece {
                panels: of_piece.clone(),
                first: panels[start].first,
                layout: layout.clone(),
                block,
            }));
        }
        let [_, columns_out] = shape.size_out(size_in);
        Self { shape, packing, shift, zeros, pieces, size_in, columns_out, tiles: tiles(shape, size_in) }
    }

    /// A picture; added to the numbers in `out` if `onto`.
    pub(super) fn write(&self, input: &[f32], out: &mut [f32], onto: bool, buffers: &Buffers) {
        // About as many rows of tiles for every thread.
        let [tiles_y, tiles_x] = self.tiles;
        let rows = tiles_y.div_ceil(threads());
        let room = self.lengths(rows * tiles_x).iter().sum();
        let mut memory = buffers.take(tiles_y.div_ceil(rows) * room);
        for_each_two(
            (out, rows * TILE * self.columns_out * self.shape.channels_out),
            (memory.values_mut(), room),
            || (),
            |(), index, (out, memory)| self.write_rows(input, index * rows, (out, onto), memory),
        );
    }

    /// Numbers of the transformed input, of the products and of the transformed weights, for so many tiles.
    fn lengths(&self, tiles: usize) -> [usize; 3] {
        let tiles = tiles.min(TILES);
        let longest = |length: fn(&Piece) -> usize| self.pieces.iter().map(length).max().unwrap_or_default();
        let pieces = if kept(self.shape) { self.pieces.len() } else { 1 };
        let products = plane(tiles * longest(Piece::channels));
        [plane(tiles * self.pitch()), products, pieces * longest(Piece::weights_plane)].map(|length| PLANES * length)
    }

    /// Numbers of a plane from tile to tile: more than the channels, lest they compete for the same places of a cache.
    fn pitch(&self) -> usize {
        self.shape.channels_in.next_multiple_of(MOST_LANES) + MOST_LANES
    }

    /// The rows of the output that fill `out`, from those of a row of tiles on, added to the numbers there if `onto`.
    fn write_rows(&self, input: &[f32], row: usize, (out, onto): (&mut [f32], bool), memory: &mut [f32]) {
        let (shape, tiles_x, pitch) = (self.shape, self.tiles[1], self.pitch());
        let first = row * tiles_x;
        let rows = out.len() / (self.columns_out * shape.channels_out);
        let all = rows.div_ceil(TILE) * tiles_x;
        let most = all.div_ceil(all.div_ceil(TILES));
        let kept = kept(shape);
        let lengths = self.lengths(all);
        let of_piece = if kept { lengths[2] / self.pieces.len() } else { lengths[2] };
        let (inputs, rest) = memory.split_at_mut(lengths[0]);
        let (products, weights) = rest.split_at_mut(lengths[1]);

        for start in (0..all).step_by(most) {
            let tiles = start..(start + most).min(all);
            let count = tiles.len();
            self.transform_input(input, first + tiles.start..first + tiles.end, inputs, pitch);
            let reads = Reads::rows(count, pitch);
            for (i, piece) in self.pieces.iter().enumerate() {
                let weights = if kept { &mut weights[i * of_piece..] } else { &mut *weights };
                if start == 0 || !kept {
                    self.transform_weights(piece, weights);
                }
                self.multiply(piece, (inputs, &reads, pitch), weights, products);
                if piece.block + 1 == piece.layout.blocks().end {
                    vectorized(FromPlanes {
                        planes: products,
                        pitch: piece.channels(),
                        plane: plane(count * piece.channels()),
                        shift: &self.shift[piece.first..],
                        out,
                        columns: self.columns_out,
                        channels: shape.channels_out,
                        first: piece.first,
                        tiles: tiles.clone(),
                        tiles_x,
                        finish: Finish::new(onto, shape.activation),
                    });
                }
            }
        }
    }

    fn transform_input(&self, input: &[f32], tiles: Range<usize>, planes: &mut [f32], pitch: usize) {
        // The tiles of the input overlap: a convolution that reads nothing but whole tiles.
        let overlapping = ConvShape { kernel: SIDE, stride: TILE, ..*self.shape };
        let plane = plane(tiles.len() * pitch);
        let reads = &Reads::new(&overlapping, self.size_in, self.tiles[1], tiles);
        let (channels, zeros) = (self.shape.channels_in, self.zeros);
        vectorized(ToPlanes { input, reads, channels, zeros, planes, pitch, plane });
    }

    /// The products of all planes, added to those of the blocks before.
    fn multiply(
        &self,
        piece: &Piece,
        (inputs, reads, pitch): (&[f32], &Reads, usize),
        weights: &[f32],
        products: &mut [f32],
    ) {
        let (tiles, channels) = (reads.all().len(), piece.channels());
        let inputs = inputs.chunks_exact(plane(tiles * pitch));
        let products = products.chunks_exact_mut(plane(tiles * channels));
        let weights = weights.chunks_exact(piece.weights_plane());
        for ((input, weights), out) in inputs.zip(weights).zip(products).take(PLANES) {
            vectorized(Product {
                layout: &piece.layout,
                blocks: piece.block..piece.block + 1,
                weights,
                shift: self.zeros,
                zeros: self.zeros,
                input,
                reads,
                taps: 1,
                out: &mut out[..tiles * channels],
                channels,
                onto: piece.block > 0,
                activation: Activation::None,
            });
        }
    }

    fn transform_weights(&self, piece: &Piece, weights: &mut [f32]) {
        let Packing { layout, weights: packed } = self.packing;
        let panels = layout.panels()[piece.panels.clone()].iter().zip(piece.layout.panels());
        for (panel, in_piece) in panels {
            for step in piece.layout.steps(piece.block) {
                let mut taps = [&packed[..0]; 9];
                for (taps, range) in taps.iter_mut().zip(layout.taps(step, panel)) {
                    *taps = &packed[range];
                }
                let start = piece.layout.range(piece.block, piece.block, in_piece).start;
                vectorized(WeightsToPlanes { taps, planes: &mut weights[start..], plane: piece.weights_plane() });
            }
        }
    }
}

impl Piece {
    /// Output channels, in whole registers.
    fn channels(&self) -> usize {
        self.layout.channels()
    }

    /// Numbers from one plane of the weights to the next.
    fn weights_plane(&self) -> usize {
        plane(self.layout.length(self.block..self.block + 1))
    }
}

/// Numbers from one plane to the next: a few more than it has, lest all planes compete for the same places of a cache.
fn plane(length: usize) -> usize {
    length + MOST_LANES
}

/// Rows and columns of tiles.
pub(super) fn tiles(shape: &ConvShape, size_in: [usize; 2]) -> [usize; 2] {
    shape.size_out(size_in).map(|size| size.div_ceil(TILE))
}

/// How often the weights are transformed for so many tiles.
pub(super) fn rounds(shape: &ConvShape, tiles: usize) -> usize {
    if kept(shape) { 1 } else { tiles.div_ceil(TILES) }
}

/// Whether all transformed weights are kept.
fn kept(shape: &ConvShape) -> bool {
    PLANES * shape.channels_in * shape.channels_out <= KEPT
}
