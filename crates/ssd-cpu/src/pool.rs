//! Memory of maps that were let go, for new ones of the same size.
//!
//! A training step makes the same hundreds of megabytes of maps and gradients as the step before. The system hands out
//! fresh memory page by page and fills it with zeros, which takes longer than many a layer. So a step of the backward
//! pass gives the maps that it has used up to this pool, and the next layers and the next step take theirs from it.

use crate::memory::Values;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Numbers of the smallest memory that is kept; less costs nothing to make.
const LEAST: usize = 1 << 14;

/// Idle memory, the longest idle first.
static IDLE: Mutex<VecDeque<Vec<f32>>> = Mutex::new(VecDeque::new());

/// `length` numbers of any value.
pub(crate) fn take(length: usize) -> Vec<f32> {
    if length >= LEAST {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = idle.iter().rposition(|memory| memory.len() == length).and_then(|i| idle.remove(i)) {
            return memory;
        }
        // There is none of this size: the sizes have changed, and as much of the old ones makes room.
        let mut freed = 0;
        while freed < length
            && let Some(memory) = idle.pop_front()
        {
            freed += memory.len();
        }
    }
    vec![0.0; length]
}

/// Keeps a map's memory, unless it is used elsewhere.
pub(crate) fn give(values: Values) {
    if let Some(memory) = values.into_memory().filter(|memory| memory.len() >= LEAST) {
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push_back(memory);
    }
}
