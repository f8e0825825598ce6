//! Two tabs that teach the same pictures: one changes them, the other follows, and no label is lost.

use anyhow::{Result, ensure};

use super::foreign::CPU;
use super::page::{Gpu, PATIENCE, Page, SOON, scenario};
use super::strip::{open_shapes, scenes};
use super::teach::{BOXES, add, teach};

#[test]
fn a_second_tab_follows_the_first_one_takes_over_and_nothing_labelled_is_lost() {
    scenario("two tabs", Gpu::None, |page| {
        let folder = tempfile::tempdir()?;
        let files = scenes(folder.path(), &["1.png", "2.png"])?;
        open_shapes(page)?;
        teach(page)?;
        add(page, &files, 2)?;
        page.click("#teach-suggest")?;
        page.click("#teach-new")?;
        page.eval(&format!("window.other = window.open('{CPU}', 'other', 'popup,width=1200,height=900'); 0"))?;
        // Once the page's own document is there.
        page.wait_for("Boolean(other.document.querySelector('#teach-open'))", SOON)?;
        wait(page, "document.documentElement.dataset.state === 'ready'")?;
        in_other(page, "document.querySelector('#teach-open').click()")?;
        wait(page, "document.documentElement.dataset.teach === 'ready'")?;

        // It says so, shows what there is and what changes, and changes nothing itself.
        wait(page, &format!("!document.querySelector('#teach-elsewhere').hidden && {}", boxes(1)))?;
        page.click("#teach-new")?;
        wait(page, &boxes(2))?;
        in_other(page, "document.querySelector('#teach-new').click()")?;
        wait(page, "document.querySelector('#error').textContent.includes('another tab')")?;
        ensure!(page.eval(&boxes(2))? == true, "the other tab changed what is open here");

        // The two change places.
        in_other(page, "document.querySelector('#teach-here').click()")?;
        page.wait_for("!document.querySelector('#teach-elsewhere').hidden", SOON)?;
        wait(page, "document.querySelector('#teach-elsewhere').hidden")?;
        in_other(page, "document.querySelector('#teach-new').click()")?;
        page.wait_for(&boxes(3), SOON)?;
        in_other(page, "document.querySelector('#teach-close').click()")?;
        page.wait_for("document.querySelector('#teach-elsewhere').hidden", SOON)?;
        page.click("#teach-new")?;
        page.wait_for(&boxes(4), SOON)?;

        // A tab that is closed does not keep the pictures.
        in_other(page, "document.querySelector('#teach-open').click()")?;
        wait(page, "document.documentElement.dataset.teach === 'ready'")?;
        in_other(page, "document.querySelector('#teach-here').click()")?;
        wait(page, "document.querySelector('#teach-elsewhere').hidden")?;
        in_other(page, "document.querySelector('#teach-new').click()")?;
        page.wait_for(&boxes(5), SOON)?;
        page.eval("other.close()")?;
        page.wait_for("document.querySelector('#teach-elsewhere').hidden", SOON)?;
        let shown = page.text(BOXES)?;
        page.open(CPU)?;
        page.wait_for_result()?;
        teach(page)?;
        page.wait_for(&format!("{BOXES} === '{shown}'"), SOON)
    });
}

/// The picture on show has that many boxes.
fn boxes(count: usize) -> String {
    format!("document.querySelectorAll('#teach-boxes .box:not(.guess)').length === {count}")
}

/// The value of an expression in the second tab.
fn in_other(page: &mut Page, expression: &str) -> Result<()> {
    page.eval(&format!("((document) => {{ {expression}; }})(other.document)")).map(drop)
}

/// Waits until an expression is true in the second tab.
fn wait(page: &mut Page, condition: &str) -> Result<()> {
    page.wait_for(&format!("((document) => {condition})(other.document)"), PATIENCE)
}
