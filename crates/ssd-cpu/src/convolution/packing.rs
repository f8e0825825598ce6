//! The weights of a dense convolution in the order in which they are read.

use std::ops::Range;

use crate::ConvShape;
use crate::simd::{Lanes, Vectorized, vectorized};
use crate::tile::tile_size;

/// The most weights of a block and a panel: they mostly stay in a first cache of 32 KiB or more.
const PANEL: usize = 9216;

/// The longest sum that is held in registers before it goes to the output.
const DEEPEST: usize = 256;

/// Where the weights of a block and a panel stand: for each block, for each panel, `[depth, registers * lanes]`.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    steps: Vec<Step>,
    blocks: Vec<Block>,
    panels: Vec<Panel>,
    lanes: usize,
}

/// The weights of a convolution, with zeros where the channels end.
#[derive(Debug)]
pub(super) struct Packing {
    pub(super) layout: Layout,
    pub(super) weights: Vec<f32>,
}

/// Some channels of a tap.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) tap: usize,
    pub(super) channels: Range<usize>,
}

/// Steps whose sum is held in registers.
#[derive(Debug, Clone)]
pub(super) struct Block {
    steps: Range<usize>,
    /// Inputs of the sum that come before this block.
    before: usize,
    depth: usize,
}

/// Output channels that are made together.
#[derive(Debug, Clone, Copy)]
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
        let layout = Layout::new(shape);
        let (channels_in, channels_out, taps) = (shape.channels_in, shape.channels_out, shape.taps());
        // A vector that grows ends up to twice as long, and wasm's memory never shrinks.
        let mut packed = Vec::with_capacity(layout.length(layout.blocks()));
        for block in layout.blocks() {
            for panel in &layout.panels {
                for step in layout.steps(block) {
                    for channel in step.channels.clone() {
                        packed.extend((panel.first..panel.first + layout.width(panel)).map(|out| {
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
        Self { layout, weights: packed }
    }
}

impl Layout {
    pub(super) fn new(shape: &ConvShape) -> Self {
        let (lanes, widest) = vectorized(Measure);
        let deepest = (PANEL / (lanes * widest)).min(DEEPEST);
        let steps = steps(shape, deepest);
        let blocks = blocks(&steps, deepest);
        Self { steps, blocks, panels: panels(shape.channels_out, lanes, widest), lanes }
    }

    /// For the product of one of Winograd's planes: the channels of each block of a tap, to some of the panels.
    pub(super) fn of_plane(&self, panels: &[Panel]) -> Self {
        let first = panels.first().map_or(0, |panel| panel.first);
        let panels = panels.iter().map(|panel| Panel { first: panel.first - first, ..*panel }).collect();
        let steps: Vec<Step> = self.steps.iter().filter(|step| step.tap == 0).cloned().collect();
        let block = |(i, step): (usize, &Step)| {
            let Range { start, end } = step.channels;
            Block { steps: i..i + 1, before: start, depth: end - start }
        };
        Self { blocks: steps.iter().enumerate().map(block).collect(), steps, panels, lanes: self.lanes }
    }

    /// For each tap, where the weights from a step's channels to a panel stand.
    pub(super) fn taps(&self, step: &Step, panel: &Panel) -> impl Iterator<Item = Range<usize>> {
        let width = self.width(panel);
        self.blocks().flat_map(move |block| {
            let mut next = self.range(0, block, panel).start;
            self.steps(block).iter().filter_map(move |other| {
                let start = next;
                next += other.channels.len() * width;
                (other.channels == step.channels).then_some(start..next)
            })
        })
    }

    /// How many weights some of the blocks have, with the zeros.
    pub(super) fn length(&self, blocks: Range<usize>) -> usize {
        self.channels() * self.blocks[blocks].iter().map(|block| block.depth).sum::<usize>()
    }

    /// Output channels, rounded up to whole registers.
    pub(super) fn channels(&self) -> usize {
        self.panels.iter().map(|panel| self.width(panel)).sum()
    }

    /// Output channels of a panel.
    pub(super) fn width(&self, panel: &Panel) -> usize {
        panel.registers * self.lanes
    }

    pub(super) fn blocks(&self) -> Range<usize> {
        0..self.blocks.len()
    }

    pub(super) fn panels(&self) -> &[Panel] {
        &self.panels
    }

    pub(super) fn steps(&self, block: usize) -> &[Step] {
        &self.steps[self.blocks[block].steps.clone()]
    }

    /// Where the weights of a block and a panel stand, from those of the block `first` on.
    #[inline(always)]
    pub(super) fn range(&self, first: usize, block: usize, panel: &Panel) -> Range<usize> {
        let (block, before) = (&self.blocks[block], self.blocks[first].before);
        let start = (block.before - before) * self.channels() + block.depth * panel.first;
        start..start + block.depth * self.width(panel)
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
