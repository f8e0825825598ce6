//! Splits: their names, which part of each data set a run takes, and how a set without splits is divided.
//!
//! A set that has to serve both sides of a run and lacks a split for one of them is divided: a hash of each picture's
//! name puts one in ten into the pictures to measure on, the others into those to learn from. So pictures stay on their
//! side when others are added or the folder moves; but in tiny sets each side gets one. Data named for one side alone
//! are used whole.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{DataError, some_of};

/// The share of pictures that is held back to measure on.
const VAL_FRACTION: f64 = 0.1;

/// The names of each purpose, in any capitals and also followed by a year: `train2017`.
const NAMES: [&[&str]; 3] =
    [&["train", "training"], &["val", "valid", "validation", "dev", "minival"], &["test", "testing"]];

/// The split of both purposes, taken for `train` where nothing is for measuring.
const BOTH: &str = "trainval";

/// Names of lists and folders that hold all pictures; CVAT writes `default`.
const ALL: [&str; 6] = ["default", "all", "full", "total", "complete", "dataset"];

/// Which part of each data set is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// Every picture.
    All,
    /// The split of this name; `train` and `val` also of a set without splits, which is then divided.
    Split(&'a str),
    /// What a run learns from.
    Learn(Sides<'a>),
    /// What a run measures on.
    Measure(Sides<'a>),
}

/// Both sides of a run.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// The split to learn from, if the user named one.
    pub learn: Option<&'a str>,
    /// The split to measure on, likewise.
    pub measure: Option<&'a str>,
    /// The data that only one side is asked of; a set named on the other side, too, serves both.
    pub other: &'a [String],
    /// The share of the pictures to learn from that is measured on instead, in place of a split.
    pub val_fraction: Option<f64>,
}

impl<'a> From<Option<&'a str>> for Ask<'a> {
    fn from(split: Option<&'a str>) -> Self {
        split.map_or(Self::All, Self::Split)
    }
}

impl<'a> Ask<'a> {
    /// The split's name, for messages.
    pub(crate) fn name(&self) -> Option<&'a str> {
        match self {
            Self::All => None,
            Self::Split(split) => Some(split),
            Self::Learn(sides) => Some(sides.learn_name()),
            Self::Measure(sides) => Some(sides.measure_name()),
        }
    }
}

impl<'a> Sides<'a> {
    fn learn_name(&self) -> &'a str {
        self.learn.unwrap_or("train")
    }

    fn measure_name(&self) -> &'a str {
        self.measure.unwrap_or("val")
    }
}

/// The splits of a data set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Splits {
    /// The data set, for messages.
    place: PathBuf,
    /// Their names, in lower case.
    names: BTreeSet<String>,
    /// Whether there are pictures outside of them.
    rest: bool,
    /// Lists and folders that hold everything and are no splits.
    whole: BTreeSet<String>,
    /// A set without pictures of its own may serve both sides.
    pub shared: bool,
}

