//! The harness: libtest's look and options, and tests that find out while they run that this machine lacks something.
//!
//! libtest decides what it ignores when it compiles. Here a test calls [`skip`], and is reported as ignored with the
//! reason.

use std::any::Any;
use std::panic::{catch_unwind, resume_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
pub use linkme::{self, distributed_slice};

/// A test: what `#[test]` enters in [`TESTS`].
pub struct Test {
    /// Path of the function, the program's name first.
    pub path: &'static str,
    /// The function.
    pub run: fn(),
}

/// Every test of the program, in no order.
#[distributed_slice]
pub static TESTS: [Test];

/// Carries the reason of [`skip`] up to the harness.
struct Skipped(String);

/// Ends the running test: this machine lacks something that it needs. The harness reports it as ignored, with the
/// reason.
pub fn skip(why: impl Into<String>) -> ! {
    resume_unwind(Box::new(Skipped(why.into())))
}

/// Runs the tests that the arguments ask for.
pub fn main() -> ExitCode {
    let mut tests: Vec<_> = TESTS.iter().map(|test| (name(test.path), test.run)).collect();
    tests.sort_unstable_by_key(|(name, _)| *name);
    let trials = tests.into_iter().map(|(name, run)| Trial::ignorable_test(name, move || timed(name, run))).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The path within the program.
fn name(path: &str) -> &str {
    path.split_once("::").map_or(path, |(_, name)| name)
}

/// A test that takes longer than this says so.
const SLOW: Duration = Duration::from_secs(10);

fn timed(name: &str, test: fn()) -> Result<Completion, Failed> {
    let start = Instant::now();
    let outcome = outcome(test);
    let taken = start.elapsed();
    if taken > SLOW {
        eprintln!("{name} took {} s", taken.as_secs());
    }
    outcome
}

fn outcome(test: fn()) -> Result<Completion, Failed> {
    let ended: Result<(), Box<dyn Any + Send>> = catch_unwind(test);
    match ended.map_err(|payload| payload.downcast::<Skipped>()) {
        Ok(()) => Ok(Completion::Completed),
        Err(Ok(skipped)) => Ok(Completion::ignored_with(skipped.0)),
        Err(Err(panic)) => resume_unwind(panic),
    }
}
