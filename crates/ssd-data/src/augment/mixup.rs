//! Mixup (Zhang et al., arXiv 1710.09412; for detectors arXiv 1902.04103, section 3.1): two pictures shine through each
//! other, and the objects of both are learned.

use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::chance::{between, happens};
use super::check::{self, AugmentError};

/// How often pictures are mixed, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mixup {
    /// Probability; 0 as in the paper of SSD.
    pub probability: f64,
    /// Share of the first picture in every pixel, between these: around one half, so that both can be seen.
    pub share: (f32, f32),
}

impl Default for Mixup {
    fn default() -> Self {
        Self { probability: 0.0, share: (0.4, 0.6) }
    }
}

impl Mixup {
    /// The first picture's share; `None` for one picture alone.
    pub fn draw(&self, rng: &mut Pcg64) -> Option<f32> {
        happens(self.probability, rng).then(|| between(self.share, rng))
    }

    pub(super) fn check(&self) -> Result<(), AugmentError> {
        check::probability("mixup.probability", self.probability)?;
        check::range("mixup.share", self.share, 0.0, 1.0)
    }
}

/// Mixes another picture into one of the same size; normalised or not makes no difference.
pub fn mix(one: &mut [f32], other: &[f32], share: f32) {
    for (value, other) in one.iter_mut().zip(other) {
        *value = other + (*value - other) * share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::statistics::{assert_share, assert_uniform};
    use crate::seeded::seeded;

    #[test]
    fn shares_are_even_between_the_bounds_and_as_often_as_asked() {
        let mixup = Mixup { probability: 0.5, ..Mixup::default() };
        let rng = &mut seeded(&[71]);
        let drawn: Vec<_> = (0..10_000).map(|_| mixup.draw(rng)).collect();
        assert_share(drawn.iter().flatten().count(), drawn.len(), 0.5);
        assert_uniform(drawn.iter().flatten().map(|share| f64::from(*share)), 0.4, 0.6);
    }

    #[test]
    fn every_pixel_is_a_share_of_both() {
        let mut one = [0.0, 100.0, -50.0];
        mix(&mut one, &[100.0, 0.0, 50.0], 0.25);
        assert_eq!(one, [75.0, 25.0, 25.0]);
    }
}
