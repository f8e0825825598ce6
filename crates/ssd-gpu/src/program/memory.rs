//! Which transient slots share a buffer: two may if the last use of one comes before the first use of the other.
//!
//! Arithmetic on the indices of steps; no GPU.

use std::collections::BTreeMap;

/// The bytes of a slot, and the first and the last step that use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) bytes: u64,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// A buffer for each slot, and the buffers' sizes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) buffer_of: Vec<usize>,
    pub(crate) sizes: Vec<u64>,
}

/// Goes through the slots in the order of their first use. Each takes the smallest free buffer that holds it; if none
/// does, the largest free one grows; if none is free, there is a new one. A buffer is free after the last step of its
/// slot, so a step never writes where it reads.
pub(crate) fn share(lives: &[Life]) -> Plan {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&slot| lives[slot].first);
    let mut sizes: Vec<u64> = Vec::new();
    let mut buffer_of = vec![0; lives.len()];
    // For each buffer, the last step that needs it.
    let mut busy_until: BTreeMap<usize, usize> = BTreeMap::new();
    for slot in order {
        let life = lives[slot];
        let free = (0..sizes.len()).filter(|buffer| busy_until[buffer] < life.first);
        let (fits, grows): (Vec<usize>, Vec<usize>) = free.partition(|&buffer| sizes[buffer] >= life.bytes);
        let smallest = fits.into_iter().min_by_key(|&buffer| sizes[buffer]);
        let chosen = smallest.or_else(|| grows.into_iter().max_by_key(|&buffer| sizes[buffer]));
        let buffer = chosen.unwrap_or_else(|| {
            sizes.push(0);
            sizes.len() - 1
        });
        sizes[buffer] = sizes[buffer].max(life.bytes);
        busy_until.insert(buffer, life.last);
        buffer_of[slot] = buffer;
    }
    Plan { buffer_of, sizes }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn life(bytes: u64, first: usize, last: usize) -> Life {
        Life { bytes, first, last }
    }

    #[test]
    fn a_chain_of_layers_needs_two_buffers() {
        let chain: Vec<Life> = (0..10).map(|step| life(100 - step as u64, step, step + 1)).collect();
        assert_eq!(share(&chain).sizes, [100, 99]);
    }

    #[test]
    fn a_map_that_is_needed_later_keeps_its_buffer() {
        let lives = [life(8, 0, 9), life(4, 1, 2), life(4, 2, 3), life(4, 3, 4)];
        let plan = share(&lives);
        assert_eq!(plan.sizes, [8, 4, 4]);
        assert!(plan.buffer_of[1..].iter().all(|&buffer| buffer != plan.buffer_of[0]));
    }

    #[test]
    fn a_free_buffer_grows_before_there_is_a_new_one() {
        assert_eq!(share(&[life(4, 0, 0), life(6, 1, 1)]).sizes, [6]);
    }

    proptest! {
        #[test]
        fn no_two_slots_lie_on_each_other(drawn in prop::collection::vec((1u64..100, 0usize..30, 0usize..10), 1..40)) {
            let drawn = drawn.iter().map(|&(bytes, first, length)| life(bytes, first, first + length));
            let lives: Vec<Life> = drawn.collect();
            let plan = share(&lives);
            for (i, a) in lives.iter().enumerate() {
                prop_assert!(plan.sizes[plan.buffer_of[i]] >= a.bytes);
                for (j, b) in lives.iter().enumerate().skip(i + 1) {
                    let together = a.first <= b.last && b.first <= a.last;
                    prop_assert!(!together || plan.buffer_of[i] != plan.buffer_of[j]);
                }
            }
        }
    }
}
