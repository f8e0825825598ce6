//! The kernels against their twins, on whatever wgpu device this machine has; a software adapter will do.

mod frames;
mod least;
mod mining;
pub(crate) mod network;
mod padding;

use pollster::block_on;
use ssd_gpu::verify;
use ssd_tests::gpu;

#[test]
fn kernels_agree_with_their_twins() {
    let gpu = gpu();
    let report = block_on(verify(&gpu));
    for case in &report.cases {
        eprintln!("{} {}: {}", if case.ok { "ok    " } else { "FAILED" }, case.name, case.detail);
    }
    assert!(report.cases.len() >= 150, "{} comparisons only", report.cases.len());
    let failed = report.failed();
    assert!(failed.is_empty(), "{} of {} comparisons failed: {failed:#?}", failed.len(), report.cases.len());
}
