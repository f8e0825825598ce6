//! Values of JSON files that may be anything: one of the wrong kind costs its entry, not the file.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Any value, as far as it is needed.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Scalar {
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A list of numbers or of lists.
    List(List),
    /// Null, an object, or nothing at all.
    #[default]
    Other,
}

/// What is kept of a list: the corners of outlines are most of a file, and only their bounds are needed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct List {
    /// Its first elements; NaN for what is no number.
    pub numbers: Vec<f64>,
    /// Left, upper, right and lower edge of its numbers taken as `x y x y …`, and of those of the lists in it.
    pub bounds: Option<[f64; 4]>,
}

/// Elements of a list that are kept: no list of numbers that is read here has more than four.
const KEPT: usize = 8;

impl Scalar {
    /// The value as a number, also if it is written as a text.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Bool(_) | Self::List(_) | Self::Other => None,
        }
    }

    /// The value as a text, trimmed; `None` for an empty one and for what is neither a text nor a number.
    pub fn text(&self) -> Option<String> {
        let text = match self {
            Self::Whole(_) | Self::Number(_) | Self::Text(_) => self.to_string(),
            Self::Bool(_) | Self::List(_) | Self::Other => return None,
        };
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The numbers of a list, also if it is written as a text, as in tables; empty for anything else.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::List(list) => list.numbers.clone(),
            Self::Text(text) => {
                let words = text.split(['[', '(', ',', ' ', ')', ']']).filter(|word| !word.is_empty());
                words.take(KEPT).map(|word| word.parse().unwrap_or(f64::NAN)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a flag is set that is 0 or 1 in COCO's own files, a truth value in some others, and missing in more.
    pub fn is_set(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            other => other.number().is_some_and(|value| value != 0.0),
        }
    }
}

impl List {
    fn push(&mut self, value: &Scalar, x: &mut Option<f64>) {
        if self.numbers.len() < KEPT {
            self.numbers.push(value.number().unwrap_or(f64::NAN));
        }
        match (value, value.number(), *x) {
            (Scalar::List(inner), ..) => inner.bounds.into_iter().for_each(|bounds| self.cover(bounds)),
            (_, Some(first), None) => *x = Some(first),
            (_, Some(y), Some(left)) => {
                self.cover([left, y, left, y]);
                *x = None;
            }
            (_, None, _) => {}
        }
    }

    fn cover(&mut self, [x1, y1, x2, y2]: [f64; 4]) {
        let [a1, b1, a2, b2] = self.bounds.unwrap_or([x1, y1, x2, y2]);
        self.bounds = Some([a1.min(x1), b1.min(y1), a2.max(x2), b2.max(y2)]);
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::List(_) => f.write_str("a list"),
            Self::Other => f.write_str("null"),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(value).map_or_else(|_| Scalar::Text(value.to_string()), Scalar::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Scalar, A::Error> {
        let (mut list, mut x) = (List::default(), None);
        while let Some(value) = values.next_element::<Scalar>()? {
            list.push(&value, &mut x);
        }
        Ok(Scalar::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

/// A JSON text as serde reads it: with null for the `NaN` and `Infinity` that Python writes.
pub fn strict(text: &str) -> String {
    let mut strict = String::with_capacity(text.len());
    let (mut rest, mut quoted) = (text, false);
    while let Some(at) = rest.find(['"', '\\', 'N', 'I', '-']) {
        strict.push_str(&rest[..at]);
        rest = &rest[at..];
        let bare = ["NaN", "-Infinity", "Infinity", "-NaN"].iter().find(|word| !quoted && rest.starts_with(**word));
        if let Some(word) = bare {
            strict.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        // Within a text, a backslash takes the next character with it.
        let len =
            if quoted && rest.starts_with('\\') { 1 + rest[1..].chars().next().map_or(0, char::len_utf8) } else { 1 };
        quoted ^= rest.starts_with('"');
        strict.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    strict.push_str(rest);
    strict
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_no_number_costs_itself_alone() {
        let numbers = |json: &str| serde_json::from_str::<Scalar>(json).unwrap().numbers();
        assert_eq!(numbers("[1, 2.5, \"3\", 4e0]"), [1.0, 2.5, 3.0, 4.0]);
        assert_eq!(numbers("\"[1, 2, 3.5,4]\""), [1.0, 2.0, 3.5, 4.0]);
        assert!(numbers("[null, [1], {}, true]").iter().all(|number| number.is_nan()));
        for none in ["null", "{}", "3", "-3", "1.5", "true", "[]"] {
            assert!(numbers(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn an_outline_is_its_bounds_however_it_is_nested() {
        let bounds = |json: &str| match serde_json::from_str(json).unwrap() {
            Scalar::List(list) => list.bounds,
            _ => None,
        };
        for json in ["[[1, 2, 7, 8.5]]", "[1, 8.5, 7, 2]", "[[[1, 2], [7, 8.5]]]", "[[1, 2, 3, 4], [7, 8.5, 3, 4]]"] {
            assert_eq!(bounds(json), Some([1.0, 2.0, 7.0, 8.5]), "{json}");
        }
        for none in ["null", "[]", "[[]]", r#"{"counts": "abc", "size": [3, 4]}"#, "3"] {
            assert_eq!(bounds(none), None, "{none}");
        }
    }

    #[test]
    fn python_s_nan_becomes_null_outside_texts() {
        assert_eq!(
            strict(r#"[NaN, -Infinity, Infinity, "NaN \" Infinity", -1]"#),
            r#"[null, null, null, "NaN \" Infinity", -1]"#
        );
        assert_eq!(strict(r#"{"a\\": NaN, "é\u0041": "\\"}"#), r#"{"a\\": null, "é\u0041": "\\"}"#);
    }
}
