//! What the native programs share at their edge: exit codes, `--device`, one JSON document on stdout, progress bars, and
//! files that are replaced whole or not at all.
//!
//! What it is not: it opens no device and knows no program's flags.

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::detector::DetectorError;

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
    replace(path, bytes).map_err(|source| WriteError { path: path.display().to_string(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    // A temporary file is for its owner alone by default; this one will be an ordinary file, as the umask has it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// What `--device` asks for: which kind, and the how-manieth of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceChoice {
    /// Which kind.
    pub kind: DeviceKind,
    /// Which one of that kind, from 0.
    pub index: usize,
}

/// The kinds of device by their names on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceKind {
    /// A GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// A GPU by WebGPU's WGSL, through whatever the system offers.
    Wgpu,
    /// A GPU by Vulkan's SPIR-V.
    Vulkan,
    /// An NVIDIA GPU by CUDA.
    Cuda,
    /// The processor.
    Cpu,
}

impl DeviceKind {
    const NAMES: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("wgpu", Self::Wgpu),
        ("vulkan", Self::Vulkan),
        ("cuda", Self::Cuda),
        ("cpu", Self::Cpu),
    ];
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = DeviceKind::NAMES.iter().find(|(_, kind)| *kind == self.kind).map_or("auto", |(name, _)| name);
        if self.index == 0 { f.write_str(name) } else { write!(f, "{name}:{}", self.index) }
    }
}

impl FromStr for DeviceChoice {
    type Err = DeviceParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, index) = text.split_once(':').unwrap_or((text, "0"));
        let known = DeviceKind::NAMES.iter().find(|(known, _)| *known == name);
        let (_, kind) = *known.ok_or_else(|| DeviceParseError::Kind(name.to_owned()))?;
        let index = index.parse().map_err(|_| DeviceParseError::Index(index.to_owned()))?;
        Ok(Self { kind, index })
    }
}

/// What is wrong with a `--device`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceParseError {
    /// The part before the colon.
    #[error("there is no device kind \"{0}\"; use auto, wgpu, vulkan, cuda or cpu")]
    Kind(String),
    /// The part after the colon.
    #[error("\"{0}\" is no device index; use a whole number from 0, as in wgpu:1")]
    Index(String),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn device_is_a_kind_and_an_index() {
        let choice = |text: &str| text.parse::<DeviceChoice>();
        assert_eq!(choice("auto").unwrap(), DeviceChoice::default());
        assert_eq!(choice("vulkan:2").unwrap(), DeviceChoice { kind: DeviceKind::Vulkan, index: 2 });
        for text in ["auto", "wgpu", "vulkan", "cuda:1", "cpu:12"] {
            assert_eq!(choice(text).unwrap().to_string(), text);
        }
        assert_eq!(choice("gpu").unwrap_err(), DeviceParseError::Kind("gpu".into()));
        for (text, index) in [("wgpu:", ""), ("wgpu:-1", "-1"), ("cpu:0:1", "0:1")] {
            assert_eq!(choice(text).unwrap_err(), DeviceParseError::Index(index.into()), "{text}");
        }
    }

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
