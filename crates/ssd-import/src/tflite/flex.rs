//! FlexBuffers, as far as the options of an operator need them: one map of numbers.
//! <https://flatbuffers.dev/flatbuffers_internals#flexbuffers>
//!
//! The last bytes are the root: its value, its type, and the value's width. A map's values stand behind their count,
//! and before that where its keys are; distances are counted backwards. Nothing nested is followed.

use std::collections::BTreeMap;

/// Numbers by their names; `None` where the bytes are no such map. Values of other types are passed over.
pub(super) fn numbers(bytes: &[u8]) -> Option<BTreeMap<String, f64>> {
    let [before @ .., root_type, root_width] = bytes else { return None };
    let root_width = usize::from(*root_width);
    if root_type >> 2 != MAP {
        return None;
    }
    let root = before.len().checked_sub(root_width)?;
    let values = root.checked_sub(unsigned(bytes, root, root_width)?)?;
    let width = 1 << (root_type & 3);
    let before = |count: usize| values.checked_sub(count * width);
    let count = unsigned(bytes, before(1)?, width)?;
    let key_width = unsigned(bytes, before(2)?, width)?;
    let keys_at = before(3)?;
    let keys = keys_at.checked_sub(unsigned(bytes, keys_at, width)?)?;
    // A byte for each type follows the values, so a count beyond the bytes ends here.
    let types = bytes.get(values.checked_add(count.checked_mul(width)?)?..)?.get(..count)?;
    let mut found = BTreeMap::new();
    for (index, packed) in types.iter().enumerate() {
        let key_at = keys.checked_add(index.checked_mul(key_width)?)?;
        let key = key_at.checked_sub(unsigned(bytes, key_at, key_width)?)?;
        let rest = bytes.get(key..)?;
        let key = rest[..rest.len().min(LONGEST_KEY)].split(|byte| *byte == 0).next()?;
        if let Some(number) = number(bytes, values + index * width, width, *packed) {
            found.insert(String::from_utf8_lossy(key).into_owned(), number);
        }
    }
    Some(found)
}

/// Types, in the upper six bits of their byte. Those of numbers that stand elsewhere ("indirect") follow these.
const INT: u8 = 1;
const UINT: u8 = 2;
const FLOAT: u8 = 3;
const INDIRECT: u8 = 5;
const MAP: u8 = 9;
const BOOL: u8 = 26;

/// Longer keys are no option's: keys may overlap, and all would be held.
const LONGEST_KEY: usize = 64;

/// A value by its type, which also says how wide an indirect one is.
fn number(bytes: &[u8], at: usize, width: usize, packed: u8) -> Option<f64> {
    let kind = packed >> 2;
    if (INT + INDIRECT..=FLOAT + INDIRECT).contains(&kind) {
        let at = at.checked_sub(unsigned(bytes, at, width)?)?;
        return number(bytes, at, 1 << (packed & 3), (kind - INDIRECT) << 2);
    }
    let raw = raw(bytes, at, width)?;
    match kind {
        // The sign moves to the top and back.
        INT => Some((raw.cast_signed() << (64 - 8 * width) >> (64 - 8 * width)) as f64),
        UINT | BOOL => Some(raw as f64),
        FLOAT => match width {
            4 => Some(f64::from(f32::from_bits(raw as u32))),
            8 => Some(f64::from_bits(raw)),
            _ => None,
        },
        _ => None,
    }
}

/// `width` bytes as a number; `None` beyond the end, or where it is no width.
fn raw(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?).filter(|_| matches!(width, 1 | 2 | 4 | 8))?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn unsigned(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    usize::try_from(raw(bytes, at, width)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"a": 90, "b": 0.5, "c": true, "d": -3}` with values of 4 bytes, by the format's description.
    fn four_options() -> Vec<u8> {
        let mut bytes = b"a\0b\0c\0d\0".to_vec();
        // The keys: their count, then for each how far back it begins.
        bytes.extend([4, 9, 8, 7, 6]);
        bytes.extend([0; 3]);
        let keys_at = 9;
        let values: [(i32, u8); 4] = [(90, INT), (0.5_f32.to_bits().cast_signed(), FLOAT), (1, BOOL), (-3, INT)];
        let back = (bytes.len() - keys_at) as u32;
        for number in [back, 1, 4] {
            bytes.extend(number.to_le_bytes());
        }
        let start = bytes.len();
        bytes.extend(values.iter().flat_map(|(value, _)| value.to_le_bytes()));
        bytes.extend(values.iter().map(|(_, kind)| kind << 2 | 2));
        let back = (bytes.len() - start) as u8;
        bytes.extend([back, MAP << 2 | 2, 1]);
        bytes
    }

    #[test]
    fn a_map_of_numbers_is_read() {
        let found = numbers(&four_options()).expect("a map");
        let pairs: Vec<(&str, f64)> = found.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        assert_eq!(pairs, [("a", 90.0), ("b", 0.5), ("c", 1.0), ("d", -3.0)]);
    }

    #[test]
    fn any_bytes_are_survived() {
        let bytes = four_options();
        for end in 0..bytes.len() {
            let _ = numbers(&bytes[..end]);
        }
        for place in 0..bytes.len() {
            for byte in 0..=255 {
                let mut bytes = bytes.clone();
                bytes[place] = byte;
                let _ = numbers(&bytes);
            }
        }
    }
}
