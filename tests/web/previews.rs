//! What a lesson finds while it learns, drawn over the camera's picture.

use anyhow::ensure;

use super::foreign::CPU;
use super::page::{Gpu, PATIENCE, SOON, scenario};
use super::teach::{set, teach};

#[test]
fn what_is_being_learned_is_drawn_under_the_camera_while_it_learns_and_while_it_rests() {
    scenario("preview", Gpu::None, |page| {
        page.open(CPU)?;
        page.wait_for_result()?;
        teach(page)?;
        page.click("#teach-live")?;
        page.wait_for("document.querySelector('#teach-camera').videoWidth > 0", SOON)?;
        for count in 1..=2 {
            page.click("#teach-snap")?;
            let taken = format!("document.querySelectorAll('#teach-shelf [role=option]').length === {count}");
            page.wait_for(&taken, SOON)?;
        }
        page.click("#teach-live")?;
        page.click("#teach-suggest")?;
        page.wait_for("document.querySelector('#teach-picture').naturalWidth > 0", SOON)?;
        page.click("#teach-new")?;
        page.click("#teach-live")?;
        page.wait_for("document.querySelector('#teach-camera').videoWidth > 0", SOON)?;
        set(page, "#teach-steps", "1000")?;
        page.click("#teach-learn")?;

        let drawn = "(() => { const { width, height } = document.querySelector('#teach-seen'); \
                     return document.querySelector('#teach-seen').getContext('2d') \
                     .getImageData(0, 0, width, height).data.some((value) => value > 0); })()";
        page.wait_for(drawn, PATIENCE)?;
        let state = page.text("document.documentElement.dataset.teach")?;
        ensure!(state == "learning", "drawn when it was {state}");
        page.click("#teach-stop")?;
        page.wait_for("document.documentElement.dataset.teach === 'paused'", SOON)?;
        page.eval("{ const seen = document.querySelector('#teach-seen'); seen.width += 1; }")?;
        page.wait_for(drawn, PATIENCE)?;

        page.click("#teach-drop")?;
        page.wait_for(&format!("!{drawn}"), SOON)?;
        ensure!(page.error()?.is_empty(), "{}", page.error()?);
        ensure!(page.complaints().is_empty(), "the browser complains: {:?}", page.complaints());
        Ok(())
    });
}
