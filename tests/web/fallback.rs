//! A browser without WebGPU: a request for an adapter yields null.

use anyhow::ensure;

use super::page::{Gpu, scenario};

#[test]
fn without_webgpu_the_page_detects_on_the_cpu_and_says_so() {
    scenario("cpu fallback", Gpu::None, |page| {
        page.open("")?;
        page.wait_for_result()?;
        ensure!(!page.detections()?.is_empty(), "nothing was detected in the sample picture");
        let says = page.text("document.body.innerText")?;
        ensure!(says.contains("CPU"), "the page does not say that it runs on the CPU: {says}");
        Ok(())
    });
}

#[test]
fn where_webgpu_is_demanded_its_absence_is_an_error_with_a_remedy() {
    scenario("webgpu demanded", Gpu::None, |page| {
        page.open("?backend=webgpu")?;
        let error = page.wait_for_error()?;
        ensure!(error.contains("WebGPU") && error.ends_with('.'), "not a sentence about WebGPU: {error}");
        ensure!(page.detections()?.is_empty(), "there are detections without a detector");
        Ok(())
    });
}
