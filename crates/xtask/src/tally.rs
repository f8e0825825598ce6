//! What passed, failed and was skipped: steps of our own, and tests as read from what libtest prints.
//!
//! A test that lacks something prints a line `SKIPPED name: why` and returns, so libtest calls it passed. Here it is not.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::shell;

/// The count so far.
pub struct Tally {
    start: Instant,
    passed: usize,
    failed: usize,
    failures: Vec<String>,
    skipped: Vec<String>,
    /// Tests that libtest counts as passed and that said that they were skipped.
    skipping: BTreeSet<String>,
    /// The test whose output is being read.
    section: String,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            passed: 0,
            failed: 0,
            failures: Vec::new(),
            skipped: Vec::new(),
            skipping: BTreeSet::new(),
            section: String::new(),
        }
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
                self.failed += 1;
                self.failures.push(format!("{title}: {error:#}"));
                None
            }
        }
    }

    /// Counts something that did not run: `name: why`.
    pub fn skip(&mut self, what: &str) {
        println!("SKIPPED {what}");
        self.skipped.push(what.to_owned());
    }

    /// Runs a test program and counts the tests in it. One that ends badly without a failed test (a crash, a compile
    /// error) counts as one failure.
    pub fn tests(&mut self, title: &str, command: &mut std::process::Command) {
        let failed_before = self.failed;
        let result = shell::step(title, || shell::run_reading(command, |line| self.read(line)));
        if let Err(error) = result
            && self.failed == failed_before
        {
            self.failed += 1;
            self.failures.push(format!("{title}: {error:#}"));
        }
    }

    /// Reads one line of libtest's output.
    fn read(&mut self, line: &str) {
        if let Some(test) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.section = test.to_owned();
        } else if let Some(what) = line.strip_prefix("SKIPPED ") {
            self.skipped.push(what.to_owned());
            self.skipping.insert(self.section.clone());
        } else if let Some((passed, failed)) = summary(line) {
            self.passed += passed.saturating_sub(self.skipping.len());
            self.failed += failed;
            self.skipping.clear();
        } else if let Some((test, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
            if outcome == "FAILED" {
                self.failures.push(test.to_owned());
            } else if let Some(why) = outcome.strip_prefix("ignored") {
                let why = why.strip_prefix(", ").unwrap_or("ignored without a reason");
                self.skipped.push(format!("{test}: {why}"));
            }
        }
    }

    /// Lists what failed and what was skipped, and the three numbers as the last line. An error if anything failed.
    pub fn finish(self) -> Result<()> {
        println!("\nTook {}.", shell::minutes(self.start.elapsed()));
        for what in &self.failures {
            println!("FAILED {what}");
        }
        for what in &self.skipped {
            println!("SKIPPED {what}");
        }
        println!("{}", self.last_line());
        if self.failed > 0 {
            bail!("{} of the checks failed", self.failed);
        }
        Ok(())
    }

    fn last_line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }
}

/// The first two numbers of `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
fn summary(line: &str) -> Option<(usize, usize)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut numbers = counts.split("; ").filter_map(|part| part.split(' ').next()?.parse().ok());
    Some((numbers.next()?, numbers.next()?))
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
    fn a_test_that_says_it_was_skipped_did_not_pass() {
        let tally = read(
            "running 4 tests\n\
             test a::one ... ok\n\
             test a::two ... ok\n\
             test a::three ... FAILED\n\
             test a::four ... ignored, takes an hour\n\
             \n\
             successes:\n\
             \n\
             ---- a::two stdout ----\n\
             SKIPPED two/first: the data set is absent\n\
             SKIPPED two/second: the data set is absent\n\
             \n\
             test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s\n",
        );
        assert_eq!(tally.last_line(), "1 passed, 1 failed, 3 skipped");
        assert_eq!(tally.failures, ["a::three"]);
        assert_eq!(tally.skipped[0], "a::four: takes an hour");
        assert_eq!(tally.skipped[1], "two/first: the data set is absent");
        assert!(tally.finish().is_err());
    }

    #[test]
    fn several_programs_add_up() {
        let line = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(read(&line.repeat(2)).last_line(), "4 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn a_program_that_dies_without_a_word_is_a_failure() {
        let mut tally = Tally::default();
        tally.tests("crash", &mut shell::command("cargo", &["no-such-subcommand"]));
        assert_eq!(tally.last_line(), "0 passed, 1 failed, 0 skipped");
    }
}
