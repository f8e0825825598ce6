//! Memory for feature maps, used again and again.
//!
//! A network writes tens of megabytes of maps for each picture. Fresh memory each time would cost more than the
//! writing: the system hands it out page by page and fills it with zeros.

use std::sync::{Arc, Mutex, PoisonError};

/// A store of memory. Clones share it; maps made from a map take theirs from the same store.
#[derive(Debug, Clone, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<f32>>>>);

/// `f32` numbers in memory that returns to its store.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Never shortened, so that nothing has to be filled when it is taken again.
    memory: Vec<f32>,
    length: usize,
    home: Buffers,
}

impl Buffers {
    /// `length` numbers of any value.
    pub(crate) fn take(&self, length: usize) -> Buffer {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = free.iter().enumerate().filter(|(_, memory)| memory.len() >= length);
        let memory = match fitting.min_by_key(|(_, memory)| memory.len()).map(|(i, _)| i) {
            Some(i) => free.swap_remove(i),
            None => vec![0.0; length],
        };
        Buffer { memory, length, home: self.clone() }
    }

    /// How many pieces of memory are idle.
    pub fn idle(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes over memory with its numbers.
    #[cfg(test)]
    pub(crate) fn adopt(&self, memory: Vec<f32>) -> Buffer {
        Buffer { length: memory.len(), memory, home: self.clone() }
    }
}

impl Buffer {
    pub(crate) fn home(&self) -> &Buffers {
        &self.home
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.memory[..self.length]
    }

    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.memory[..self.length]
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = self.home.take(self.length);
        copy.values_mut().copy_from_slice(self.values());
        copy
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.memory.is_empty() {
            self.home.0.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.memory));
        }
    }
}
