//! Mirroring left and right.

use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::chance::happens;
use super::check::{self, AugmentError};

/// How often to mirror.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flip {
    /// Probability; 0 for classes that are not their own mirror image, such as text or traffic signs.
    pub probability: f64,
}

impl Default for Flip {
    fn default() -> Self {
        Self { probability: 0.5 }
    }
}

impl Flip {
    /// Whether to mirror this picture.
    pub fn draw(&self, rng: &mut Pcg64) -> bool {
        happens(self.probability, rng)
    }

    pub(super) fn check(&self) -> Result<(), AugmentError> {
        check::probability("flip.probability", self.probability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::statistics::assert_share;
    use crate::seeded::seeded;

    #[test]
    fn pictures_are_mirrored_with_the_given_probability() {
        for probability in [0.0, 0.2, 0.5, 1.0] {
            let rng = &mut seeded(&[41]);
            let flipped = (0..10_000).filter(|_| Flip { probability }.draw(rng)).count();
            assert_share(flipped, 10_000, probability);
        }
    }
}
