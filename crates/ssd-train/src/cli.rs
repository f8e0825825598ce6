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
    let text = serde_json::to_string_pretty(document).map_err(|e| unwritable(&e))?;
    print_text(&format!("{text}\n"))
}

/// The same document as a list that is printed element by element, so that a long one takes no memory.
#[derive(Debug, Default)]
pub struct JsonList {
    begun: bool,
}

impl JsonList {
    /// Prints the next element.
    ///
    /// # Errors
    /// Those of [`print_json`].
    pub fn push(&mut self, element: &impl Serialize) -> Result<(), Failure> {
        let text = self.element(element).map_err(|e| unwritable(&e))?;
        print_text(&text)
    }

    /// Prints the end of the list.
    ///
    /// # Errors
    /// Those of [`print_json`].
    pub fn finish(self) -> Result<(), Failure> {
        print_text(self.end())
    }

    fn element(&mut self, element: &impl Serialize) -> Result<String, serde_json::Error> {
        let start = if std::mem::replace(&mut self.begun, true) { ",\n  " } else { "[\n  " };
        // JSON has no line breaks in its strings, so each one begins a line of the form.
        Ok(start.to_owned() + &serde_json::to_string_pretty(element)?.replace('\n', "\n  "))
    }

    fn end(&self) -> &'static str {
        if self.begun { "\n]\n" } else { "[]\n" }
    }
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::Run(format!("The result cannot be written as JSON: {error}."))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_by_elements_is_the_list_as_a_whole() {
        for elements in [vec![], vec![json!({"a\nb": [1, {}]})], vec![json!({"a": []}), json!(2), json!({"b": "c"})]] {
            let mut list = JsonList::default();
            let mut text: String = elements.iter().map(|element| list.element(element).expect("JSON")).collect();
            text.push_str(list.end());
            assert_eq!(text, serde_json::to_string_pretty(&elements).expect("JSON") + "\n");
        }
    }
}
