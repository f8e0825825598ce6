//! What all binaries share: exit codes and results on standard output. Only binaries import it.

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::console::complain;
use crate::failure::Failure;

/// Ends a program: 0 done, 1 failed while running, 2 bad usage or bad input (as clap does).
pub fn exit(result: Result<(), Failure>) -> ExitCode {
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Run(message)) => (message, 1),
        Err(Failure::Input(message)) => (message, 2),
    };
    complain(&message);
    ExitCode::from(code)
}

/// Prints the one JSON document that `--json` promises on stdout, ending in a line break.
///
/// # Errors
/// A [`Failure::Run`] if stdout cannot be written. A reader that has gone (`| head`) is not an error.
pub fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|e| Failure::Run(format!("The result cannot be written as JSON: {e}.")))?;
    print_text(&format!("{text}\n"))
}

/// Prints text for people on stdout.
///
/// # Errors
/// Those of [`print_json`].
pub fn print_text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Run(format!("The result cannot be written to standard output: {e}; redirect it elsewhere.")))
        }
        _ => Ok(()),
    }
}
