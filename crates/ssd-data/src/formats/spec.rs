//! What a format is to the rest of the crate: one row, in the file of its reader.

use std::path::Path;

use super::found::Found;
use crate::error::DataError;

/// A format of data sets on disk.
#[derive(Debug)]
pub(crate) struct FormatSpec {
    /// Its name on the command line and in `config.json`.
    pub name: &'static str,
    /// What a folder of it is recognised by, for people.
    pub looked_for: &'static str,
    /// The data sets of this format at a path that nobody has named a format for; empty where it is not of this format.
    pub recognise: fn(&Path) -> Result<Vec<Part>, DataError>,
    /// The data sets at a path that was said to be of this format.
    pub parts: fn(&Path) -> Result<Vec<Part>, DataError>,
}

/// One data set, found and not read yet: reads the split of a name, without one all pictures.
pub(crate) struct Part(pub Box<dyn Fn(Option<&str>) -> Result<Vec<Found>, DataError>>);
