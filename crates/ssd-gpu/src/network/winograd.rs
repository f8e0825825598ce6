//! 3x3 convolutions by Winograd's transform: tiles to 36 planes, a matrix product for each plane, and back.
//!
//! F(4x4, 3x3): Lavin & Gray, arXiv 1509.09308, with the points 0, ±√½, ±√2, whose rounding errors are half of those of
//! the integer points. The planes are 32 bits wide. Large maps are done in bands of tiles, so that the planes stay
//! small.

use ssd_cpu::ConvShape;

use super::dense::{Product, weights_stride};
use super::method::tiles;
use super::pack;
use super::writer::{Map, Writer};
use crate::kernel::Kernel;
use crate::methods::Tile;
use crate::program::{Dispatch, Slot};
use crate::wgsl::{LayerInfo, WINOGRAD_INPUT, WINOGRAD_OUTPUT, WINOGRAD_WEIGHTS, winograd};

const PLANES: usize = winograd::PLANES as usize;

impl Writer<'_, '_> {
    /// Weights `[O, I, 3, 3]` and shift `[O]`; the input, and the residual.
    pub(super) fn winograd(
        &mut self,
        label: &str,
        shape: &ConvShape,
        tile: Option<Tile>,
        bands: usize,
        (weights, shift): (&[f32], &[f32]),
        (x, residual): (Map, Option<Map>),
    ) -> Map {
        let [tiles_y, tiles_x] = tiles(shape, x.size);
        let total = self.images * tiles_y * tiles_x;
        let per_band = total.div_ceil(bands);
        let (inputs, outputs) = (shape.channels_in.next_multiple_of(4), shape.channels_out.next_multiple_of(4));
        let depth = tile.map_or(inputs, |tile| inputs.next_multiple_of(tile.depth));
        let stride = weights_stride(shape.channels_out, tile);

        let mut info = self.info(shape, x.size);
        (info.tiles_y, info.tiles_x) = (tiles_y as u32, tiles_x as u32);
        (info.weights_stride, info.weights_plane) = (stride as u32, (depth * stride) as u32);
        let planes = self.winograd_weights(label, &info, weights, shape.channels_in);
        let shift = self.recording.floats(label, &pack::channels(shift));
        let out = self.map(shape.channels_out, shape.size_out(x.size));
        let residual = residual.map(|map| map.slot);

        for first in (0..total).step_by(per_band) {
            let count = per_band.min(total - first);
            let transformed = self.recording.transient(PLANES * count * inputs * size_of::<f32>());
            let products = self.recording.transient(PLANES * count * outputs * size_of::<f32>());
            (info.first_tile, info.tiles) = (first as u32, count as u32);
            self.transform(label, &info, count * inputs, Kind::Input { from: x.slot, to: transformed });
            let info_product = LayerInfo {
                // Here a tile is a pixel, and a plane is a map of one row.
                height_in: 1,
                width_in: count as u32,
                height_out: 1,
                width_out: count as u32,
                rows: count as u32,
                kernel: 1,
                pad_top: 0,
                pad_left: 0,
                slices: tile.map_or(0, |tile| (depth / tile.depth) as u32),
                input_plane: (count * inputs / 4) as u32,
                ..info
            };
            let product = Product { info: info_product, tile, input: transformed, weights: planes, depth: PLANES };
            self.planes_product(label, &product, products);
            self.transform(
                label,
                &info,
                count * outputs,
                Kind::Output { from: products, shift, residual, to: out.slot },
            );
        }
        out
    }

    /// The planes of the weights, made once on the GPU.
    fn winograd_weights(&mut self, label: &str, info: &LayerInfo, weights: &[f32], channels_in: usize) -> Slot {
        let inputs = channels_in.next_multiple_of(4);
        let raw = if inputs == channels_in {
            self.recording.raw(label, weights)
        } else {
            let mut filled = Vec::with_capacity(weights.len() / channels_in * inputs);
            for output in weights.chunks_exact(channels_in * 9) {
                filled.extend_from_slice(output);
                filled.resize(filled.len() + (inputs - channels_in) * 9, 0.0);
            }
            self.recording.raw(label, &filled)
        };
        let planes = self.recording.zeros(label, PLANES * info.weights_plane as usize * 16);
        let groups = [WINOGRAD_WEIGHTS.groups(inputs * info.columns as usize), 1, 1];
        let kernel = Kernel::plain(&WINOGRAD_WEIGHTS);
        self.recording.push_once(Dispatch::new(label, kernel, &[raw, planes], info, groups));
        planes
    }

    fn transform(&mut self, label: &str, info: &LayerInfo, threads: usize, kind: Kind) {
        match kind {
            Kind::Input { from, to } => {
                let groups = [WINOGRAD_INPUT.groups(threads), 1, 1];
                self.launch(label, (&WINOGRAD_INPUT, Vec::new()), &[from, to], info, groups);
            }
            Kind::Output { from, shift, residual, to } => {
                let constants = vec![("RESIDUAL", u32::from(residual.is_some()))];
                // The binding is always there; without a residual nothing reads it.
                let slots = [from, shift, residual.unwrap_or(shift), to];
                let groups = [WINOGRAD_OUTPUT.groups(threads), 1, 1];
                self.launch(label, (&WINOGRAD_OUTPUT, constants), &slots, info, groups);
            }
        }
    }
}

/// The transform of tiles to planes, and the one back.
enum Kind {
    Input { from: Slot, to: Slot },
    Output { from: Slot, shift: Slot, residual: Option<Slot>, to: Slot },
}