/// What to take of a data set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Take {
    part: Part,
    share: Share,
    place: PathBuf,
    /// Why, where it may surprise.
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    All,
    Split(String),
    /// Outside of these.
    Rest(BTreeSet<String>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Share {
    Whole,
    /// Without those held back.
    Learn(f64),
    /// Those held back.
    Measure(f64),
}

impl Splits {
    /// `of_parts` holds the split of each part of the set, `None` for pictures outside of any.
    pub fn new(place: &Path, of_parts: impl IntoIterator<Item = Option<String>>) -> Self {
        let (mut names, mut rest) = (BTreeSet::new(), false);
        for split in of_parts {
            match split {
                Some(split) => drop(names.insert(split)),
                None => rest = true,
            }
        }
        let mut whole: BTreeSet<String> = names.iter().filter(|name| ALL.contains(&&name[..])).cloned().collect();
        names.retain(|name| !whole.contains(name));
        // A name that is no split's, and the only one, divides nothing.
        if let (Some(only), 1, false) = (names.first().cloned(), names.len(), rest || !whole.is_empty())
            && !is_split(&only)
        {
            names.clear();
            whole.insert(only);
        }
        let rest = rest || !whole.is_empty() || names.is_empty();
        Self { place: place.into(), names, rest, whole, shared: true }
    }

    /// The split that a name means.
    fn find(&self, split: &str) -> Option<String> {
        let words: Vec<&str> = self.names.iter().chain(&self.whole).map(String::as_str).collect();
        find(&words, split).map(String::from)
    }

    /// What to take of it. `both` says whether a set that serves both sides has a split to measure on.
    fn take(&self, ask: Ask, both: bool) -> Result<Take, DataError> {
        let place = self.place.display();
        let take = |part, share, note| Take { part, share, place: self.place.clone(), note };
        let split = |name, share, note| Ok(take(Part::Split(name), share, note));
        let rest = |share, note| Ok(take(Part::Rest(self.names.clone()), share, note));
        let missing = |split| Err(self.lacks(split));
        match ask {
            Ask::All => Ok(take(Part::All, Share::Whole, None)),
            Ask::Split(name) => match (self.find(name), purpose(name), self.rest) {
                (Some(found), ..) => split(found, Share::Whole, None),
                (None, Some(0), true) => rest(Share::Learn(VAL_FRACTION), None),
                (None, Some(1), true) => rest(Share::Measure(VAL_FRACTION), None),
                (None, Some(1), false) if !both => match self.find("train") {
                    Some(train) => split(train, Share::Measure(VAL_FRACTION), None),
                    None => missing(name),
                },
                _ => missing(name),
            },
            Ask::Learn(sides) | Ask::Measure(sides) => {
                let learns = matches!(ask, Ask::Learn(_));
                let (learn, measure) = (sides.learn_name(), sides.measure_name());
                let to_measure = self.find(measure);
                let both_purposes = || sides.learn.is_none().then(|| self.find(BOTH)).flatten();
                let to_learn = self.find(learn).or_else(|| if to_measure.is_none() { both_purposes() } else { None });
                let holds_back = self.shared && !both && to_measure.is_none() && purpose(measure) == Some(1);
                let (wanted, name) = if learns { (&to_learn, learn) } else { (&to_measure, measure) };
                let held_back = |fraction| if learns { Share::Learn(fraction) } else { Share::Measure(fraction) };
                let whole = |of: &str| {
                    let purpose = if learns { "learn from" } else { "measure on" };
                    Some(format!("all of {place} is taken to {purpose}{of}: other data serve the other side"))
                };
                if let (Some(fraction), true) = (sides.val_fraction, self.shared) {
                    return match to_learn {
                        Some(found) => split(found, held_back(fraction), None),
                        None if self.rest => rest(held_back(fraction), None),
                        None => missing(learn),
                    };
                }
                let named = if learns { sides.learn } else { sides.measure };
                match (wanted, self.shared) {
                    (Some(found), _) if learns && holds_back => split(found.clone(), Share::Learn(VAL_FRACTION), None),
                    (Some(found), _) => split(found.clone(), Share::Whole, None),
                    // The other side has its own part.
                    (None, true) if self.rest && learns && to_measure.is_some() => rest(Share::Whole, None),
                    (None, true) if self.rest && to_learn.is_none() && purpose(name) == Some(usize::from(!learns)) => {
                        rest(held_back(VAL_FRACTION), None)
                    }
                    (None, true) => match to_learn {
                        Some(found) if !learns && holds_back => split(found, Share::Measure(VAL_FRACTION), None),
                        _ => missing(name),
                    },
                    (None, false) if self.rest && purpose(name).is_some() => rest(Share::Whole, whole("")),
                    (None, false) => match self.names.first() {
                        Some(only) if self.names.len() == 1 && named.is_none() => {
                            split(only.clone(), Share::Whole, whole(&format!(", though its one split is {only}")))
                        }
                        _ => missing(name),
                    },
                }
            }
        }
    }

    /// The error for a missing split.
    fn lacks(&self, split: &str) -> DataError {
        let hint = if self.names.is_empty() {
            "it has no splits of its own; train and val can be asked for, into which its pictures are then divided by \
             name, or leave the split out for all of it"
                .into()
        } else {
            let words = some_of(&self.names.iter().collect::<Vec<_>>());
            format!("its splits are {words}; name one of them as the split, or name other data for it")
        };
        DataError::NoSplit { path: self.place.clone(), split: split.into(), hint }
    }
}

/// What to take of each data set, or why one has nothing of what is asked for.
pub(crate) fn plan(sets: &[Splits], ask: Ask) -> Vec<Result<Take, DataError>> {
    let measured = |sides: Sides| sets.iter().any(|set| set.shared && set.find(sides.measure_name()).is_some());
    let both = match ask {
        Ask::All => false,
        Ask::Split(name) => sets.iter().any(|set| set.find(name).is_some()),
        Ask::Learn(sides) | Ask::Measure(sides) => measured(sides),
    };
    sets.iter().map(|set| set.take(ask, both)).collect()
}

impl Take {
    /// Whether it includes the pictures of a split, or those outside of any.
    pub fn includes(&self, split: Option<&str>) -> bool {
        match &self.part {
            Part::All => true,
            Part::Split(wanted) => split == Some(wanted),
            Part::Rest(others) => split.is_none_or(|split| !others.contains(split)),
        }
    }

    /// Whether it is everything, pictures in no split included.
    pub fn is_all(&self) -> bool {
        self.part == Part::All
    }

    /// Which of these names of pictures are taken, and a note for the report.
    pub fn of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> (HashSet<&'a str>, Option<String>) {
        let names: BTreeSet<&str> = names.into_iter().collect();
        let (fraction, learn) = match self.share {
            Share::Whole => return (names.into_iter().collect(), self.note.clone()),
            Share::Learn(fraction) => (fraction, true),
            Share::Measure(fraction) => (fraction, false),
        };
        let why = match &self.part {
            Part::Split(split) => format!("has the split {split} alone"),
            _ => "has no splits".into(),
        };
        let place = self.place.display();
        if names.len() == 1 {
            let note = format!("{place} {why} and one picture, which is taken to learn from and to measure on");
            return (names.into_iter().collect(), Some(note));
        }
        let all = names.len();
        let held_back = held_back(&names, fraction);
        let taken: HashSet<&str> = names.into_iter().filter(|name| held_back.contains(name) != learn).collect();
        let note = format!(
            "{place} {why}; {} of its {all} pictures are taken to {}, since a hash of each name holds back {:.0}% to \
             measure on",
            taken.len(),
            if learn { "learn from" } else { "measure on" },
            fraction * 100.0
        );
        (taken, Some(note))
    }
}

/// The names that are measured on. A small set may have none, or nothing else; then the closest one is moved.
fn held_back<'a>(names: &BTreeSet<&'a str>, fraction: f64) -> HashSet<&'a str> {
    let place = |name: &&'a str| {
        let hash = hash(name);
        // The last digit first, so that a tenth are those whose number ends in 0.
        (hash % 10 * 1000 + hash / 10 % 1000, hash)
    };
    let (least, greatest) = (names.iter().copied().min_by_key(place), names.iter().copied().max_by_key(place));
    let within = |name: &&'a str| (place(name).0 as f64) < fraction * 10_000.0;
    let kept = |name: &&'a str| (within(name) && Some(*name) != greatest) || Some(*name) == least;
    names.iter().copied().filter(kept).collect()
}

