//! Max poolings of planes, forward and backward.

use crate::planes::for_each;
use crate::{Pool, pool};

/// The largest number under each window, NaN where there is one.
///
/// # Shapes
///
/// - `x`: `[planes, H, W]`
/// - output: `[planes, H', W']`
pub(crate) fn forward(of: &Pool, x: &[f32], size: [usize; 2]) -> Vec<f32> {
    let (plane, [height_out, width_out]) = (size[0] * size[1], of.size_out(size));
    let mut out = pool::take(x.len() / plane * height_out * width_out);
    for_each(
        &mut out,
        height_out * width_out,
        || vec![0.0; size[1]],
        #[inline(always)]
        |columns, i, out| {
            let plane = &x[i * plane..][..plane];
            for (y, out) in out.chunks_exact_mut(width_out).enumerate() {
                // Down the columns first, many side by side.
                columns.fill(f32::NEG_INFINITY);
                for row in of.window(0, y, size[0]) {
                    let row = &plane[row * size[1]..][..size[1]];
                    columns.iter_mut().zip(row).for_each(|(largest, number)| *largest = larger(*largest, *number));
                }
                if (of.kernel, of.stride, of.padding.before[1]) == (2, 2, 0) {
                    let (pairs, rest) = columns.as_chunks::<2>();
                    out.iter_mut().zip(pairs).for_each(|(out, [left, right])| *out = larger(*left, *right));
                    if let (Some(out), Some(last)) = (out.get_mut(pairs.len()), rest.first()) {
                        *out = *last;
                    }
                    continue;
                }
                for (x, out) in out.iter_mut().enumerate() {
                    let numbers = &columns[of.window(1, x, size[1])];
                    *out = numbers.iter().fold(f32::NEG_INFINITY, |largest, number| larger(largest, *number));
                }
            }
        },
    );
    out
}

/// The gradient by the input from the one by the output: it goes to the first of a window's numbers that is the
/// largest.
///
/// # Shapes
///
/// - `x`, output: `[planes, H, W]`; `y`, what [`forward`] made of it, and `gradient`: `[planes, H', W']`
pub(crate) fn backward(of: &Pool, x: &[f32], size: [usize; 2], y: &[f32], gradient: &[f32]) -> Vec<f32> {
    let (plane, [height_out, width_out]) = (size[0] * size[1], of.size_out(size));
    let plane_out = height_out * width_out;
    let mut out = pool::take(x.len());
    for_each(
        &mut out,
        plane,
        || (),
        #[inline(always)]
        |(), i, out| {
            let x = &x[i * plane..][..plane];
            let [y, gradient] = [y, gradient].map(|numbers| &numbers[i * plane_out..][..plane_out]);
            out.fill(0.0);
            for (row_out, (y, gradient)) in y.chunks_exact(width_out).zip(gradient.chunks_exact(width_out)).enumerate()
            {
                let rows = of.window(0, row_out, size[0]);
                for (column_out, (largest, gradient)) in y.iter().zip(gradient).enumerate() {
                    let columns = of.window(1, column_out, size[1]);
                    let places = rows.clone().map(|row| row * size[1] + columns.start..row * size[1] + columns.end);
                    if let Some(place) = places.flatten().find(|place| is_same(x[*place], *largest)) {
                        out[place] += gradient;
                    }
                }
            }
        },
    );
    out
}

/// A NaN is larger than every number.
#[inline(always)]
fn larger(largest: f32, number: f32) -> f32 {
    // One comparison for both: it fails for a NaN on either side.
    if number <= largest || largest.is_nan() { largest } else { number }
}

#[inline(always)]
fn is_same(number: f32, largest: f32) -> bool {
    number == largest || (number.is_nan() && largest.is_nan())
}
