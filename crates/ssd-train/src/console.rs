//! What people see on stderr: lines, errors, progress bars. Standard output is for results alone.

use std::io::{self, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

/// One line on stderr, in the form that all errors have.
pub fn complain(message: &str) {
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "error: {message}");
}

/// A line of progress or information on stderr.
pub fn note(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// A progress bar on stderr for `len` items; hidden if stderr is not a terminal.
pub fn progress_bar(len: usize, what: &str) -> ProgressBar {
    // The template is constant; should it ever be invalid, the plain bar will do.
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} eta {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(len as u64).with_style(style).with_message(what.to_owned())
}
