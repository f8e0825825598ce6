//! What all links of the chain draw.

use rand::RngExt;
use rand_pcg::Pcg64;

/// Whether something of a probability happens. Unlike `random_bool` it takes any number, also one that was never checked.
pub(super) fn happens(probability: f64, rng: &mut Pcg64) -> bool {
    rng.random::<f64>() < probability
}

/// A number between two others, also where they are equal.
pub(super) fn between((low, high): (f32, f32), rng: &mut Pcg64) -> f32 {
    low + (high - low) * rng.random::<f32>()
}
