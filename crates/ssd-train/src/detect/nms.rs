//! `--nms`: how overlapping boxes are treated.

use clap::ValueEnum;
use ssd::postprocess::Nms;

/// The kinds of NMS by their names on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NmsName {
    /// A box that overlaps a better one of its class is removed
    Hard,
    /// Its score is lowered instead, more for larger overlaps
    Soft,
}

impl From<NmsName> for Nms {
    fn from(name: NmsName) -> Self {
        match name {
            NmsName::Hard => Self::Hard,
            NmsName::Soft => Self::Soft,
        }
    }
}
