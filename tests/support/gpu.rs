//! The wgpu device of this machine.

use std::sync::OnceLock;

use burn::tensor::{Device, DeviceKind};
use ssd_gpu::Gpu;

use crate::skip;

/// The wgpu device of this machine. Without one the test is skipped; with `SSD_REQUIRE_GPU=1` it fails.
pub fn gpu() -> Gpu {
    static GPU: OnceLock<Result<Gpu, String>> = OnceLock::new();
    // A kind can be initialised once in a process, and a missing adapter is an error here, a panic in later tensors.
    let opened = GPU.get_or_init(|| {
        let default = Device::wgpu_options().init_with_setup();
        let opened = default.or_else(|_| Device::wgpu_options().device_kind(DeviceKind::Cpu).init_with_setup());
        opened.map(|(device, setup)| Gpu::new(device, &setup, None)).map_err(|err| err.to_string())
    });
    match opened {
        Ok(gpu) => gpu.clone(),
        Err(why) => {
            let required = std::env::var("SSD_REQUIRE_GPU").is_ok_and(|value| value == "1");
            assert!(!required, "SSD_REQUIRE_GPU is set, and there is no wgpu device: {why}");
            skip(format!("there is no wgpu device ({why}); install a Vulkan driver, Mesa's lavapipe for one"))
        }
    }
}
