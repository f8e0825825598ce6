//! How a dense convolution is done: with which tile, in how many parts, or by Winograd's transform.

use ssd_cpu::ConvShape;

use crate::adapter::Adapter;
use crate::wgsl::winograd;

/// The tile of the matrix product that a workgroup computes, and a thread's share of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Output pixels.
    pub rows: usize,
    /// Output channels.
    pub columns: usize,
    /// Output pixels of a thread.
    pub thread_rows: usize,
    /// Quads of output channels of a thread.
    pub thread_quads: usize,
    /// Terms of the sum in workgroup memory at once.
    pub depth: usize,
}

impl Tile {
    /// 64 threads, 4 KiB.
    pub const SMALL: Self = Self { rows: 32, columns: 32, thread_rows: 4, thread_quads: 1, depth: 16 };
    /// 128 threads, 8 KiB.
    pub const MEDIUM: Self = Self { rows: 64, columns: 64, thread_rows: 8, thread_quads: 1, depth: 16 };
    /// 128 threads, 12 KiB.
    pub const LARGE: Self = Self { rows: 128, columns: 64, thread_rows: 8, thread_quads: 2, depth: 16 };

    /// Threads of a workgroup.
    pub fn threads(&self) -> usize {
        self.rows / self.thread_rows * (self.columns / 4 / self.thread_quads)
    }

    /// The constants of `conv.wgsl`.
    pub fn constants(&self) -> Vec<(&'static str, u32)> {
        let constants = [
            ("TILE_ROWS", self.rows),
            ("TILE_COLUMNS", self.columns),
            ("ROWS", self.thread_rows),
            ("QUADS", self.thread_quads),
            ("DEPTH", self.depth),
            ("STEPS", self.depth / 4),
            ("WEIGHT_FETCHES", self.depth * self.columns / 4 / self.threads()),
        ];
        constants.map(|(name, value)| (name, value as u32)).to_vec()
    }

    fn tiles(&self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.rows) * columns.div_ceil(self.columns)
    }
}

/// A way of doing a dense convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `conv_plain.wgsl`.
    Plain,
    /// `conv.wgsl`, its sum in so many parts (`conv_sum.wgsl` adds them up when there are several).
    Tiled(Tile, usize),
    /// `winograd_*.wgsl` around a product by `conv.wgsl`, in so many bands of tiles.
    Winograd(Option<Tile>, usize),
}

/// The most that the planes of a Winograd product may take, so that they stay in a large card's cache and the
/// paper's network in f32 below 300 MiB (`twins::network`).
const WINOGRAD_BYTES: usize = 32 << 20;

impl Method {
    /// The method for a shape and `images` images of `size_in` on an adapter. `to_map`: its output is a feature map,
    /// not predictions.
    pub(crate) fn choose(
        shape: &ConvShape,
        size_in: [usize; 2],
        images: usize,
        adapter: &Adapter,
        to_map: bool,
    ) -> Self {
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
        Method::choose(&ConvShape::dense(channels_in, channels_out, kernel), [size; 2], 1, adapter, true)
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
