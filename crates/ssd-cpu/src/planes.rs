//! How the loops of this crate run: a buffer cut into equal pieces, the pieces spread over the threads, each piece compiled for the
//! vector unit at hand.
//!
//! The closures are to be marked `#[inline(always)]`, and so is every function that they call: only what is inlined is compiled
//! for wider vectors than the target's least.

/// Numbers that are summed side by side: a sum into one number would not be vectorised, since floating-point addition is not associative.
/// One register of the widest vector unit.
pub(crate) const LANES: usize = 16;

/// Calls `work(scratch, index, piece)` for every piece of `size` elements. A thread makes its `scratch` once and reuses it.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn for_each<T: Send, S>(
    buffer: &mut [T],
    size: usize,
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, usize, &mut [T]) + Sync + Send,
) {
    use rayon::prelude::*;

    buffer.par_chunks_mut(size.max(1)).enumerate().for_each_init(scratch, |scratch, (index, piece)| {
        macerator::AutoArch::new().dispatch(Piece { work: &work, scratch, index, piece });
    });
}

/// One call of `work`. Not a closure: a closure that is called once goes through a function of its own, which would not be inlined.
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

/// Calls `work(scratch, index, piece)` for every piece of `size` elements.
#[cfg(target_arch = "wasm32")]
pub(crate) fn for_each<T: Send, S>(
    buffer: &mut [T],
    size: usize,
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, usize, &mut [T]) + Sync + Send,
) {
    let mut scratch = scratch();
    for (i, piece) in buffer.chunks_mut(size.max(1)).enumerate() {
        work(&mut scratch, i, piece);
    }
}

/// Calls `work(scratch, task)` for every task, on all threads. A thread makes its `scratch` once and reuses it.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn for_each_task<T: Send, S>(
    tasks: Vec<T>,
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, T) + Sync + Send,
) {
    use rayon::prelude::*;

    tasks.into_par_iter().for_each_init(scratch, work);
}

/// Calls `work(scratch, task)` for every task.
#[cfg(target_arch = "wasm32")]
pub(crate) fn for_each_task<T: Send, S>(
    tasks: Vec<T>,
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, T) + Sync + Send,
) {
    let mut scratch = scratch();
    tasks.into_iter().for_each(|task| work(&mut scratch, task));
}

/// How many tasks run at the same time.
pub(crate) fn threads() -> usize {
    #[cfg(not(target_arch = "wasm32"))]
    return rayon::current_num_threads();
    #[cfg(target_arch = "wasm32")]
    return 1;
}

/// Runs `work` on one of the threads that this crate computes on. Each operation in it then starts at once; from another thread each would
/// be handed over and waited for.
#[cfg(not(target_arch = "wasm32"))]
pub fn together<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}

/// Runs `work`. There is one thread only.
#[cfg(target_arch = "wasm32")]
pub fn together<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    work()
}
