// What the model that learns finds by now, renewed while it learns: in what the camera sees, or in the picture on show.

import { $ } from "../dom.js";
import { drawOverlay } from "../overlay.js";

const FIRST = 2000; // ms of learning before the first look
const LEAST = 250; // ms between two looks
const SHARE = 6; // of the time, at most one part in so many goes into looking

/** Binds it. `camera()` is the one that is live or null, `wanted()` says whether to look. Returns `{ start, end }`. */
export function makePreview(suggestions, { camera, wanted }) {
  let turn = 0;
  let last = ""; // what was seen last, and after which step

  const draw = (result, mirrored) => drawOverlay($("teach-seen"), $("teach-view"), result, mirrored, null);

  async function look(teaching, mine) {
    const live = camera();
    const { picture, element } = suggestions.shown ?? {};
    if (!live) draw(null);
    const now = `${picture?.id} ${teaching.steps}`;
    if (!live && (!picture || now === last)) return;
    last = live ? "" : now;
    // Between two pictures the element has none, and a lesson that fails says itself what ails it.
    const result = await teaching.detect(live?.element ?? element).catch(() => null);
    if (turn !== mine || !result) return;
    if (!live) suggestions.preview(picture, result);
    else if (live.element === camera()?.element) draw(result, live.mirrored);
  }

  async function run(teaching, mine) {
    for (let pause = FIRST; ;) {
      await new Promise((resolve) => { setTimeout(resolve, pause); });
      if (turn !== mine) return;
      const start = performance.now();
      if (wanted() && !document.hidden) await look(teaching, mine);
      pause = Math.max(LEAST, (performance.now() - start) * (SHARE - 1));
    }
  }

  return {
    /** Looks again and again at what `teaching` has learned, also while it pauses. */
    start(teaching) {
      run(teaching, ++turn);
    },
    end() {
      turn += 1;
      last = "";
      draw(null);
      suggestions.preview(null);
    },
  };
}
