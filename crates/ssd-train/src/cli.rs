//! What the native programs share at their edge: exit codes, `--device`, one JSON document on stdout, progress bars, and
//! files that are replaced whole or not at all.
//!
//! What it is not: it opens no device and knows no program's flags.

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::detector::DetectorError;

pub use crate::device_choice::{DeviceChoice, DeviceChoices, DeviceKind, DeviceParseError, Lender, Place};

/// Why a program ends early, with the sentence that the user reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Bad usage or bad input: exit code 2.
    Input(String),
    /// Failed while running: exit code 1.
    Run(String),
}

impl Failure {
    /// An error that the user mends by other arguments or another file.
    pub fn input(error: impl fmt::Display) -> Self {
        Self::Input(error.to_string())
    }

    /// An error that came up on the way: a full disk, a lost device.
    pub fn run(error: impl fmt::Display) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::run(error)
    }
}

impl From<DetectorError> for Failure {
    /// A file or a device is the user's choice; what fails on the device is not.
    fn from(error: DetectorError) -> Self {
        match error {
            DetectorError::Read { .. } | DetectorError::Weights { .. } | DetectorError::Device(_) => Self::input(error),
            DetectorError::Gpu(_) | DetectorError::EmptyPicture => Self::run(error),
        }
    }
}

/// Ends a program: 0 done, 1 failed while running, 2 bad usage or bad input (clap ends with 2 as well).
pub fn exit(result: Result<(), Failure>) -> ExitCode {
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Run(message)) => (message, 1),
        Err(Failure::Input(message)) => (message, 2),
    };
    complain(&message);
    ExitCode::from(code)
}

/// One line on stderr, as every error of these programs looks.
pub fn complain(message: &str) {
    // Nobody is left to tell where stderr is closed.
    let _ = writeln!(io::stderr(), "error: {message}");
}

/// A line for a person who watches, on stderr, so that stdout holds the result alone.
pub fn note(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// The one JSON document that `--json` promises, on stdout, with a line break at its end.
///
/// # Errors
/// A [`Failure::Run`] where stdout does not take it. A reader that has gone (`| head`) is not an error.
pub fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|e| Failure::Run(format!("The result cannot be written as JSON: {e}.")))?;
    print_text(&format!("{text}\n"))
}

/// Text on stdout, for a person.
///
/// # Errors
/// As [`print_json`].
pub fn print_text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Run(format!("The result cannot be written to standard output: {e}; redirect it elsewhere.")))
        }
        _ => Ok(()),
    }
}

/// A bar on stderr for `len` items; nothing at all where stderr is no terminal.
pub fn progress_bar(len: usize, what: &str) -> ProgressBar {
    // The template is constant; should it ever be refused, the plain bar serves as well.
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} eta {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(len as u64).with_style(style).with_message(what.to_owned())
}

/// A file that was not written; what was there before is unchanged.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} was not written: {source}; free some space or choose another place. What was there before is unchanged."
)]
pub struct WriteError {
    path: String,
    source: io::Error,
}

/// Writes a file whole or not at all: a new file beside it, flushed to the disk, then renamed over it.
///
/// # Errors
/// [`WriteError`] for a full disk, a missing folder, missing rights; no temporary file stays behind.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    write_atomic_by(path, |file| {
        file.write_all(bytes).map_err(|source| WriteError { path: path.display().to_string(), source })
    })
}

/// The same for content that is made while it is written.
///
/// # Errors
/// As [`write_atomic`], and what `fill` fails with.
pub fn write_atomic_by<E: From<WriteError>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn io::Write) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |source| WriteError { path: path.display().to_string(), source };
    let mut file = temporary_beside(path).map_err(failed)?;
    fill(&mut file)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn temporary_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    // A temporary file is for its owner alone by default; this one will be an ordinary file, as the umask has it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomic(&path, b"first").unwrap();
        write_atomic(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");

        // A folder in the place of the file: the rename fails, the sentence names the file, nothing stays behind.
        let taken = folder.path().join("taken");
        std::fs::create_dir_all(taken.join("full")).unwrap();
        let message = write_atomic(&taken, b"third").unwrap_err().to_string();
        assert!(message.contains("taken"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
