//! The outcome of a verification.

use super::compare::Verdict;
use crate::error::GpuError;

/// One comparison.
#[derive(Debug, Clone)]
pub struct VerifyCase {
    /// The kernel and the problem.
    pub name: String,
    /// Whether kernel and twin agree.
    pub ok: bool,
    /// How closely they agree, or where they differ.
    pub detail: String,
}

/// All comparisons.
#[derive(Debug, Clone)]
#[must_use = "a verification that nobody looks at verifies nothing"]
pub struct VerifyReport {
    /// In the order in which they were made.
    pub cases: Vec<VerifyCase>,
}

impl VerifyReport {
    /// The comparisons that failed.
    pub fn failed(&self) -> Vec<&VerifyCase> {
        self.cases.iter().filter(|case| !case.ok).collect()
    }
}

pub(super) fn case(name: String, verdict: Result<Verdict, GpuError>) -> VerifyCase {
    let verdict = verdict.unwrap_or_else(|error| Err(error.to_string()));
    let (ok, detail) = (verdict.is_ok(), verdict.unwrap_or_else(|difference| difference));
    VerifyCase { name, ok, detail }
}
