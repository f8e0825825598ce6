//! What a TensorFlow Lite detector says besides its weights: how pixels enter, the variances, the priors.

use ssd::Arch;
use ssd::codec::Variances;
use ssd::preprocess::Normalization;
use ssd::priors::PriorScheme;

use crate::dtype::DType;
use crate::tflite::{Options, Value};

/// How pixel values become what the file's input stands for.
pub(super) fn normalization(input: &Value) -> Normalization {
    let Some(quantisation) = input.quantisation.as_ref().filter(|_| input.range().is_some()) else {
        // What TensorFlow's MobileNets take.
        return Normalization::UNIT;
    };
    let (scale, zero_point) = quantisation.at(0);
    // A signed input takes values less 128.
    let signed = if input.dtype == DType::I8 { 128.0 } else { 0.0 };
    Normalization { mean: [zero_point + signed; 3], std: [1.0 / scale; 3] }
}

/// The variances that its divisors are; `None` where those of x and y, or of width and height, differ.
pub(super) fn variances(options: &Options) -> Option<Variances> {
    let [y, x, height, width] = options.scales;
    (x == y && height == width).then(|| Variances { center: (1.0 / x) as f32, size: (1.0 / height) as f32 })
}

/// The priors of a file, in its columns centre y, centre x, height, width, stored in steps of `step`, 0 for floats:
/// TensorFlow's own where the stored ones are those, rounded; else the stored ones.
pub(super) fn priors(arch: Arch, variances: Variances, stored: &[f32], step: f32) -> PriorScheme {
    let scheme = PriorScheme { variances, ..arch.prior_scheme() };
    let near = |stored: f32, exact: f32| (stored - exact).abs() <= step / 2.0 + 1e-6;
    let exact = scheme.priors();
    let pairs = exact.iter().zip(stored.as_chunks::<4>().0);
    let same = pairs.clone().all(|(exact, [cy, cx, h, w])| {
        near(*cx, exact.cx) && near(*cy, exact.cy) && near(*w, exact.w) && near(*h, exact.h)
    });
    if same && 4 * exact.len() == stored.len() {
        return scheme;
    }
    let listed = stored.as_chunks::<4>().0.iter().map(|[cy, cx, h, w]| [*cx, *cy, *w, *h]).collect();
    PriorScheme { listed: Some(listed), ..scheme }
}
