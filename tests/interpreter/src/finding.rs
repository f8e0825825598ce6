//! What is wrong with a kernel, and where.

use std::fmt;

use crate::Place;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Two invocations meet at a word with no barrier between them, one writes, and not both do it atomically.
    Race,
    /// An index beyond a buffer, an array or a texture.
    Outside,
    /// A word is read that nothing was written to.
    Unwritten,
    /// Not all invocations of a workgroup reach a barrier, or not in the same round of its loops.
    Divergent,
    /// Another order of the invocations gives another result.
    Order,
    /// An invocation does not end.
    Endless,
}

/// Something wrong with a kernel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where it was noticed.
    pub place: Place,
    /// The variable that is accessed; empty for a barrier.
    pub variable: String,
    /// Where the other invocation is, or what it did before.
    pub other: Option<Place>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, place, variable, other } = self;
        match kind {
            Kind::Race => write!(f, "{place}: a race for a word of `{variable}`")?,
            Kind::Outside => write!(f, "{place}: an index beyond the end of `{variable}`")?,
            Kind::Unwritten => write!(f, "{place}: a read of `{variable}` where nothing was written")?,
            Kind::Divergent => write!(f, "{place}: a barrier that not all invocations reach together")?,
            Kind::Order => write!(f, "{place}: `{variable}` depends on the order of the invocations")?,
            Kind::Endless => write!(f, "{place}: an invocation does not end")?,
        }
        match (kind, other) {
            (_, Some(other)) => write!(f, "; the other invocation: {other}"),
            (Kind::Divergent, None) => write!(f, "; another invocation has ended, or is in another round of a loop"),
            _ => Ok(()),
        }
    }
}
