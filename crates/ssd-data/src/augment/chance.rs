//! Draws shared by all links of the chain.

use rand::RngExt;
use rand_pcg::Pcg64;

/// Whether an event of this probability happens. Unlike `random_bool`, takes any number, even an unchecked one.
pub(super) fn happens(probability: f64, rng: &mut Pcg64) -> bool {
    rng.random::<f64>() < probability
}

/// A uniform number between two others, which may be equal.
pub(super) fn between((low, high): (f32, f32), rng: &mut Pcg64) -> f32 {
    low + (high - low) * rng.random::<f32>()
}
