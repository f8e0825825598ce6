//! Whether everybody can use the page: names, contrast, focus, headings, dialogs, a narrow screen. The rules are those
//! of WCAG that a program can check, as axe-core does.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::foreign::CPU;
use super::page::{Gpu, PATIENCE, Page, SOON, scenario};
use super::server::BLANK;

/// What a page in view is tested for: an expression whose value is a list of complaints.
const RULES: &str = include_str!("accessible.js");

/// Roles of what one can use or has to know; each needs a name.
const NAMED: [&str; 16] = [
    "button",
    "checkbox",
    "combobox",
    "dialog",
    "image",
    "img",
    "link",
    "listbox",
    "option",
    "progressbar",
    "radio",
    "region",
    "searchbox",
    "slider",
    "spinbutton",
    "textbox",
];

#[test]
fn in_light_and_dark_wide_and_narrow_nothing_is_hard_to_read_or_without_a_name() {
    scenario("accessible", Gpu::None, |page| {
        // With a notice: there is no WebGPU here.
        page.open("")?;
        page.wait_for_result()?;
        ensure!(page.eval("document.querySelector('#notice').textContent !== ''")? == true, "there is no notice");
        page.press("h")?;
        page.wait_for("document.querySelector('#view').classList.contains('seen')", PATIENCE)?;
        for (width, scheme) in [(1280, "light"), (1280, "dark"), (375, "light"), (375, "dark")] {
            page.look_like(width, scheme)?;
            for view in ["maps", "box", "nms"] {
                page.click(&format!("#seeing-{view}"))?;
                examine(page, &format!("{view} of {width} pixels, {scheme}"))?;
            }
            for dialog in ["help", "save"] {
                page.click(&format!("#{dialog}-open"))?;
                examine(page, &format!("the dialog {dialog} of {width} pixels, {scheme}"))?;
                page.eval(&format!("document.querySelector('#{dialog}').close()"))?;
            }
        }
        page.press("h")?;
        page.open("?backend=cpu&source=missing.jpg")?;
        // The model that loads meanwhile does not end the error.
        page.wait_for("document.querySelector('#engine').textContent !== '–'", PATIENCE)?;
        page.wait_for_error()?;
        for scheme in ["light", "dark"] {
            page.look_like(375, scheme)?;
            examine(page, &format!("an error, {scheme}"))?;
        }
        Ok(())
    });
}

#[test]
fn the_tab_key_reaches_everything_visibly_and_no_dialog_is_a_trap() {
    scenario("keyboard", Gpu::None, |page| {
        page.open(CPU)?;
        page.wait_for_result()?;
        // All that can have the focus, but for what is scrolled by it: a browser's own choice.
        let all = "[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]')] \
                   .filter((element) => element.checkVisibility() && !element.matches(':disabled')).length";
        let count = page.eval(all)?.as_u64().unwrap_or_default();
        page.eval("window.reached = new Set()")?;
        let mut unseen = BTreeSet::new();
        for _ in 0..count + 2 {
            page.press_own("Tab", 9)?;
            let focus = page.text(
                "(() => {
                    const element = document.activeElement;
                    if (element === document.body) return '';
                    window.reached.add(element);
                    const shown = element.matches('.pick input') ? element.nextElementSibling : element;
                    const { outlineStyle, outlineWidth } = getComputedStyle(shown);
                    const seen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
                    return seen ? '' : element.id || element.textContent;
                })()",
            )?;
            unseen.insert(focus);
        }
        unseen.remove("");
        ensure!(unseen.is_empty(), "the focus is not to be seen on {unseen:?}");
        let reached = page.eval("window.reached.size")?.as_u64().unwrap_or_default();
        ensure!(reached >= count, "{reached} of {count} are reached");

        for (dialog, key) in [("help", "?"), ("save", "")] {
            let open = format!("document.querySelector('#{dialog}').open");
            if key.is_empty() {
                page.eval(&format!("document.querySelector('#{dialog}-open').focus()"))?;
                page.click(&format!("#{dialog}-open"))?;
            } else {
                page.press(key)?;
            }
            ensure!(page.eval(&open)? == true, "the dialog {dialog} is not open");
            // The focus stays inside, or goes to the browser; never behind the dialog.
            for _ in 0..12 {
                page.press_own("Tab", 9)?;
                let inside = format!(
                    "document.activeElement.closest('#{dialog}, body') !== document.body \
                                      || document.activeElement === document.body"
                );
                ensure!(page.eval(&inside)? == true, "the focus goes behind the dialog {dialog}");
            }
            page.press_own("Escape", 27)?;
            page.wait_for(&format!("!{open}"), SOON)?;
        }
        let back = page.text("document.activeElement.id")?;
        ensure!(back == "save-open", "after a dialog the focus is on {back}");
        Ok(())
    });
}

/// Fails with all that is wrong with what is in view, which is `what`.
fn examine(page: &mut Page, what: &str) -> Result<()> {
    let complaints = page.eval(RULES)?;
    ensure!(complaints == json!([]), "{what}: {complaints}");
    let nameless: Vec<Value> = (page.accessibility_tree()?.into_iter())
        .filter(|node| node["ignored"] == false)
        .filter(|node| node["role"]["value"].as_str().is_some_and(|role| NAMED.contains(&role)))
        .filter(|node| node["name"]["value"].as_str().unwrap_or_default().trim().is_empty())
        .collect();
    ensure!(nameless.is_empty(), "{what}: without a name {nameless:?}");
    Ok(())
}

/// The rules find what they are for.
#[test]
fn the_rules_complain_of_what_is_wrong() {
    scenario("rules", Gpu::None, |page| {
        page.look_like(1280, "light")?;
        page.open(BLANK)?;
        page.eval(
            "document.body.innerHTML = '<h1>One</h1><h3 id=a>Three</h3><p id=a>Text</p><label for=b>Label</label>'; \
             document.querySelector('p').style.cssText = 'color: #999; width: 5000px'",
        )?;
        let complaints = page.eval(RULES)?;
        let all = complaints.as_array().map_or(0, Vec::len);
        ensure!(all == 5, "contrast, an id, a label, a level and the width are five: {complaints}");
        Ok(())
    });
}
