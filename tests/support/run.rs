//! Running a program, and what each owes its user however it ends.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A program that has ended.
pub struct Ran {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a program to its end. Whatever its arguments, it does not panic and shows no backtrace.
pub fn run(program: &str, arguments: &[&str]) -> Ran {
    Ran::of(&mut command(program, arguments))
}

/// The program, not started yet.
pub fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(crate::program(program));
    // These users did not ask for a backtrace.
    command.args(arguments).env_remove("RUST_BACKTRACE");
    command
}

/// A path as an argument.
pub fn path_text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have names in UTF-8")
}

impl Ran {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        Self::from(command.output().expect("the program starts"))
    }

    /// From a process that has ended.
    pub fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("programs print UTF-8");
        let ran = Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        let noise = ["panicked at", "backtrace", "Os {", "Error {"];
        for word in noise {
            assert!(!ran.stderr.contains(word), "{word:?} is nothing for a user:\n{}", ran.stderr);
        }
        ran
    }

    /// It succeeded.
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "it failed:\n{}", self.stderr);
        assert!(!self.stderr.lines().any(|line| line.starts_with("error:")), "done, with errors:\n{}", self.stderr);
        self
    }

    /// It ended with this code and one error; the rest of that line.
    pub fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        let mut errors = self.stderr.lines().filter_map(|line| line.strip_prefix("error: "));
        let error = errors.next().unwrap_or_else(|| panic!("no error in:\n{}", self.stderr));
        assert_eq!(errors.next(), None, "more than one error");
        error
    }

    /// Its standard output, which is one JSON document and nothing else.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}
