//! How a dense convolution is done: with which tile, in how many parts, or by Winograd's transform. The rules, for
//! whatever the table of [`crate::methods`] does not know better.

use ssd_cpu::ConvShape;

use crate::adapter::Adapter;
use crate::kernel::Precision;
use crate::methods::{self, Method, Tile};
use crate::wgsl::winograd;

/// The most that the planes of a Winograd product may take, so that they stay in a large card's cache and the
/// paper's network in f32 below 300 MiB (`twins::network`).
const WINOGRAD_BYTES: usize = 32 << 20;

impl Method {
    /// The method for a shape and so many images of `size_in` on an adapter: what was measured, or by the rules.
    /// `to_map`: its output is a feature map, not predictions.
    pub(crate) fn choose(
        shape: &ConvShape,
        size_in: [usize; 2],
        (images, precision): (usize, Precision),
        adapter: &Adapter,
        to_map: bool,
    ) -> Self {
        let measured = methods::find(adapter.measured, shape, size_in, (images, precision));
        let possible = |method: &Self| to_map || !matches!(method, Self::Winograd(..));
        measured.filter(possible).unwrap_or_else(|| Self::by_rule(shape, size_in, images, adapter, to_map))
    }

    fn by_rule(shape: &ConvShape, size_in: [usize; 2], images: usize, adapter: &Adapter, to_map: bool) -> Self {
        let [height, width] = shape.size_out(size_in);
        if to_map && winograd_pays(shape, height * width, adapter) {
            return Self::winograd(shape, size_in, images, adapter);
        }
        if !adapter.barriers {
            return Self::Plain;
        }
        let (rows, columns) = (images * height * width, shape.channels_out);
        let tile = tile(rows, columns, adapter);
        let slices = (shape.taps() * shape.channels_in).div_ceil(tile.depth);
        // Where the tiles leave cores idle, the sum is split, down to four slices a part.
        let wanted = (4 * adapter.cores).div_ceil(tile.tiles(rows, columns));
        let parts = if tile == Tile::SMALL { wanted.min(slices / 4).clamp(1, 16) } else { 1 };
        Self::Tiled(tile, parts)
    }

    /// Winograd, with the tile and the bands that suit.
    pub(crate) fn winograd(shape: &ConvShape, size_in: [usize; 2], images: usize, adapter: &Adapter) -> Self {
        let tiles = images * tiles(shape, size_in).iter().product::<usize>();
        let planes = winograd::PLANES as usize;
        let bytes = planes * tiles * (shape.channels_in + shape.channels_out) * size_of::<f32>();
        let bands = bytes.div_ceil(WINOGRAD_BYTES).clamp(1, tiles);
        let rows = planes * tiles / bands;
        Self::Winograd(adapter.barriers.then(|| tile(rows, shape.channels_out, adapter)), bands)
    }
}

/// Whether Winograd's way is one for this shape. The padding does not matter: a tile reads zeros wherever there is no
/// map.
pub(crate) fn suits_winograd(shape: &ConvShape) -> bool {
    matches!(shape, ConvShape { kernel: 3, stride: 1, dilation: 1, groups: 1, .. })
}

/// Winograd tiles of an image: down, across.
pub(crate) fn tiles(shape: &ConvShape, size_in: [usize; 2]) -> [usize; 2] {
    shape.size_out(size_in).map(|size| size.div_ceil(winograd::TILE as usize))
}

/// The largest tile of which each core gets two, or the small one.
fn tile(rows: usize, columns: usize, adapter: &Adapter) -> Tile {
    let large = if adapter.large_tiles { &[Tile::LARGE, Tile::MEDIUM][..] } else { &[Tile::MEDIUM][..] };
    let enough = |tile: &&Tile| columns > 32 && tile.tiles(rows, columns) >= 2 * adapter.cores;
    large.iter().find(enough).copied().unwrap_or(Tile::SMALL)
}

/// The transform has to save more multiplications than its traffic costs, and its weights are four times as many: it
/// takes many channels, a map of some size, and on cards with much arithmetic for their bandwidth more than 64
/// channels.
fn winograd_pays(shape: &ConvShape, pixels: usize, adapter: &Adapter) -> bool {
    let least = if adapter.cores > 100 { 128 } else { 64 };
    suits_winograd(shape) && shape.channels_in >= least && shape.channels_out >= 64 && pixels >= 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose((channels_in, channels_out, kernel): (usize, usize, usize), size: usize, adapter: &Adapter) -> Method {
        let shape = ConvShape::dense(channels_in, channels_out, kernel);
        Method::choose(&shape, [size; 2], (1, Precision::Single), adapter, true)
    }

    #[test]
    fn what_was_measured_comes_before_the_rules_where_it_is_possible() {
        let (shape, size) = (ConvShape::dense(64, 64, 3), [300; 2]);
        let measured = Method::Winograd(Some(Tile::SMALL), 2);
        let rows = vec![methods::Row::new(&shape, size, (8, Precision::Half), measured)];
        let adapter = &Adapter { measured: rows.leak(), ..Adapter::HARDWARE };
        let choose = |asked, to_map| Method::choose(&shape, size, asked, adapter, to_map);
        assert_eq!(choose((8, Precision::Half), true), measured);
        assert_ne!(choose((8, Precision::Half), false), measured, "predictions are no map");
        assert_ne!(choose((8, Precision::Single), true), measured);
        assert_ne!(choose((1, Precision::Half), true), measured);
    }

    #[test]
    fn large_maps_take_winograd_in_bands_and_small_ones_split_their_sum() {
        let hardware = &Adapter::HARDWARE;
        assert_eq!(choose((64, 64, 3), 300, hardware), Method::Winograd(Some(Tile::LARGE), 4));
        assert!(matches!(choose((512, 512, 3), 38, hardware), Method::Winograd(_, 1)));
        // 192 small tiles are enough for 40 cores, not for 132; 4 tiles are enough for nobody.
        assert_eq!(choose((512, 512, 3), 19, hardware), Method::Tiled(Tile::SMALL, 1));
        let large = &Adapter { cores: 132, ..Adapter::HARDWARE };
        assert_eq!(choose((512, 512, 3), 19, large), Method::Tiled(Tile::SMALL, 3));
        assert_eq!(choose((128, 256, 3), 3, hardware), Method::Tiled(Tile::SMALL, 16));
        // The gates of MobileNetV3: six tiles, of one row each.
        assert_eq!(choose((672, 168, 1), 1, hardware), Method::Tiled(Tile::SMALL, 10));
    }

    #[test]
    fn a_tile_fits_what_every_device_grants() {
        for tile in [Tile::SMALL, Tile::MEDIUM, Tile::LARGE] {
            assert!(tile.threads() <= 256);
            assert!((tile.rows + tile.columns) * tile.depth * size_of::<f32>() <= 16 << 10);
            // conv.wgsl fetches one, two or four rows a thread, and a whole number of quads of weights.
            let lanes = tile.threads() / (tile.depth / 4);
            assert!([1, 2, 4].contains(&(tile.rows / lanes)) && tile.rows % lanes == 0);
            assert_eq!(tile.depth * tile.columns / 4 % tile.threads(), 0);
        }
    }

    #[test]
    fn without_barriers_no_kernel_has_one() {
        let adapter = &Adapter { barriers: false, ..Adapter::HARDWARE };
        assert_eq!(choose((64, 64, 3), 300, adapter), Method::Winograd(None, 4));
        assert_eq!(choose((512, 512, 3), 19, adapter), Method::Plain);
    }
}
