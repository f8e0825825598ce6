//! What a person reads on stderr while a program works: lines, errors, progress bars. Standard output is for results alone.

use std::io::{self, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

/// One line on stderr, as every error of these programs looks.
pub fn complain(message: &str) {
    // Nobody is left to tell where stderr is closed.
    let _ = writeln!(io::stderr(), "error: {message}");
}

/// A line for a person who watches, on stderr, so that stdout holds the result alone.
pub fn note(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// A bar on stderr for `len` items; nothing at all where stderr is no terminal.
pub fn progress_bar(len: usize, what: &str) -> ProgressBar {
    // The template is constant; should it ever be refused, the plain bar serves as well.
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} eta {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(len as u64).with_style(style).with_message(what.to_owned())
}
