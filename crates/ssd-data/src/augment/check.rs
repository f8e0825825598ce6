//! Checks an augmentation's numbers; the errors are for whoever writes a `config.json` by hand.

/// A number that an augmentation cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the augmentation's {name} is {value}; it has to be {wanted} (`augment` among the settings, in --config or in the \
     run's config.json)."
)]
pub struct AugmentError {
    /// Path of the setting, such as `crop.scale`.
    name: &'static str,
    value: String,
    wanted: String,
}

fn require(met: bool, name: &'static str, value: impl std::fmt::Debug, wanted: String) -> Result<(), AugmentError> {
    if met { Ok(()) } else { Err(AugmentError { name, value: format!("{value:?}"), wanted }) }
}

pub(super) fn probability(name: &'static str, value: f64) -> Result<(), AugmentError> {
    require((0.0..=1.0).contains(&value), name, value, "a probability, from 0 to 1".into())
}

pub(super) fn within(name: &'static str, value: f32, low: f32, high: f32) -> Result<(), AugmentError> {
    require((low..=high).contains(&value), name, value, format!("a number from {low} to {high}"))
}

/// Both ends of a range, in order and within bounds.
pub(super) fn range(name: &'static str, value: (f32, f32), low: f32, high: f32) -> Result<(), AugmentError> {
    let met = low <= value.0 && value.0 <= value.1 && value.1 <= high;
    require(met, name, value, format!("two numbers from {low} to {high}, the smaller one first"))
}
