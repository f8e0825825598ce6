//! A format as the rest of the crate sees it: one row, in the file of its reader.

use std::fmt;
use std::path::Path;

use super::found::Found;
use super::split::{Splits, Take};
use super::tree::Tree;
use crate::error::DataError;

/// A format of data sets on disk.
#[derive(Debug)]
pub(crate) struct FormatSpec {
    /// Its name on the command line and in `config.json`.
    pub name: &'static str,
    /// What it is recognised by, in words for people.
    pub looked_for: &'static str,
    /// The data sets of this format in a folder whose format was not named; empty if it is another.
    pub recognise: fn(&Tree) -> Result<Vec<Set>, DataError>,
    /// The data sets at a path whose format was named.
    pub named: fn(&Path) -> Result<Vec<Set>, DataError>,
}

/// Reads what is taken of a set.
pub(crate) type Open = dyn Fn(&Take) -> Result<Vec<Found>, DataError>;

/// One data set, found but not read yet.
pub(crate) struct Set {
    /// Pictures that have an annotation, as far as that is known: it tells which format a folder is.
    pub annotated: usize,
    /// Its splits.
    pub splits: Splits,
    pub open: Box<Open>,
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with {} annotated pictures", self.splits, self.annotated)
    }
}
