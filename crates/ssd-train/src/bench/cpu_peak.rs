//! What the processor can do at best: multiplications in its registers, and bytes from memory to memory, by all
//! threads.

use std::hint::black_box;

use macerator::{AutoArch, Scalar as _, Simd, Vector, WithSimd};
use rayon::prelude::*;

use super::report::Peak;
use crate::detect::detector::milliseconds;

/// Sums that go on side by side: enough for two units that take five steps each, few enough for sixteen registers.
const CHAINS: usize = 12;
const ROUNDS: usize = 2_000_000;
const SAMPLES: usize = 10;
/// Numbers in each of the two blocks that are copied from and to: 128 MiB, more than a cache holds.
const COPY_NUMBERS: usize = 32 << 20;
const COPY_SAMPLES: usize = 5;

/// Measures both; the best sample counts.
pub(super) fn measure() -> Peak {
    let threads = rayon::current_num_threads();
    let fastest = |samples: usize, work: &mut dyn FnMut() -> usize| {
        let mut best = 0.0f64;
        for _ in 0..samples {
            let start = milliseconds();
            let count = work();
            best = best.max(count as f64 * 1e-6 / (milliseconds() - start));
        }
        best
    };
    let gflops = fastest(SAMPLES, &mut || {
        let operations = |_| AutoArch::new().dispatch(MultiplyAdds);
        (0..threads).into_par_iter().map(operations).sum()
    });
    let (from, mut to) = (vec![1.0f32; COPY_NUMBERS], vec![0.0f32; COPY_NUMBERS]);
    let piece = COPY_NUMBERS.div_ceil(4 * threads);
    let gbytes_per_s = fastest(COPY_SAMPLES, &mut || {
        to.par_chunks_mut(piece).zip(from.par_chunks(piece)).for_each(|(to, from)| to.copy_from_slice(from));
        black_box(&mut to);
        2 * COPY_NUMBERS * size_of::<f32>()
    });
    Peak { gflops, gflops_f16: None, gbytes_per_s, copy_mib: (COPY_NUMBERS * size_of::<f32>()) as u64 >> 20 }
}

/// Returns how many operations it did; a multiplication with its addition is two.
struct MultiplyAdds;

impl WithSimd for MultiplyAdds {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self) -> usize {
        let (factor, addend): (Vector<S, f32>, Vector<S, f32>) = (black_box(0.5f32).splat(), black_box(1.0f32).splat());
        let mut sums = [addend; CHAINS];
        for _ in 0..ROUNDS / CHAINS {
            for sum in &mut sums {
                *sum = sum.mul_add(factor, addend);
            }
        }
        // Nobody needs them, and the compiler is not to know.
        black_box(sums);
        ROUNDS / CHAINS * CHAINS * f32::lanes::<S>() * 2
    }
}
