//! The forward pass.

use super::product::{Product, Weights};
use super::{BAND, Map, Runs, bands, parts};
use crate::activation::Bounds;
use crate::grid::{Grid, SLACK, is_pointwise};
use crate::planes::for_each_piece;
use crate::simd::vectorized;
use crate::{ConvShape, pool};

/// `clamp(x * weight + bias)`.
///
/// # Shapes
///
/// - `x`: `[B, I, H, W]`; `weight`: `[O, I, k, k]`; `bias`: `[O]`
/// - output: `[B, O, H', W']`
pub(crate) fn forward(
    shape: &ConvShape,
    x: &[f32],
    size @ [height, width]: [usize; 2],
    weight: &[f32],
    bias: &[f32],
    bounds: Bounds,
) -> Vec<f32> {
    let grid = Grid::new(shape, size);
    let (image, plane_out) = (shape.channels_in * height * width, grid.size_out.iter().product::<usize>());
    let batch = x.len() / image;
    let weights = Weights::new(weight, shape.channels_in * shape.taps());
    let parts = parts(shape.channels_out, batch);
    let rows = shape.channels_out / parts;
    let mut out = pool::take(batch * shape.channels_out * plane_out);
    for_each_piece(&mut out, rows * plane_out, Scratch::default, |scratch, i, out| {
        let image = &x[i / parts * image..][..image];
        let rows = i % parts * rows..(i % parts + 1) * rows;
        if is_pointwise(shape) {
            let map = Map::Runs(Runs { numbers: image, plane: plane_out, offsets: &[0] });
            let (shift, columns) = (Some(bias), plane_out);
            vectorized(Product { weights: &weights, rows, shift, bounds, columns, map, out, stride: plane_out });
            return;
        }
        let [height_out, width_out] = grid.size_out;
        for band in bands(height_out, grid.pitch, BAND) {
            let (plane, columns) = (grid.plane(band.len()), band.len() * grid.pitch);
            scratch.laid_out.resize(shape.channels_in * plane + SLACK, 0.0);
            for (plane, laid_out) in image.chunks_exact(height * width).zip(scratch.laid_out.chunks_exact_mut(plane)) {
                grid.spread(plane, band.clone(), laid_out);
            }
            let offsets = grid.offsets(band.len());
            let map = Map::Runs(Runs { numbers: &scratch.laid_out, plane, offsets: &offsets });
            scratch.sums.resize(rows.len() * columns, 0.0);
            let (sums, rows) = (&mut scratch.sums, rows.clone());
            vectorized(Product {
                weights: &weights,
                rows,
                shift: Some(bias),
                bounds,
                columns,
                map,
                out: sums,
                stride: columns,
            });
            for (sums, out) in scratch.sums.chunks_exact(columns).zip(out.chunks_exact_mut(plane_out)) {
                let rows = out[band.start * width_out..].chunks_exact_mut(width_out);
                for (from, to) in sums.chunks_exact(grid.pitch).zip(rows) {
                    to.copy_from_slice(&from[..width_out]);
                }
            }
        }
    });
    out
}

/// Memory that a thread uses again and again.
#[derive(Default)]
struct Scratch {
    laid_out: Vec<f32>,
    sums: Vec<f32>,
}
