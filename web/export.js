// What can be saved: the result as JSON, as `detect --json` prints it, and the picture with its boxes.

import { make } from "./dom.js";
import { annotatedPng } from "./overlay.js";

/** Boxes are corners in source pixels, times milliseconds. */
export function saveJson(source, { width, height, detections, timing }) {
  const { preprocess, network, postprocess, total } = timing;
  const line = {
    image: source.name,
    width,
    height,
    detections: detections.map(({ label, classIndex, score, box: { x, y, width, height } }) => ({
      label,
      class: classIndex,
      score,
      box: [x, y, x + width, y + height],
    })),
    timing_ms: { decode_image: source.decodeMs, preprocess, network, postprocess, total },
  };
  save(new Blob([JSON.stringify([line], null, 2)], { type: "application/json" }), source, "json");
}

export async function savePng(source, result) {
  const blob = await annotatedPng(source.element, result);
  if (!blob) throw new Error("The picture is too large for this browser to save as PNG: save the JSON instead.");
  save(blob, source, "png");
}

function save(blob, { name }, ending) {
  const href = URL.createObjectURL(blob);
  make("a", { href, download: `${name.replace(/\.[^.]*$/, "")}.detections.${ending}` }).click();
  // Once the download has begun, it holds the data itself.
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
