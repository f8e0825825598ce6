// The settings, a row each. `name` is a setting's parameter in the address, so that a link shares it, and the id of its
// control; `option` is the option of `detect` that it sets. A setting of null is left to the weights, or if it sets no
// option, to the page: it is `usual`.

import { choice, classes, flag, number, optional } from "./controls.js";
import { gate } from "./gate.js";

export const SETTINGS = [
  { name: "score", option: "score", ...number(0, 1, 0.01) },
  { name: "iou", option: "iou", ...number(0, 1, 0.01) },
  { name: "nms", option: "nms", ...choice({ hard: "Hard", soft: "Soft" }) },
  { name: "topk", option: "topK", ...number(1, 512, 1) },
  { name: "max", option: "maxDetections", ...number(1, 200, 1) },
  { name: "classes", option: "classes", ...classes() },
  { name: "boxes", usual: "named", ...choice({ named: "With names", filled: "Filled", plain: "Without names" }) },
  { name: "tiles", option: "tiles", ...optional("auto") },
  { name: "track", ...flag(0) },
  { name: "between", ...flag(1) },
  { name: "gate", ...gate() },
];

/** The settings, and what else the address may have. */
export function readSettings() {
  const query = Object.fromEntries(new URLSearchParams(location.search));
  const { weights, backend, engine, precision, source } = query;
  return {
    ...Object.fromEntries(SETTINGS.map(({ name, parse }) => [name, parse(query[name])])),
    weights,
    backend: ["webgpu", "cpu"].includes(backend) ? backend : "auto",
    engine,
    precision,
    source: source || "sample",
  };
}

/** Writes the settings into the address; the rest of it stays. */
export function writeSettings(settings) {
  const url = new URL(location.href);
  for (const { name } of SETTINGS) {
    if (settings[name] === null) url.searchParams.delete(name);
    else url.searchParams.set(name, settings[name]);
  }
  history.replaceState(null, "", url);
}

export const detectOptions = (settings) =>
  Object.fromEntries(SETTINGS.flatMap(({ name, option }) => (option ? [[option, settings[name]]] : [])));
