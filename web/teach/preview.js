// What the model that learns finds by now in the picture on show, renewed while it learns.

import { Detector } from "../detector.js";

const FIRST = 2000; // ms of learning before the first look
const SHARE = 6; // of the time, at most one part in so many goes into looking

/** Binds it. `backend()` is the one of the page's detector. Returns `{ renew, end }`. */
export function makePreview(suggestions, backend) {
  let busy = false;
  let next = null; // when to look again
  let turn = 0;

  async function look(teaching, mine) {
    const start = performance.now();
    let detector = null;
    try {
      const weights = await teaching.snapshot();
      if (turn !== mine) return;
      detector = await Detector.load({ weights, backend: backend() });
      // The one on show by now, in an element that all pictures share.
      const { picture, element } = suggestions.shown ?? {};
      if (!picture) return;
      const result = await detector.detect(element);
      if (turn === mine) suggestions.preview(picture, result);
    } catch {
      // A look that fails is left out: learning says itself what ails it.
    } finally {
      detector?.dispose();
      busy = false;
      next = performance.now() + (performance.now() - start) * (SHARE - 1);
    }
  }

  return {
    /** Looks again when it is time. */
    renew(teaching) {
      next ??= performance.now() + FIRST;
      if (busy || performance.now() < next) return;
      busy = true;
      look(teaching, turn);
    },
    end() {
      turn += 1;
      next = null;
      suggestions.preview(null);
    },
  };
}
