//! Splits: their names, and how a data set without any is divided.
//!
//! A data set without splits is divided: a hash of its name puts one picture in ten into `val`, the others into
//! `train`. So pictures stay on their side when others are added or the folder moves; but in tiny sets each side gets
//! one.

use std::collections::BTreeSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::DataError;
use crate::error::some_of;

/// One name in this many goes to `val`.
const VAL_SHARE: u64 = 10;

/// Names that are splits anywhere, also followed by a year: `train2017`.
const KNOWN: [&str; 8] = ["train", "val", "valid", "validation", "test", "dev", "trainval", "minival"];

/// The names that a split may have, the given one first: `val` may be called `valid` or `validation`.
pub(super) fn aliases(split: &str) -> Vec<&str> {
    let mut names = vec![split];
    let group = ["val", "valid", "validation"];
    if group.contains(&split) {
        names.extend(group.iter().filter(|name| **name != split));
    }
    names
}

/// Whether a word names a split: `train`, `val2017`.
pub(super) fn is_split(word: &str) -> bool {
    KNOWN.contains(&without_year(word))
}

/// The word that means `split`: itself, else the only one with a year (`train2017` for `train`), else another name.
pub(super) fn find<'a>(words: &[&'a str], split: &str) -> Option<&'a str> {
    aliases(split).into_iter().find_map(|name| {
        let with_year: BTreeSet<&str> = words.iter().copied().filter(|word| without_year(word) == name).collect();
        let only = || with_year.first().copied().filter(|_| with_year.len() == 1);
        words.iter().copied().find(|word| *word == name).or_else(only)
    })
}

/// The error for a missing split.
pub(super) fn none_of(root: &Path, split: &str, words: &[&str]) -> DataError {
    let words: BTreeSet<&str> = words.iter().copied().collect();
    let words = some_of(&words.into_iter().collect::<Vec<_>>());
    let hint = format!("its splits are {words}; name one of them as the split, or name other data for it");
    DataError::NoSplit { path: root.into(), split: split.into(), hint }
}

fn without_year(word: &str) -> &str {
    word.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// The part of an undivided data set that `split` means, and a note for the report.
///
/// # Errors
/// A split other than `train` and `val`.
pub(super) fn divide<T>(
    items: Vec<T>,
    split: &str,
    root: &Path,
    name: impl Fn(&T) -> String,
) -> Result<(Vec<T>, String), DataError> {
    let learn = split == "train";
    if !learn && !aliases("val").contains(&split) {
        let hint = "it has no splits of its own; train and val can be asked for, into which its pictures are then \
                    divided by name, or leave the split out for all of it";
        return Err(DataError::NoSplit { path: root.into(), split: split.into(), hint: hint.into() });
    }
    let all = items.len();
    let hashes: Vec<u64> = items.iter().map(|item| hash(&name(item))).collect();
    // A small set may have no name in ten, or nothing else; then the closest one is moved.
    let order = |index: &usize| (hashes[*index] % VAL_SHARE, hashes[*index]);
    let (least, greatest) = ((0..all).min_by_key(order), (0..all).max_by_key(order));
    let measured =
        |index: usize| (hashes[index].is_multiple_of(VAL_SHARE) && Some(index) != greatest) || Some(index) == least;
    if all == 1 {
        let note = format!("{} has no splits and one picture, which is taken as train and as val", root.display());
        return Ok((items, note));
    }
    let kept = items.into_iter().enumerate().filter(|(index, _)| measured(*index) != learn);
    let kept: Vec<T> = kept.map(|(_, item)| item).collect();
    let note = format!(
        "{} has no splits; {} of its {all} pictures are taken as {split}, since a hash of each name puts one in \
         {VAL_SHARE} into val and the rest into train",
        root.display(),
        kept.len()
    );
    Ok((kept, note))
}

/// A number that depends on the name alone, on every machine.
fn hash(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn divided(names: &[String], split: &str) -> Vec<String> {
        divide(names.to_vec(), split, Path::new("set"), String::clone).unwrap().0
    }

    #[test]
    fn a_picture_stays_on_its_side_and_a_tenth_is_in_val() {
        let names: Vec<String> = (0..1000).map(|i| format!("p{i}")).collect();
        let (train, val) = (divided(&names, "train"), divided(&names, "val"));
        assert!((70..130).contains(&val.len()), "{}", val.len());
        assert_eq!(train.len() + val.len(), names.len());
        assert!(!train.iter().any(|name| val.contains(name)));
        assert_eq!(divided(&names, "valid"), val);
        let first: Vec<String> = val.iter().filter(|name| names[..500].contains(name)).cloned().collect();
        assert_eq!(divided(&names[..500], "val"), first, "adding pictures moved others across");
    }

    #[test]
    fn a_small_set_has_both_and_another_split_is_an_error() {
        for count in 2..12 {
            let names: Vec<String> = (0..count).map(|i| format!("p{i}")).collect();
            assert!(!divided(&names, "val").is_empty() && !divided(&names, "train").is_empty(), "{count} pictures");
        }
        // Whatever the names: both of the first hash to a multiple of ten, and the others are equal.
        let tens = (0..).map(|i| format!("q{i}")).filter(|name| hash(name).is_multiple_of(VAL_SHARE));
        let (tens, same) = (tens.take(2).collect::<Vec<_>>(), vec!["a".to_string(); 2]);
        for names in [&tens, &same] {
            assert_eq!((divided(names, "train").len(), divided(names, "val").len()), (1, 1), "{names:?}");
        }
        for split in ["train", "val"] {
            let (kept, note) = divide(vec![1], split, Path::new("set"), i32::to_string).unwrap();
            assert!(kept == [1] && note.contains("one picture"), "{note}");
        }
        let error = divide(vec![1], "test", Path::new("set"), i32::to_string).unwrap_err().to_string();
        assert!(error.contains("\"test\"") && error.contains("train and val"), "{error}");
    }

    #[test]
    fn a_split_is_found_by_itself_with_a_year_and_by_its_other_names() {
        assert_eq!(find(&["val2017", "train2017"], "train"), Some("train2017"));
        assert_eq!(find(&["train2017", "train"], "train"), Some("train"));
        assert_eq!(find(&["train", "valid"], "val"), Some("valid"));
        assert_eq!(find(&["train", "test"], "val"), None);
        assert_eq!(find(&["train2014", "train2017"], "train"), None, "the user has to choose");
        assert_eq!(find(&["trainval"], "train"), None);
        assert!(is_split("train2017") && !is_split("training") && !is_split("2017"));
    }
}
