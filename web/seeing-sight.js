// The lab's eyes: a worker that runs the network again, on the CPU, and keeps what it predicts for the last picture.

import { openLab } from "./lab.js";
import { failure } from "./support.js";

/** Starts it. Returns `{ explain, close }`. One call at a time. */
export function openSight() {
  let [detector, source, at] = [null, null, 0]; // what it knows
  const lab = openLab((what) => `“How SSD sees” stopped (${what}): open it again.`);

  return {
    /** How the detections of `detect(element, options)` come about, as crates/ssd-lab/src/sight.rs has it. */
    async explain(given, element, options) {
      const file = given === detector ? null : await given.file();
      const time = element.currentTime ?? 0; // of a video's frame
      const same = !file && element === source && time === at;
      const picture = same ? null : await createImageBitmap(element);
      [detector, source] = [null, null];
      const request = { file, picture, params: params(given.info, options) };
      const answer = await lab.ask("see", request, picture ? [picture] : []);
      [detector, source, at] = [given, element, time];
      return answer;
    },

    close: () => lab.end(failure("Disposed", "The panel was closed.")),
  };
}

// All options with their values, by Rust's names.
function params({ defaults, labels }, options) {
  const { score, iou, nms, topK: top_k, maxDetections: max } =
    Object.fromEntries(Object.entries(options).map(([name, value]) => [name, value ?? defaults[name]]));
  const classes = options.classes?.map((label) => labels.indexOf(label) + 1) ?? null;
  return { score, iou, nms, top_k, max, classes };
}
