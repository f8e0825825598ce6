// “How SSD sees”: a panel that shows where detections come from. Its parts are loaded when it is first opened.

import { $ } from "./dom.js";

/**
 * Binds button and panel. `page` has the `detector` and `source` in use, `live()` says whether that moves, `options()`
 * are those of `detect`, `fail(error)` tells the user. Returns `toggle`, which opens and closes the panel, and
 * `settle`, which follows all that changes.
 */
export function bindSeeing(page, live, options, fail) {
  const [panel, button] = [$("seeing"), $("seeing-open")];
  let parts = null; // promises the panel's inside
  let told = "closed"; // or the result that the panel knows

  const still = () => (live() ? null : window.lastResult);
  const view = () => ({ ...page, result: still(), options: options() });

  function settle() {
    const result = still();
    button.disabled = !result;
    if (live()) panel.hidden = true;
    button.ariaExpanded = !panel.hidden;
    const news = panel.hidden ? "closed" : result;
    if (news === told) return;
    told = news;
    tell().catch(close);
  }

  async function tell() {
    if (panel.hidden && !parts) return;
    parts ??= import("./seeing-panel.js").then(({ fill }) => fill(panel, view, close)).catch((error) => {
      parts = null; // the next time tries again
      throw error;
    });
    (await parts).update();
  }

  function toggle() {
    if (button.disabled && panel.hidden) return;
    panel.hidden = !panel.hidden;
    settle();
  }

  function close(error) {
    panel.hidden = true;
    settle();
    if (error) fail(error);
    else button.focus();
  }

  button.onclick = toggle;
  return { toggle, settle };
}