/// A number that depends on the name alone, on every machine.
fn hash(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The number of the purpose that a word means: to learn from, to measure on, to test.
fn purpose(word: &str) -> Option<usize> {
    let word = without_year(word).to_lowercase();
    NAMES.iter().position(|names| names.contains(&&word[..]))
}

/// Whether a word names a split: `train`, `Val2017`.
pub(super) fn is_split(word: &str) -> bool {
    purpose(word).is_some() || without_year(word).eq_ignore_ascii_case(BOTH)
}

/// Whether two splits have no picture in common by their names.
pub(super) fn differ(one: &str, other: &str) -> bool {
    purpose(one).zip(purpose(other)).is_some_and(|(one, other)| one != other)
}

/// Whether two words mean the same split.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one == other || purpose(one).is_some() && purpose(one) == purpose(other)
}

/// The split that the folders of a file below `root` name, in lower case.
pub(super) fn of(file: &Path, root: &Path) -> Option<String> {
    let folders = file.strip_prefix(root).ok()?.parent()?;
    in_folders(folders.iter().filter_map(|part| part.to_str()))
}

/// The split that one of these folders names, in lower case: by itself (`train2017`) or by a word of its name
/// (`train_images`).
pub(super) fn in_folders<'a>(mut folders: impl Iterator<Item = &'a str>) -> Option<String> {
    folders.find_map(in_name)
}

