//! Ids of pictures and classes in COCO files: labels, not numbers. `1`, `1.0` and `"1"` are one id, `"p0"` is one, too.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::values::Scalar;

/// An id. Numbers come before texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// A whole number, however it is written.
    Number(i64),
    /// Anything else, trimmed.
    Text(String),
}

impl Id {
    /// From a text.
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        if let Ok(number) = text.parse() {
            return Self::Number(number);
        }
        let number = text.parse::<f64>().ok().and_then(whole);
        number.map_or_else(|| Self::Text(text.into()), Self::Number)
    }

    /// From a value of a file; `None` for null, a list and whatever else names nothing.
    pub(super) fn of_scalar(value: &Scalar) -> Option<Self> {
        match value {
            Scalar::Whole(number) => Some(Self::Number(*number)),
            Scalar::Number(number) if !number.is_finite() => None,
            Scalar::Number(number) => Some(whole(*number).map_or_else(|| Self::Text(number.to_string()), Self::Number)),
            Scalar::Text(text) if text.trim().is_empty() => None,
            Scalar::Text(text) => Some(Self::of(text)),
            Scalar::Bool(_) | Scalar::List(_) | Scalar::Other => None,
        }
    }
}

/// A number without a fraction, if `f64` tells it from its neighbours.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

impl From<i64> for Id {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Scalar::deserialize(deserializer)?;
        Self::of_scalar(&value).ok_or_else(|| serde::de::Error::custom("it has no id"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn one_id_written_in_several_ways_is_one() {
        let id = |json: &str| serde_json::from_str::<Id>(json).ok();
        for same in ["7", "7.0", "\"7\"", "\" 7.0\"", "7e0"] {
            assert_eq!(id(same), Some(Id::Number(7)), "{same}");
        }
        assert_eq!(id("\"p0\""), Some(Id::Text("p0".into())));
        assert_eq!(id("1.5"), Some(Id::Text("1.5".into())));
        // Beyond what a float tells apart.
        assert_eq!(id("9007199254740993"), Some(Id::Number(9_007_199_254_740_993)));
        for none in ["null", "[]", "{}", "true", "\"\""] {
            assert_eq!(id(none), None, "{none}");
        }
        assert_eq!(serde_json::to_string(&[Id::from(7), Id::of("p0")]).unwrap(), "[7,\"p0\"]");
    }
}
