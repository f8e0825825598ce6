//! Written by `bench --day`: per card, the convolutions for which a better method than the rules' was measured.

use super::Card;

pub(super) const CARDS: &[Card] = &[];
