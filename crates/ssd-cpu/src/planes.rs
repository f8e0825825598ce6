//! How the loops of this crate run: a buffer cut into equal pieces, the pieces spread over the threads, each piece
//! compiled for the vector unit at hand.
//!
//! The closures are to be marked `#[inline(always)]`, and so is every function that they call: only inlined code is
//! compiled for wider vectors than the target's least.

/// Numbers that are summed side by side, one register of the widest vector unit: a sum into one number would not be
/// vectorised, since floating-point addition is not associative.
pub(crate) const LANES: usize = 16;

/// Calls `work(scratch, index, piece)` for every piece of `size` elements, on all threads, each compiled for the vector
/// unit. A thread makes its `scratch` once and reuses it.
pub(crate) fn for_each<T: Send, S>(
    buffer: &mut [T],
    size: usize,
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, usize, &mut [T]) + Sync + Send,
) {
    #[cfg(not(target_arch = "wasm32"))]
    for_each_piece(buffer, size, scratch, |scratch, index, piece| {
        macerator::AutoArch::new().dispatch(Piece { work: &work, scratch, index, piece });
    });
    #[cfg(target_arch = "wasm32")]
    for_each_piece(buffer, size, scratch, work);
}

/// The same for work that is compiled for the vector unit by other means.
pub(crate) fn for_each_piece<T: Send, S>(
    buffer: &mut [T],
    size: usize,
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, usize, &mut [T]) + Sync + Send,
) {
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;

        let pieces = buffer.par_chunks_mut(size.max(1)).enumerate();
        pieces.for_each_init(scratch, |scratch, (index, piece)| work(scratch, index, piece));
    }
    #[cfg(target_arch = "wasm32")]
    {
        let mut scratch = scratch();
        buffer.chunks_mut(size.max(1)).enumerate().for_each(|(index, piece)| work(&mut scratch, index, piece));
    }
}

/// The same for the pieces of two buffers.
pub(crate) fn for_each_two<T: Send, S>(
    (first, size): (&mut [T], usize),
    (second, other_size): (&mut [T], usize),
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, usize, (&mut [T], &mut [T])) + Sync + Send,
) {
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;

        let pieces = first.par_chunks_mut(size.max(1)).zip(second.par_chunks_mut(other_size.max(1))).enumerate();
        pieces.for_each_init(scratch, |scratch, (index, pieces)| work(scratch, index, pieces));
    }
    #[cfg(target_arch = "wasm32")]
    {
        let mut scratch = scratch();
        let pieces = first.chunks_mut(size.max(1)).zip(second.chunks_mut(other_size.max(1))).enumerate();
        pieces.for_each(|(index, pieces)| work(&mut scratch, index, pieces));
    }
}

/// One call of `work`. Not a closure: a closure that is called once goes through a function of its own, which would not
/// be inlined.
#[cfg(not(target_arch = "wasm32"))]
struct Piece<'a, T, S, W> {
    work: &'a W,
    scratch: &'a mut S,
    index: usize,
    piece: &'a mut [T],
}

#[cfg(not(target_arch = "wasm32"))]
impl<T, S, W: Fn(&mut S, usize, &mut [T])> macerator::WithSimd for Piece<'_, T, S, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: macerator::Simd>(self) {
        (self.work)(self.scratch, self.index, self.piece);
    }
}

/// How many pieces are worked on at the same time.
pub(crate) fn threads() -> usize {
    #[cfg(not(target_arch = "wasm32"))]
    return rayon::current_num_threads();
    #[cfg(target_arch = "wasm32")]
    return 1;
}

/// Runs `work` on one of the threads that this crate computes on. Each operation in it then starts at once; from
/// another thread each would be handed over and waited for. Wasm has one thread only.
pub fn together<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    #[cfg(not(target_arch = "wasm32"))]
    return rayon::scope(|_| work());
    #[cfg(target_arch = "wasm32")]
    return work();
}
