//! A format as the rest of the crate sees it: one row, in the file of its reader.

use std::path::Path;

use super::found::Found;
use crate::error::DataError;

/// A format of data sets on disk.
#[derive(Debug)]
pub(crate) struct FormatSpec {
    /// Its name on the command line and in `config.json`.
    pub name: &'static str,
    /// What it is recognised by, in words for people.
    pub looked_for: &'static str,
    /// The data sets of this format at a path whose format was not named; empty if it is another.
    pub recognise: fn(&Path) -> Result<Vec<Part>, DataError>,
    /// The data sets at a path whose format was named.
    pub parts: fn(&Path) -> Result<Vec<Part>, DataError>,
}

/// Reads the split named, or all pictures without one.
pub(crate) type Open = dyn Fn(Option<&str>) -> Result<Vec<Found>, DataError>;

/// One data set, found but not read yet.
pub(crate) struct Part(pub Box<Open>);
