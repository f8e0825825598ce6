//! Class names that fit a network.

use std::collections::HashSet;

use super::error::ImportError;
use crate::error::quoted;
use crate::labels;

/// Names for that many classes, background included, which may not repeat.
pub(super) fn checked(labels: &[String], classes: usize) -> Result<Vec<String>, ImportError> {
    let (given, wanted) = (labels.len(), classes - 1);
    if given != wanted {
        let what = format!("there are {given} labels, and the file has {wanted} classes without background");
        return Err(ImportError::Labels(what));
    }
    let mut seen = HashSet::new();
    match labels.iter().find(|label| *label != labels::NONE && !seen.insert(*label)) {
        Some(label) => Err(ImportError::Labels(format!("two classes are called {}", quoted(label)))),
        None => Ok(labels.to_vec()),
    }
}
