//! What people see on stderr: lines, errors, progress bars. Standard output is for results alone.

use std::io::{self, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

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
    bar(len, what, "{msg} {wide_bar} {pos}/{len} eta {eta}")
}

/// The same for pictures, with how many of them are done in a second.
pub fn picture_bar(len: usize, what: &str) -> ProgressBar {
    bar(len, what, "{msg} {wide_bar} {pos}/{len}, {pace} pictures/s, eta {eta}")
}

fn bar(len: usize, what: &str, template: &str) -> ProgressBar {
    let pace = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        // A pace that cannot be written is not seen.
        let _ = write!(text, "{:.1}", state.per_sec());
    };
    // The templates are constant; should one ever be invalid, the plain bar will do.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(len as u64).with_style(style.with_key("pace", pace)).with_message(what.to_owned())
}

/// How many pictures took how long, as a sentence.
pub fn pace(pictures: usize, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    format!("{pictures} pictures in {seconds:.1} s, {:.1} pictures/s.", pictures as f64 / seconds.max(1e-9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_pictures_in_a_second() {
        assert_eq!(pace(30, Duration::from_millis(1500)), "30 pictures in 1.5 s, 20.0 pictures/s.");
        assert!(pace(1, Duration::ZERO).contains("1 pictures in 0.0 s"));
    }
}
