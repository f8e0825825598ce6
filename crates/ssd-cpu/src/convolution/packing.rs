//! The weights of a dense convolution in the order in which they are read.

use std::ops::Range;

use crate::ConvShape;
use crate::simd::{Lanes, Vectorized, vectorized};
use crate::tile::tile_size;

/// The most weights of a block and a panel: they mostly stay in a first cache of 32 KiB or more.
const PANEL: usize = 9216;

/// The longest sum that is held in registers before it goes to the output.
const DEEPEST: usize = 256;

#[derive(Debug)]
pub(super) struct Packing {
    steps: Vec<Step>,
    blocks: Vec<Block>,
    panels: Vec<Panel>,
    lanes: usize,
    /// For each block, for each panel: `[depth, registers * lanes]`, zeros where the channels end.
    weights: Vec<f32>,
}

/// Some channels of a tap.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) tap: usize,
    pub(super) channels: Range<usize>,
}

/// Steps whose sum is held in registers.
#[derive(Debug)]
pub(super) struct Block {
    steps: Range<usize>,
    /// Inputs of the sum that come before this block.
    before: usize,
    depth: usize,
}

/// Output channels that are made together.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) first: usize,
    pub(super) registers: usize,
}

/// Lanes, and the registers of a tile that are side by side.
struct Measure;

impl Vectorized for Measure {
    type Output = (usize, usize);

    #[inline(always)]
    fn run<L: Lanes>(self) -> (usize, usize) {
        (L::count(), tile_size::<L>().1)
    }
}

impl Packing {
    pub(super) fn new(shape: &ConvShape, weights: &[f32]) -> Self {
        let (lanes, widest) = vectorized(Measure);
        let panels = panels(shape.channels_out, lanes, widest);
        let steps = steps(shape, (PANEL / (lanes * widest)).min(DEEPEST));
        let blocks = blocks(&steps, (PANEL / (lanes * widest)).min(DEEPEST));
        let (channels_in, channels_out, taps) = (shape.channels_in, shape.channels_out, shape.taps());
        let mut packed = Vec::new();
        for block in &blocks {
            for panel in &panels {
                for step in &steps[block.steps.clone()] {
                    for channel in step.channels.clone() {
                        packed.extend((panel.first..panel.first + panel.registers * lanes).map(|out| {
                            if out < channels_out {
                                weights[(out * channels_in + channel) * taps + step.tap]
                            } else {
                                0.0
                            }
                        }));
                    }
                }
            }
        }
        Self { steps, blocks, panels, lanes, weights: packed }
    }

    /// Output channels, rounded up to whole registers.
    pub(super) fn channels(&self) -> usize {
        self.panels.iter().map(|panel| panel.registers * self.lanes).sum()
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(super) fn panels(&self) -> &[Panel] {
        &self.panels
    }

    pub(super) fn steps(&self, block: &Block) -> &[Step] {
        &self.steps[block.steps.clone()]
    }

    /// `[depth, registers * lanes]`
    pub(super) fn weights(&self, block: &Block, panel: &Panel) -> &[f32] {
        let start = block.before * self.channels() + block.depth * panel.first;
        &self.weights[start..][..block.depth * panel.registers * self.lanes]
    }
}

/// Panels of nearly the same width: a narrow one reads the same inputs for fewer products.
fn panels(channels: usize, lanes: usize, widest: usize) -> Vec<Panel> {
    let registers = channels.div_ceil(lanes);
    let count = registers.div_ceil(widest);
    let starts = |i: usize| i * registers / count;
    (0..count).map(|i| Panel { first: starts(i) * lanes, registers: starts(i + 1) - starts(i) }).collect()
}

/// All taps, their channels in equal parts of at most `deepest`.
fn steps(shape: &ConvShape, deepest: usize) -> Vec<Step> {
    let parts = shape.channels_in.div_ceil(deepest);
    let start = |part: usize| part * shape.channels_in / parts;
    let of_tap = |tap| (0..parts).map(move |part| Step { tap, channels: start(part)..start(part + 1) });
    (0..shape.taps()).flat_map(of_tap).collect()
}

/// Consecutive steps whose depths add up to at most `deepest`.
fn blocks(steps: &[Step], deepest: usize) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut before = 0;
    for (i, step) in steps.iter().enumerate() {
        let depth = step.channels.len();
        match blocks.last_mut() {
            Some(block) if block.depth + depth <= deepest => {
                block.steps.end = i + 1;
                block.depth += depth;
            }
            _ => blocks.push(Block { steps: i..i + 1, before, depth }),
        }
        before += depth;
    }
    blocks
}
