//! The kernels against their twins, on whatever wgpu device this machine has; a software adapter will do.

mod network;

use std::sync::OnceLock;

use burn::cubecl::future::block_on;
use burn::prelude::*;
use burn::tensor::{DeviceKind, TensorData};
use ssd::CenterBox;
use ssd::codec::Variances;
use ssd::postprocess::{DetectParams, ParamsError, postprocess};
use ssd_gpu::{GpuError, GpuPostprocess, unpack, verify};
use ssd_tests::skipped;

/// The wgpu device of this machine. Without one the test is skipped: this says so and returns `None`; with
/// `SSD_REQUIRE_GPU=1` there has to be one.
pub fn wgpu_device(test: &str) -> Option<Device> {
    static DEVICE: OnceLock<Result<Device, String>> = OnceLock::new();
    // A kind can be initialised once in a process, and a missing adapter is an error here, a panic in later tensors.
    let opened = DEVICE.get_or_init(|| {
        let default = Device::wgpu_options().init();
        default.or_else(|_| Device::wgpu_options().device_kind(DeviceKind::Cpu).init()).map_err(|err| err.to_string())
    });
    match opened {
        Ok(device) => Some(device.clone()),
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
    let Some(device) = wgpu_device("kernels_agree_with_their_twins") else { return };
    let report = block_on(verify(&device));
    for case in &report.cases {
        println!("{} {}: {}", if case.ok { "ok    " } else { "FAILED" }, case.name, case.detail);
    }
    assert!(report.cases.len() >= 100, "{} comparisons only", report.cases.len());
    let failed = report.failed();
    assert!(failed.is_empty(), "{} of {} comparisons failed: {failed:#?}", failed.len(), report.cases.len());
}

/// Two priors with two classes; the second prior is sure of class 1.
struct Small {
    priors: [CenterBox; 2],
    logits: [f32; 4],
}

const SMALL: Small = Small {
    priors: [CenterBox { cx: 0.25, cy: 0.25, w: 0.25, h: 0.25 }, CenterBox { cx: 0.5, cy: 0.75, w: 0.5, h: 0.25 }],
    logits: [3.0, 0.0, 0.0, 3.0],
};

#[test]
fn heads_need_not_be_contiguous() {
    let Some(device) = wgpu_device("heads_need_not_be_contiguous") else { return };
    let params = DetectParams::default();
    let gpu = GpuPostprocess::new(&device, &SMALL.priors, Variances::default(), 2).expect("two priors fit");
    let [a, b, c, d] = SMALL.logits;
    let columns = Tensor::<3>::from_data(TensorData::new(vec![a, c, b, d], [1, 2, 2]), &device);
    let launched = gpu.launch(Tensor::zeros([1, 2, 4], &device), columns.swap_dims(1, 2), &params);
    let data = launched.expect("the shapes fit").into_data();
    assert_eq!(data.as_bytes().len(), GpuPostprocess::readback_bytes(&params));
    assert_eq!(GpuPostprocess::readback_bytes(&params), 5616);

    let found = unpack(data).expect("a list of detections");
    let want = postprocess(&[0.0; 8], &SMALL.logits, &SMALL.priors, Variances::default(), &params);
    assert_eq!((found.candidates, found.detections.len(), want.len()), (1, 1, 1));
    assert_eq!((found.detections[0].class, found.detections[0].bbox), (want[0].class, want[0].bbox));
    assert!((found.detections[0].score - want[0].score).abs() < 1e-6);
}

#[test]
fn what_does_not_fit_is_refused() {
    let Some(device) = wgpu_device("what_does_not_fit_is_refused") else { return };
    let params = DetectParams::default();
    let new = |classes| GpuPostprocess::new(&device, &SMALL.priors, Variances::default(), classes);
    assert!(matches!(new(1), Err(GpuError::Size { name: "classes", got: 1, .. })));
    let none = GpuPostprocess::new(&device, &[], Variances::default(), 2);
    assert!(matches!(none, Err(GpuError::Size { name: "priors", got: 0, .. })));

    let gpu = new(2).expect("two classes fit");
    let zeros = |shape: [usize; 3], device: &Device| Tensor::<3>::zeros(shape, device);
    let short = gpu.launch(zeros([1, 1, 4], &device), zeros([1, 2, 2], &device), &params);
    assert!(matches!(short, Err(GpuError::Shape { name: "offsets", .. })));
    let wide = gpu.launch(zeros([1, 2, 4], &device), zeros([1, 2, 3], &device), &params);
    assert!(matches!(wide, Err(GpuError::Shape { name: "logits", .. })));
    let cpu = Device::flex();
    let elsewhere = gpu.launch(zeros([1, 2, 4], &cpu), zeros([1, 2, 2], &cpu), &params);
    assert!(matches!(elsewhere, Err(GpuError::NotWgpu { .. })));
    let unknown = DetectParams { classes: Some(vec![2]), ..params };
    let unknown = gpu.launch(zeros([1, 2, 4], &device), zeros([1, 2, 2], &device), &unknown);
    assert!(matches!(unknown, Err(GpuError::Params(ParamsError::Class { class: 2, last: 1 }))));
}

#[test]
fn bytes_that_are_no_detections_are_refused() {
    let refused = |words: Vec<i32>| {
        let length = words.len();
        matches!(unpack(TensorData::new(words, [length])), Err(GpuError::Malformed { .. }))
    };
    assert!(refused(vec![0, 0, 0]), "no header");
    assert!(refused(vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]), "room for one, two announced");
    assert!(refused(vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "class 0");
    assert!(!refused(vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]));
}
