//! Dense convolutions: a matrix product by `conv.wgsl` or `conv_plain.wgsl`, its sum in one part or several.

use ssd_cpu::ConvShape;

use super::pack;
use super::writer::{Map, Target, Writer};
use crate::kernel::{Precision, Shader};
use crate::methods::{Method, Tile};
use crate::program::Slot;
use crate::wgsl::{
    CONV, CONV_HEADS, CONV_PARTS, CONV_PLAIN, CONV_PLAIN_HEADS, CONV_PLAIN_PARTS, CONV_SUM, CONV_SUM_HEADS, LayerInfo,
    conv_plain,
};

/// A matrix product, without its output.
pub(super) struct Product {
    pub(super) info: LayerInfo,
    /// `None`: `conv_plain.wgsl`.
    pub(super) tile: Option<Tile>,
    pub(super) input: Slot,
    pub(super) weights: Slot,
    /// Along z: parts of the sum, or planes.
    pub(super) depth: usize,
}

/// Where sums go: the shader for each way of getting them, and what it is bound to.
struct Ending {
    tiled: &'static Shader,
    plain: &'static Shader,
    sum: &'static Shader,
    constants: Vec<(&'static str, u32)>,
    /// The bindings after the numbers that are summed.
    slots: Vec<Slot>,
}

impl Writer<'_, '_> {
    /// Weights `[O, I, k, k]`, shift `[O]`. Returns the output map, or the input map where the output is predictions.
    #[allow(clippy::too_many_arguments, reason = "what a convolution is, and where it goes")]
    pub(crate) fn dense(
        &mut self,
        label: &str,
        shape: &ConvShape,
        method: Method,
        weights: &[f32],
        shift: &[f32],
        x: Map,
        target: Target,
    ) -> Map {
        let (tile, parts) = match method {
            Method::Winograd(tile, bands) => {
                let residual = if let Target::Map(residual) = target { residual } else { None };
                return self.winograd(label, shape, tile, bands, (weights, shift), (x, residual));
            }
            Method::Plain => (None, 1),
            Method::Tiled(tile, parts) => (Some(tile), parts),
        };
        let mut info = self.info(shape, x.size);
        let sum = shape.taps() * shape.channels_in.next_multiple_of(4);
        let depth = match tile {
            Some(tile) => {
                info.slices = sum.div_ceil(tile.depth * parts) as u32;
                info.slices as usize * tile.depth * parts
            }
            None => sum,
        };
        let stride = weights_stride(shape.channels_out, tile);
        (info.weights_stride, info.parts) = (stride as u32, parts as u32);
        let precision = self.precision;
        let packed = pack::dense(shape, weights, depth, stride);
        let weights = self.recording.bytes(label, &pack::stored(&packed, precision));
        let shift = self.recording.floats(label, &pack::channels(shift));
        let output = match target {
            Target::Map(_) => self.map(shape.channels_out, shape.size_out(x.size)),
            Target::Heads { .. } => x,
        };
        let ending = self.ending(target, shift, output, x);
        if let Target::Heads { prior, offset_columns } = target {
            (info.prior_base, info.offset_columns) = (prior as u32, offset_columns as u32);
        }
        let product = Product { info, tile, input: x.slot, weights, depth: parts };
        if parts == 1 {
            let shader = if tile.is_some() { ending.tiled } else { ending.plain };
            self.product(label, &product, shader, ending.constants, &ending.slots);
        } else {
            let scratch = self.recording.transient(parts * (info.rows * info.quads_out) as usize * 16);
            self.product(label, &product, &CONV_PARTS, Vec::new(), &[scratch]);
            let slots = [&[scratch][..], &ending.slots].concat();
            let groups = [ending.sum.groups((info.rows * info.quads_out) as usize), 1, 1];
            self.launch(label, (ending.sum, ending.constants), &slots, &info, groups);
        }
        output
    }

    fn ending(&self, target: Target, shift: Slot, output: Map, input: Map) -> Ending {
        match target {
            Target::Map(residual) => Ending {
                tiled: &CONV,
                plain: &CONV_PLAIN,
                sum: &CONV_SUM,
                constants: vec![("RESIDUAL", u32::from(residual.is_some()))],
                // The binding is always there; without a residual nothing reads it.
                slots: vec![shift, residual.unwrap_or(input).slot, output.slot],
            },
            Target::Heads { .. } => Ending {
                tiled: &CONV_HEADS,
                plain: &CONV_PLAIN_HEADS,
                sum: &CONV_SUM_HEADS,
                constants: Vec::new(),
                slots: vec![shift, self.rows.slot],
            },
        }
    }

    /// One launch of the matrix product.
    fn product(
        &mut self,
        label: &str,
        product: &Product,
        shader: &'static Shader,
        mut constants: Vec<(&'static str, u32)>,
        after: &[Slot],
    ) {
        let Product { info, tile, input, weights, depth } = product;
        let (rows, columns) = (info.rows as usize, info.columns as usize);
        let plain = [conv_plain::TILE_ROWS, 4 * conv_plain::TILE_QUADS].map(|size| size as usize);
        let [tile_rows, tile_columns] = tile.map_or(plain, |tile| [tile.rows, tile.columns]);
        constants.extend(tile.map_or_else(Vec::new, |tile| tile.constants()));
        let slots = [&[*input, *weights][..], after].concat();
        let groups = [rows.div_ceil(tile_rows), columns.div_ceil(tile_columns), *depth];
        self.launch(label, (shader, constants), &slots, info, groups);
    }

    /// The product of Winograd planes, in 32 bits whatever the maps are.
    pub(super) fn planes_product(&mut self, label: &str, product: &Product, output: Slot) {
        let precision = std::mem::replace(&mut self.precision, Precision::Single);
        let shader = if product.tile.is_some() { &CONV_PARTS } else { &CONV_PLAIN_PARTS };
        self.product(label, product, shader, Vec::new(), &[output]);
        self.precision = precision;
    }
}

/// Quads from one row of packed weights to the next.
pub(super) fn weights_stride(columns: usize, tile: Option<Tile>) -> usize {
    columns.next_multiple_of(tile.map_or(4, |tile| tile.columns)) / 4
}
