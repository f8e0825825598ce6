//! A camera and a screen, simulated by Chromium: moving pictures.

use std::time::Duration;

use anyhow::ensure;

use super::page::{Gpu, PATIENCE, scenario};

#[test]
fn a_camera_is_detected_frame_by_frame_until_it_is_stopped() {
    scenario("camera", Gpu::Emulated, |page| {
        page.open("")?;
        page.wait_for_result()?;
        let before = page.text("document.querySelector('#status').textContent")?;

        page.click("#camera")?;
        // Results are new objects, so three different ones are three frames.
        page.eval("window.seen = new Set()")?;
        let frames = "(() => { const video = document.querySelector('#view video'), { lastResult } = window; \
                      if (video && lastResult?.width === video.videoWidth && lastResult.height === video.videoHeight) \
                      window.seen.add(lastResult); return window.seen.size >= 3; })()";
        page.wait_for(frames, PATIENCE)?;
        ensure!(page.error()?.is_empty(), "the page shows an error: {}", page.error()?);
        let spoken = format!("document.querySelector('#status').textContent !== {before:?}");
        page.wait_for(&spoken, Duration::from_secs(20))?;
        ensure!(
            page.eval("document.querySelector('#view video')?.srcObject?.active === true")? == true,
            "no live video"
        );
        page.eval("window.tracks = document.querySelector('#view video').srcObject.getTracks()")?;

        page.click("#camera")?;
        page.wait_for("document.documentElement.dataset.state === 'ready'", PATIENCE)?;
        page.wait_for("window.tracks.every((track) => track.readyState === 'ended')", Duration::from_secs(5))
    });
}

#[test]
fn a_screen_is_detected_until_it_is_stopped_and_its_last_frame_stays() {
    scenario("screen", Gpu::None, |page| {
        page.open("?backend=cpu")?;
        page.wait_for_result()?;
        page.click("#screen")?;
        page.wait_for(
            "window.lastResult?.width === document.querySelector('#view video')?.videoWidth && \
             document.querySelector('#screen').ariaPressed === 'true'",
            PATIENCE,
        )?;
        page.eval("window.tracks = document.querySelector('#view video').srcObject.getTracks()")?;
        page.click("#screen")?;
        page.wait_for("document.documentElement.dataset.state === 'ready'", PATIENCE)?;
        page.wait_for("window.tracks.every((track) => track.readyState === 'ended')", Duration::from_secs(5))?;
        page.wait_for("!!window.lastResult && !!document.querySelector('#view img')", PATIENCE)?;
        ensure!(page.error()?.is_empty(), "the page shows an error: {}", page.error()?);
        Ok(())
    });
}