/// The one word of a name that is a split, in lower case.
pub(super) fn in_name(name: &str) -> Option<String> {
    let mut splits = name.split(|c: char| !c.is_alphanumeric()).filter(|word| is_split(word));
    let split = splits.next()?.to_lowercase();
    splits.next().is_none().then_some(split)
}

/// The word that means `split`: itself, else the only one with a year (`train2017` for `train`), else another name for
/// the same purpose. Capitals do not matter.
fn find<'a>(words: &[&'a str], split: &str) -> Option<&'a str> {
    let split = split.to_lowercase();
    let group = NAMES.iter().find(|names| names.contains(&&split[..])).copied().unwrap_or_default();
    let names = [&split[..]].into_iter().chain(group.iter().copied().filter(|name| *name != split));
    names.into_iter().find_map(|name| {
        let with_year: BTreeSet<&str> = words.iter().copied().filter(|word| without_year(word) == name).collect();
        let only = || with_year.first().copied().filter(|_| with_year.len() == 1);
        words.iter().copied().find(|word| *word == name).or_else(only)
    })
}

fn without_year(word: &str) -> &str {
    word.trim_end_matches(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const RUN: Sides = Sides { learn: None, measure: None, other: &[], val_fraction: None };

    fn splits(names: &[&str]) -> Splits {
        let of_parts = names.iter().map(|name| Some(name.to_string()).filter(|name| !name.is_empty()));
        Splits::new(Path::new("set"), of_parts)
    }

    fn pictures(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("p{i}")).collect()
    }

    /// The names taken of pictures outside of splits.
    fn taken(names: &[String], ask: Ask) -> BTreeSet<String> {
        let take = splits(&[]).take(ask, false).unwrap();
        take.of(names.iter().map(String::as_str)).0.into_iter().map(String::from).collect()
    }

    #[test]
    fn a_picture_stays_on_its_side_and_a_tenth_is_measured_on() {
        let names = pictures(1000);
        for (learn, measure) in [(Ask::Learn(RUN), Ask::Measure(RUN)), (Ask::Split("train"), Ask::Split("Valid"))] {
            let (train, val) = (taken(&names, learn), taken(&names, measure));
            assert!((70..130).contains(&val.len()), "{}", val.len());
            assert!(train.len() + val.len() == names.len() && train.is_disjoint(&val));
            let first: BTreeSet<String> = val.iter().filter(|name| names[..500].contains(name)).cloned().collect();
            assert_eq!(taken(&names[..500], measure), first, "adding pictures moved others across");
        }
        let third = Sides { val_fraction: Some(0.3), ..RUN };
        let (train, val) = (taken(&names, Ask::Learn(third)), taken(&names, Ask::Measure(third)));
        assert!((260..340).contains(&val.len()) && train.is_disjoint(&val), "{}", val.len());
    }

    #[test]
    fn a_small_set_has_both_and_another_split_is_an_error() {
        // Whatever the names: both of the second hash to a multiple of ten.
        let tens = (0..).map(|i| format!("q{i}")).filter(|name| hash(name).is_multiple_of(10)).take(2).collect();
        for names in (2..12).map(pictures).chain([tens]) {
            let (train, val) = (taken(&names, Ask::Learn(RUN)), taken(&names, Ask::Measure(RUN)));
            assert!(!train.is_empty() && !val.is_empty() && train.is_disjoint(&val), "{names:?}");
        }
        for ask in [Ask::Learn(RUN), Ask::Measure(RUN)] {
            let (kept, note) = splits(&[]).take(ask, false).unwrap().of(["a"]);
            assert!(kept.len() == 1 && note.unwrap().contains("one picture"));
        }
        let error = splits(&[]).take(Ask::Split("test"), false).unwrap_err().to_string();
        assert!(error.contains("\"test\"") && error.contains("train and val"), "{error}");
    }

    #[test]
    fn a_split_is_found_by_itself_with_a_year_in_any_capitals_and_by_its_other_names() {
        assert_eq!(find(&["val2017", "train2017"], "Train"), Some("train2017"));
        assert_eq!(find(&["train2017", "train"], "train"), Some("train"));
        assert_eq!(find(&["train", "validation"], "val"), Some("validation"));
        assert_eq!(find(&["train", "test"], "val"), None);
        assert_eq!(find(&["train2014", "train2017"], "train"), None, "the user has to choose");
        assert_eq!(find(&["trainval"], "train"), None);
        assert_eq!(find(&["training", "testing"], "train"), Some("training"));
        assert!(is_split("Train2017") && is_split("Validation") && !is_split("trains") && !is_split("2017"));
        assert_eq!(in_name("train_images").as_deref(), Some("train"));
        assert_eq!(in_name("instances_Validation").as_deref(), Some("validation"));
        assert_eq!(in_name("train-val"), None, "two of them are none");
    }

    /// What each side of a run takes of one set: the split, and whether it is divided.
    fn both(names: &[&str], shared: bool) -> [Option<(String, bool)>; 2] {
        let set = Splits { shared, ..splits(names) };
        [Ask::Learn(RUN), Ask::Measure(RUN)].map(|ask| {
            let take = plan(std::slice::from_ref(&set), ask).pop().unwrap().ok()?;
            let part = match take.part {
                Part::All => "all".into(),
                Part::Split(split) => split,
                Part::Rest(_) => "rest".into(),
            };
            Some((part, take.share != Share::Whole))
        })
    }

    #[test]
    fn a_set_trains_with_the_defaults_whatever_its_splits_are_called() {
        let whole = |name: &str| Some((name.to_string(), false));
        let divided = |name: &str| Some((name.to_string(), true));
        for (names, learn, measure) in [
            (&["train", "val"][..], whole("train"), whole("val")),
            (&["train", "validation", "test"], whole("train"), whole("validation")),
            (&["train2017"], divided("train2017"), divided("train2017")),
            (&["train", "test"], divided("train"), divided("train")),
            (&["trainval", "test"], divided("trainval"), divided("trainval")),
            (&["trainval", "val"], None, whole("val")),
            (&["default"], divided("rest"), divided("rest")),
            (&["my_set"], divided("rest"), divided("rest")),
            (&[""], divided("rest"), divided("rest")),
            (&["", "val"], whole("rest"), whole("val")),
            (&["fold_1", "fold_2"], None, None),
            (&["test"], None, None),
        ] {
            assert_eq!(both(names, true), [learn, measure], "{names:?}");
        }
        assert_eq!(both(&[], false), [whole("rest"), whole("rest")], "named for one side alone");
        assert_eq!(both(&["train"], false), [whole("train"), whole("train")]);
        assert_eq!(both(&["train", "test"], false), [whole("train"), None]);
        let unknown = Ask::Measure(Sides { measure: Some("holdout"), ..RUN });
        assert!(splits(&["train"]).take(unknown, false).is_err(), "what is named has to be there");
    }

    #[test]
    fn nothing_is_held_back_where_another_set_has_a_split_to_measure_on() {
        let sets = [splits(&["train"]), splits(&["train", "val"])];
        let learn: Vec<Share> = plan(&sets, Ask::Learn(RUN)).into_iter().map(|take| take.unwrap().share).collect();
        assert_eq!(learn, [Share::Whole; 2]);
        let measure = plan(&sets, Ask::Measure(RUN));
        assert!(measure[0].is_err() && measure[1].is_ok());
    }
}
