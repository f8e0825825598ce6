//! Which class columns of a TensorFlow Lite detector are classes, and what they are called.

use crate::labels::{self, NONE};

/// What TensorFlow's label files have for a number that is no class.
const NO_CLASS: &str = "???";

/// The classes of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Classes {
    pub(super) labels: Vec<String>,
    /// Their columns, counted from the first after the background.
    pub(super) columns: Vec<usize>,
}

/// Names for `count` columns without background. `given` are the lines of a label file: one for each column, also with
/// one before for the background, or one for each class alone.
///
/// # Errors
///
/// A sentence where they are as many as neither.
pub(super) fn classes(count: usize, given: Option<&[String]>) -> Result<Classes, String> {
    let known = labels::known_or_numbers(count + 1);
    let Some(given) = given else { return Ok(named(&known)) };
    let lines = match given {
        [first, rest @ ..] if rest.len() == count && is_none(first) => rest,
        _ => given,
    };
    if lines.len() == count {
        return Ok(named(lines));
    }
    let columns = named(&known).columns;
    let labels: Vec<String> = given.iter().filter(|name| !is_none(name)).cloned().collect();
    match labels.len() == columns.len() {
        true => Ok(Classes { labels, columns }),
        false => {
            let (given, kept) = (given.len(), columns.len());
            let or = if kept == count { String::new() } else { format!(" or {kept}") };
            Err(format!("there are {given} labels, and the file has {count}{or} classes without background"))
        }
    }
}

fn is_none(name: &str) -> bool {
    name == NO_CLASS || name == NONE
}

/// The columns whose name is one.
fn named(names: &[String]) -> Classes {
    let kept = || names.iter().enumerate().filter(|(_, name)| !is_none(name));
    Classes { labels: kept().map(|(_, name)| name.clone()).collect(), columns: kept().map(|(at, _)| at).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: usize, lines: &[&str]) -> Result<(Vec<String>, Vec<usize>), String> {
        let lines: Vec<String> = lines.iter().map(|line| (*line).into()).collect();
        classes(count, Some(&lines)).map(|classes| (classes.labels, classes.columns))
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn numbers_that_are_no_class_are_left_out() {
        let coco = classes(90, None).expect("a known number");
        assert_eq!((coco.labels.len(), coco.columns[0], coco.columns[79]), (80, 0, 89));
        assert!(!coco.columns.contains(&11) && coco.labels[79] == "toothbrush");
        assert_eq!(of(3, &["???", "a", "???", "c"]), Ok((owned(&["a", "c"]), vec![0, 2])));
        assert_eq!(of(3, &["a", "???", "c"]), Ok((owned(&["a", "c"]), vec![0, 2])));
        assert_eq!(classes(2, None).map(|classes| classes.labels), Ok(owned(&["class 1", "class 2"])));
    }

    #[test]
    fn a_file_may_name_the_classes_alone() {
        assert_eq!(of(2, &["???", "a", "???", "b"]), Ok((owned(&["a", "b"]), vec![0, 1])));
        let names: Vec<String> = (0..80).map(|index| format!("name {index}")).collect();
        let coco = classes(90, Some(&names)).expect("as many as COCO has");
        assert_eq!((coco.labels[79].as_str(), coco.columns[79]), ("name 79", 89));
        assert!(of(2, &["a", "b", "c"]).is_err_and(|text| text.contains("3 labels")));
    }
}
