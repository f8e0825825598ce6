//! Counts what passed, failed and was skipped: steps of our own, and tests.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::shell;

/// The count so far.
pub struct Tally {
    start: Instant,
    passed: usize,
    failures: Vec<String>,
    failed: usize,
    skips: Vec<String>,
    skipped: usize,
}

impl Default for Tally {
    fn default() -> Self {
        Self { start: Instant::now(), passed: 0, failures: Vec::new(), failed: 0, skips: Vec::new(), skipped: 0 }
    }
}

impl Tally {
    /// Does a step of our own and counts it as one. `None` where it failed.
    pub fn step<T>(&mut self, title: &str, work: impl FnOnce() -> Result<T>) -> Option<T> {
        match shell::step(title, work) {
            Ok(value) => {
                self.passed += 1;
                Some(value)
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                self.fail(format!("{title}: {error:#}"));
                None
            }
        }
    }

    fn fail(&mut self, what: String) {
        self.failed += 1;
        self.failures.push(what);
    }

    /// Counts something that did not run: `name: why`.
    pub fn skip(&mut self, what: &str) {
        println!("SKIPPED {what}");
        self.skipped += 1;
        self.skips.push(what.to_owned());
    }

    /// Runs test programs and counts the tests in them. One that ends badly without a failed test (a crash, a compile
    /// error) counts as one failure.
    pub fn tests(&mut self, title: &str, command: &mut Command) {
        let failed_before = self.failed;
        let result = shell::step(title, || shell::run_reading(command, |line| self.read(line)));
        if let Err(error) = result
            && self.failed == failed_before
        {
            self.fail(format!("{title}: {error:#}"));
        }
    }

    /// Reads one line of a test program's output: the count at its end, and the names of what did not pass.
    fn read(&mut self, line: &str) {
        if let Some([passed, failed, skipped]) = summary(line) {
            self.passed += passed;
            self.failed += failed;
            self.skipped += skipped;
        } else if let Some((test, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
            let test = test.trim_end();
            if outcome == "FAILED" {
                self.failures.push(test.to_owned());
            } else if let Some(why) = outcome.strip_prefix("ignored") {
                // libtest: `ignored, why`; the harness of the integration tests: `ignored (why)`.
                let why = why.strip_prefix(", ").or_else(|| why.strip_prefix(" (")?.strip_suffix(')'));
                self.skips.push(format!("{test}: {}", why.unwrap_or("no reason given")));
            }
        }
    }

    /// Lists what failed and what was skipped, and the three numbers as the last line. An error if anything failed.
    pub fn finish(self) -> Result<()> {
        println!("\nTook {}.", shell::minutes(self.start.elapsed()));
        for what in &self.failures {
            println!("FAILED {what}");
        }
        for what in &self.skips {
            println!("SKIPPED {what}");
        }
        println!("{}", self.last_line());
        if self.failed > 0 {
            bail!("{} of the checks failed", self.failed);
        }
        Ok(())
    }

    fn last_line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// The first three numbers of `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
fn summary(line: &str) -> Option<[usize; 3]> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut numbers = counts.split("; ").filter_map(|part| part.split(' ').next()?.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Tally {
        let mut tally = Tally::default();
        text.lines().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn skipped_tests_did_not_pass_and_have_their_reason() {
        let tally = read(
            "running 4 tests\n\
             test a::one ... ok\n\
             test a::two   ... ignored (the data set is absent (or empty))\n\
             test a::three ... FAILED\n\
             test a::four ... ignored, takes an hour\n\
             \n\
             test result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.10s\n",
        );
        assert_eq!(tally.last_line(), "1 passed, 1 failed, 2 skipped");
        assert_eq!(tally.failures, ["a::three"]);
        assert_eq!(tally.skips, ["a::two: the data set is absent (or empty)", "a::four: takes an hour"]);
        assert!(tally.finish().is_err());
    }

    #[test]
    fn several_programs_add_up() {
        let line = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(read(&line.repeat(2)).last_line(), "4 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn a_program_that_crashes_is_a_failure() {
        let mut tally = Tally::default();
        tally.tests("crash", &mut shell::command("cargo", &["no-such-subcommand"]));
        assert_eq!(tally.last_line(), "0 passed, 1 failed, 0 skipped");
    }
}
