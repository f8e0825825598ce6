//! Reproducible chance: the same numbers give the same generator on every machine and in every thread.

use rand::SeedableRng;
use rand_pcg::Pcg64;

/// A generator seeded by `parts`, such as seed, epoch and index.
///
/// Neighbouring numbers give unrelated streams: each part goes through the finaliser of SplitMix64 (Steele, Lea and
/// Flood, 2014), since PCG streams of neighbouring states begin alike.
pub fn seeded(parts: &[u64]) -> Pcg64 {
    let state = parts.iter().fold(0, |state: u64, part| scramble(state ^ scramble(*part)));
    Pcg64::seed_from_u64(state)
}

/// One step of SplitMix64: a bijection in which each input bit changes about half of the output bits.
fn scramble(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
