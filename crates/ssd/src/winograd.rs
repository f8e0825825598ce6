//! The meaning of Winograd's kernels, tile by tile: F(4x4, 3x3) with the points 0, ±√½, ±√2 and infinity.
//!
//! `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` for a tile `d` of 6 x 6 pixels and weights `g` of 3 x 3 (Lavin & Gray, arXiv 1509.09308, §4.1).
//! The matrices follow from the points: a row of `Bᵀ` is the polynomial that is zero at all other points, a row of `G` the
//! powers of its point divided by that polynomial there, a column of `Aᵀ` the powers of its point. These points keep the
//! matrices' entries small, and with them the rounding errors.

const POINT: f32 = std::f32::consts::FRAC_1_SQRT_2;
const FAR: f32 = std::f32::consts::SQRT_2;

/// `Bᵀ`: `winograd_input`.
pub const INPUT: [[f32; 6]; 6] = [
    [1.0, 0.0, -2.5, 0.0, 1.0, 0.0],
    [0.0, -2.0 * POINT, -2.0, POINT, 1.0, 0.0],
    [0.0, 2.0 * POINT, -2.0, -POINT, 1.0, 0.0],
    [0.0, -0.5 * FAR, -0.5, FAR, 1.0, 0.0],
    [0.0, 0.5 * FAR, -0.5, -FAR, 1.0, 0.0],
    [0.0, 1.0, 0.0, -2.5, 0.0, 1.0],
];

/// `G`: `winograd_weights`.
pub const WEIGHTS: [[f32; 3]; 6] = [
    [1.0, 0.0, 0.0],
    [1.0 / -1.5, POINT / -1.5, 0.5 / -1.5],
    [1.0 / -1.5, -POINT / -1.5, 0.5 / -1.5],
    [1.0 / 6.0, FAR / 6.0, 2.0 / 6.0],
    [1.0 / 6.0, -FAR / 6.0, 2.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// `Aᵀ`: `winograd_output`.
pub const OUTPUT: [[f32; 6]; 4] = [
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
    [0.0, POINT, -POINT, FAR, -FAR, 0.0],
    [0.0, 0.5, 0.5, 2.0, 2.0, 0.0],
    [0.0, 0.5 * POINT, -0.5 * POINT, 2.0 * FAR, -2.0 * FAR, 1.0],
];

/// `matrix * tile * matrixᵀ` for a square tile.
pub fn transform<const OUT: usize, const IN: usize>(
    matrix: &[[f32; IN]; OUT],
    tile: &[[f32; IN]; IN],
) -> [[f32; OUT]; OUT] {
    let dot = |row: &[f32; IN], values: &dyn Fn(usize) -> f32| -> f32 {
        row.iter().enumerate().map(|(index, factor)| factor * values(index)).sum()
    };
    // Columns first, as the kernels do.
    let mut half = [[0.0; IN]; OUT];
    for (row, out) in matrix.iter().zip(&mut half) {
        *out = std::array::from_fn(|x| dot(row, &|y| tile[y][x]));
    }
    std::array::from_fn(|y| std::array::from_fn(|x| dot(&matrix[x], &|k| half[y][k])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A 3 x 3 convolution of a tile, as it is meant.
    fn direct(tile: &[[f32; 6]; 6], weights: &[[f32; 3]; 3]) -> [[f32; 4]; 4] {
        let taps = || (0..3).flat_map(|ky| (0..3).map(move |kx| (ky, kx)));
        std::array::from_fn(|y| {
            std::array::from_fn(|x| taps().map(|(ky, kx)| tile[y + ky][x + kx] * weights[ky][kx]).sum())
        })
    }

    proptest! {
        #[test]
        fn products_of_transforms_are_a_convolution(
            tile in prop::array::uniform6(prop::array::uniform6(-4.0f32..4.0)),
            weights in prop::array::uniform3(prop::array::uniform3(-2.0f32..2.0)),
        ) {
            let (d, g) = (transform(&INPUT, &tile), transform(&WEIGHTS, &weights));
            let products = std::array::from_fn(|y| std::array::from_fn(|x| d[y][x] * g[y][x]));
            let got = transform(&OUTPUT, &products);
            for (got, want) in got.iter().flatten().zip(direct(&tile, &weights).iter().flatten()) {
                prop_assert!((got - want).abs() < 1e-4, "{got} {want}");
            }
        }
    }
}
