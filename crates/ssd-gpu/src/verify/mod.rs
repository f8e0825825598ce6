//! Every kernel against its twin, on the device at hand.
//!
//! The stages are compared one by one, because one ulp of a score can swap two boxes in the end. Nothing blocks, so the same
//! check runs natively and in a page.

mod layers;
mod pictures;
mod problems;
mod stages;

use crate::Gpu;

/// One comparison.
#[derive(Debug, Clone)]
pub struct VerifyCase {
    /// The kernel, and the problem it got.
    pub name: String,
    /// Whether kernel and twin agree.
    pub ok: bool,
    /// How far they agree, or where they differ.
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

/// Agreement in words, or the difference.
type Verdict = Result<String, String>;

/// Compares all kernels with their twins.
pub async fn verify(gpu: &Gpu) -> VerifyReport {
    let mut cases = pictures::verify(gpu).await;
    cases.extend(layers::verify(gpu).await);
    cases.extend(stages::verify(gpu).await);
    VerifyReport { cases }
}

fn case(name: String, verdict: Result<Verdict, crate::GpuError>) -> VerifyCase {
    let verdict = verdict.unwrap_or_else(|error| Err(error.to_string()));
    let (ok, detail) = (verdict.is_ok(), verdict.unwrap_or_else(|difference| difference));
    VerifyCase { name, ok, detail }
}

/// Whether all numbers are within `tolerance` of the twin's, as a share of the larger ones.
fn close(what: &str, got: &[f32], want: &[f32], tolerance: f32) -> Verdict {
    if got.len() != want.len() {
        return Err(format!("{} times {what}, {} by the twin", got.len(), want.len()));
    }
    let far = |(got, want): (&f32, &f32)| (got - want).abs() / want.abs().max(1.0);
    // Not "farther than": a NaN is farther than nothing.
    let near = |pair: (&f32, &f32)| far(pair) <= tolerance;
    if let Some(i) = got.iter().zip(want).position(|pair| !near(pair)) {
        return Err(format!("{what} {i} is {}, {} by the twin", got[i], want[i]));
    }
    let largest = got.iter().zip(want).map(far).fold(0.0, f32::max);
    Ok(format!("{what}s differ by {largest:.1e} at most"))
}
