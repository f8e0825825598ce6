//! Which way a dense convolution takes: tap by tap, or by Winograd's transform.

use super::transforms::PLANES;
use super::winograd::{rounds, tiles};
use crate::ConvShape;

/// How a dense convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Taps,
    Winograd,
}

/// What Winograd's transforms cost beside its products, in the time of a multiplication.
pub(super) struct Costs {
    /// Of all weights between two channels.
    weights: f32,
    /// Of a number of the input or the output.
    map: f32,
}

/// Of the vector units of processors.
const NATIVE: Costs = Costs { weights: 600.0, map: 26.0 };

/// Of wasm, where a product takes longer and a transform hardly does.
const WASM: Costs = Costs { weights: 280.0, map: 15.0 };

/// Of this machine.
pub(super) const COSTS: Costs = if cfg!(target_arch = "wasm32") { WASM } else { NATIVE };

impl Way {
    /// The faster one on maps of `size_in`, each thread taking its share: Winograd's takes fewer multiplications, but
    /// its transforms take time, those of the weights whatever the size of the map.
    pub(super) fn choose(shape: &ConvShape, size_in: [usize; 2], threads: usize, costs: &Costs) -> Self {
        if !suits_winograd(shape) {
            return Self::Taps;
        }
        let positions = shape.size_out(size_in).iter().product::<usize>().div_ceil(threads);
        let [rows, columns] = tiles(shape, size_in);
        let tiles = rows.div_ceil(threads) * columns;
        // For each pair of an input and an output channel.
        let taps = (shape.taps() * positions) as f32;
        let maps = costs.map / shape.channels_in as f32 + costs.map / shape.channels_out as f32;
        let winograd = (PLANES * tiles) as f32 * (1.0 + maps) + costs.weights * rounds(shape, tiles) as f32;
        if winograd < taps { Self::Winograd } else { Self::Taps }
    }
}

/// Whether Winograd's transform computes such a convolution at all. The padding does not matter: a tile reads zeros
/// wherever there is no map.
pub(super) fn suits_winograd(shape: &ConvShape) -> bool {
    matches!(shape, ConvShape { kernel: 3, stride: 1, dilation: 1, groups: 1, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Channels in and out, side of the map, and how many times as fast as tap by tap Winograd's way was on one thread:
    /// natively with AVX2 and in wasm (V8 11.3, without relaxed SIMD), by processor time, medians. EPYC virtual
    /// machine, 2026-11-30.
    const MEASURED: [(usize, usize, usize, f32, f32); 26] = [
        (8, 8, 150, 0.99, 1.08),
        (16, 16, 150, 0.98, 1.63),
        (24, 24, 75, 1.26, 1.60),
        (32, 32, 75, 1.40, 1.84),
        (48, 48, 75, 1.63, 1.93),
        (64, 64, 75, 2.04, 2.35),
        (16, 64, 75, 1.04, 1.73),
        (64, 16, 75, 1.51, 1.84),
        (128, 128, 38, 2.13, 2.30),
        (256, 256, 19, 1.80, 2.16),
        (64, 64, 19, 1.07, 2.08),
        (512, 512, 19, 2.02, 2.08),
        (256, 256, 10, 0.90, 1.22),
        (512, 512, 10, 0.94, 1.38),
        (128, 128, 10, 0.77, 0.99),
        (64, 64, 10, 0.92, 1.20),
        (512, 512, 8, 0.77, 1.70),
        (512, 512, 5, 0.39, 0.85),
        (128, 256, 5, 0.53, 0.73),
        (256, 256, 3, 0.18, 0.40),
        (512, 24, 38, 1.77, 2.09),
        (256, 100, 5, 0.46, 0.51),
        (64, 64, 300, 2.15, 2.34),
        (128, 128, 150, 2.42, 3.10),
        (256, 256, 75, 2.37, 2.50),
        (512, 512, 38, 2.57, 2.28),
    ];

    #[test]
    fn the_measured_shapes_take_the_faster_way() {
        for (channels_in, channels_out, size, native, wasm) in MEASURED {
            for (costs, gain) in [(&NATIVE, native), (&WASM, wasm)] {
                let shape = ConvShape::dense(channels_in, channels_out, 3);
                let way = Way::choose(&shape, [size; 2], 1, costs);
                let faster = if gain > 1.0 { Way::Winograd } else { Way::Taps };
                // Within a tenth neither is.
                assert!(way == faster || (0.9..1.1).contains(&gain), "{shape:?} at {size} takes {way:?}: {gain}");
            }
        }
    }

    #[test]
    fn threads_with_few_tiles_each_go_tap_by_tap() {
        let shape = ConvShape::dense(512, 512, 3);
        let ways = [1, 2, 16].map(|threads| Way::choose(&shape, [19; 2], threads, &NATIVE));
        assert_eq!(ways, [Way::Winograd, Way::Winograd, Way::Taps]);
    }
}
