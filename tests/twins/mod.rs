//! The kernels against their twins, on whatever wgpu device this machine has; a software adapter will do.

mod frames;
mod mining;
mod network;
mod padding;

use std::sync::OnceLock;

use burn::tensor::{Device, DeviceKind};
use pollster::block_on;
use ssd_gpu::{Gpu, verify};
use ssd_tests::skipped;

/// The wgpu device of this machine. Without one the test is skipped: this says so and returns `None`; with
/// `SSD_REQUIRE_GPU=1` there has to be one.
pub fn gpu(test: &str) -> Option<Gpu> {
    static GPU: OnceLock<Result<Gpu, String>> = OnceLock::new();
    // A kind can be initialised once in a process, and a missing adapter is an error here, a panic in later tensors.
    let opened = GPU.get_or_init(|| {
        let default = Device::wgpu_options().init_with_setup();
        let opened = default.or_else(|_| Device::wgpu_options().device_kind(DeviceKind::Cpu).init_with_setup());
        opened.map(|(device, setup)| Gpu::new(device, &setup, None)).map_err(|err| err.to_string())
    });
    match opened {
        Ok(gpu) => Some(gpu.clone()),
        Err(why) => {
            let required = std::env::var("SSD_REQUIRE_GPU").is_ok_and(|value| value == "1");
            assert!(!required, "{test}: SSD_REQUIRE_GPU is set, and there is no wgpu device: {why}");
            skipped(
                test,
                &format!("there is no wgpu device ({why}); install a Vulkan driver, Mesa's lavapipe for one"),
            );
            None
        }
    }
}

#[test]
fn kernels_agree_with_their_twins() {
    let Some(gpu) = gpu("kernels_agree_with_their_twins") else { return };
    let report = block_on(verify(&gpu));
    for case in &report.cases {
        println!("{} {}: {}", if case.ok { "ok    " } else { "FAILED" }, case.name, case.detail);
    }
    assert!(report.cases.len() >= 150, "{} comparisons only", report.cases.len());
    let failed = report.failed();
    assert!(failed.is_empty(), "{} of {} comparisons failed: {failed:#?}", failed.len(), report.cases.len());
}
