//! One register of numbers, whatever its width, and how a piece of work is compiled for the vector unit at hand.
//!
//! [`planes`](crate::planes) lets the compiler find the vectors in a loop. For the inner loop of a matrix product that
//! is not enough: how many numbers are held in registers decides its speed. So it is written in terms of [`Lanes`].

/// Numbers of the widest register there is.
pub(crate) const MOST_LANES: usize = 16;

/// A register of `f32`.
pub(crate) trait Lanes: Copy {
    /// How many numbers it holds.
    fn count() -> usize;

    /// How many such registers there are.
    fn registers() -> usize;

    /// The same number in all lanes.
    fn splat(value: f32) -> Self;

    /// The first [`count`](Self::count) of `values`.
    fn load(values: &[f32]) -> Self;

    /// Overwrites the first [`count`](Self::count) of `values`.
    fn store(self, values: &mut [f32]);

    fn plus(self, other: Self) -> Self;

    /// `self * factor + term`, rounded once or twice.
    fn times_plus(self, factor: Self, term: Self) -> Self;

    /// `bound` where the number is below it. NaN stays.
    fn at_least(self, bound: Self) -> Self;

    /// `bound` where the number is above it. NaN stays.
    fn at_most(self, bound: Self) -> Self;

    /// Zero where `other` is not between the two bounds.
    #[cfg(feature = "autodiff")]
    fn where_between(self, other: Self, least: Self, most: Self) -> Self;
}

/// Work that is compiled once for each vector unit. All that it calls is to be marked `#[inline(always)]`, closures
/// too.
pub(crate) trait Vectorized {
    type Output;

    fn run<L: Lanes>(self) -> Self::Output;
}

pub(crate) use unit::vectorized;

#[cfg(not(target_arch = "wasm32"))]
mod unit {
    use bytemuck::{bytes_of, cast_slice, cast_slice_mut, pod_read_unaligned};
    use macerator::{AutoArch, Simd, Vector, WithSimd};

    use super::{Lanes, Vectorized};

    /// Runs `work` with the widest registers of this machine.
    pub(crate) fn vectorized<W: Vectorized>(work: W) -> W::Output {
        AutoArch::new().dispatch(Dispatched(work))
    }

    struct Dispatched<W>(W);

    impl<W: Vectorized> WithSimd for Dispatched<W> {
        type Output = W::Output;

        #[inline(always)]
        fn with_simd<A: Simd>(self) -> W::Output {
            self.0.run::<Vector<A, f32>>()
        }
    }

    impl<A: Simd> Lanes for Vector<A, f32> {
        #[inline(always)]
        fn count() -> usize {
            A::lanes32()
        }

        #[inline(always)]
        fn registers() -> usize {
            if cfg!(target_arch = "aarch64") || A::lanes32() >= 16 { 32 } else { 16 }
        }

        #[inline(always)]
        fn splat(value: f32) -> Self {
            <f32 as macerator::Scalar>::splat(value)
        }

        #[inline(always)]
        fn load(values: &[f32]) -> Self {
            pod_read_unaligned(cast_slice(&values[..A::lanes32()]))
        }

        #[inline(always)]
        fn store(self, values: &mut [f32]) {
            cast_slice_mut(&mut values[..A::lanes32()]).copy_from_slice(bytes_of(&self));
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            self + other
        }

        #[inline(always)]
        fn times_plus(self, factor: Self, term: Self) -> Self {
            self.mul_add(factor, term)
        }

        #[inline(always)]
        fn at_least(self, bound: Self) -> Self {
            self.lt(bound).select(bound, self)
        }

        #[inline(always)]
        fn at_most(self, bound: Self) -> Self {
            self.gt(bound).select(bound, self)
        }

        #[cfg(feature = "autodiff")]
        #[inline(always)]
        fn where_between(self, other: Self, least: Self, most: Self) -> Self {
            let zero = Self::splat(0.0);
            other.lt(most).select(other.gt(least).select(self, zero), zero)
        }
    }
}

#[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
compile_error!("wasm needs its vector instructions: the target features of .cargo/config.toml");

/// The registers of wasm.
#[cfg(target_arch = "wasm32")]
mod unit {
    #[cfg(feature = "autodiff")]
    use std::arch::wasm32::v128_and;
    use std::arch::wasm32::{f32x4_add, f32x4_gt, f32x4_lt, f32x4_relaxed_madd, f32x4_splat, v128, v128_bitselect};

    use bytemuck::{bytes_of, cast_slice, cast_slice_mut, pod_read_unaligned};

    use super::{Lanes, Vectorized};

    const LANES: usize = 4;

    /// Runs `work`.
    pub(crate) fn vectorized<W: Vectorized>(work: W) -> W::Output {
        work.run::<Four>()
    }

    #[derive(Clone, Copy)]
    struct Four(v128);

    impl Lanes for Four {
        #[inline(always)]
        fn count() -> usize {
            LANES
        }

        #[inline(always)]
        fn registers() -> usize {
            // V8 has sixteen and needs some itself: in a tile of 6 by 2 sums it takes 1.7 times as long as in one of 4
            // by 2.
            14
        }

        #[inline(always)]
        fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        #[inline(always)]
        fn load(values: &[f32]) -> Self {
            Self(pod_read_unaligned(cast_slice(&values[..LANES])))
        }

        #[inline(always)]
        fn store(self, values: &mut [f32]) {
            cast_slice_mut(&mut values[..LANES]).copy_from_slice(bytes_of(&self.0));
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }

        #[inline(always)]
        fn times_plus(self, factor: Self, term: Self) -> Self {
            Self(f32x4_relaxed_madd(self.0, factor.0, term.0))
        }

        #[inline(always)]
        fn at_least(self, bound: Self) -> Self {
            Self(v128_bitselect(bound.0, self.0, f32x4_lt(self.0, bound.0)))
        }

        #[inline(always)]
        fn at_most(self, bound: Self) -> Self {
            Self(v128_bitselect(bound.0, self.0, f32x4_gt(self.0, bound.0)))
        }

        #[cfg(feature = "autodiff")]
        #[inline(always)]
        fn where_between(self, other: Self, least: Self, most: Self) -> Self {
            Self(v128_and(self.0, v128_and(f32x4_gt(other.0, least.0), f32x4_lt(other.0, most.0))))
        }
    }
}
