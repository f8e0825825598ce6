// What the page says: detections, times, progress, model.

import { caption, colour } from "./overlay.js";

const $ = (id) => document.getElementById(id);
const write = (id, text) => { $(id).textContent = text; };

export const showStatus = (text) => write("status", text);
export const showError = (sentence) => write("error", sentence);
export const milliseconds = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

/** Lists detections. Items are reused, so that a live picture does not take focus and pointer away from them. */
export function showDetections(detections) {
  const list = $("detections");
  while (list.children.length > detections.length) list.lastChild.remove();
  while (list.children.length < detections.length) {
    list.appendChild(document.createElement("li")).append(Object.assign(document.createElement("button"), { type: "button" }));
  }
  detections.forEach((detection, index) => {
    const button = list.children[index].firstChild;
    button.textContent = caption(detection);
    button.style.setProperty("--class", colour(detection.classIndex));
    button.style.setProperty("--score", detection.score);
  });
}

/** Calls `onHighlight(index | null)` as the pointer or the focus moves over the list. */
export function watchList(onHighlight) {
  const list = $("detections");
  const enter = ({ target }) => {
    const item = target.closest("li");
    if (item) onHighlight([...list.children].indexOf(item));
  };
  for (const type of ["pointerover", "focusin", "click"]) list.addEventListener(type, enter);
  for (const type of ["pointerleave", "focusout"]) list.addEventListener(type, () => onHighlight(null));
}

/** Says where the time of one result went. `fps` is null for a still picture. */
export function showTimes({ timing, readbackBytes, candidates, width, height }, fps) {
  for (const stage of ["preprocess", "network", "postprocess", "readback", "total"]) {
    write(`time-${stage}`, milliseconds(timing[stage]));
    $(`time-${stage}`).style.setProperty("--share", timing.total && timing[stage] / timing.total);
  }
  write("fps", fps?.toFixed(1) ?? "–");
  write("readback-bytes", size(readbackBytes));
  write("candidates", candidates ?? "–");
  write("picture-size", `${width} × ${height}`);
}

/** Bytes as people read them. */
export const size = (count) => (count < 1e6 ? `${(count / 1e3).toFixed(1)} KB` : `${(count / 1e6).toFixed(1)} MB`);

const STAGES = {
  weights: "Fetching the weights",
  runtime: "Starting the program",
  parse: "Reading the weights",
  convert: "Converting the weights",
  device: "Opening the device",
  upload: "Moving the weights to the device",
  compile: "Compiling the kernels",
  ready: "Ready",
};

/** Says how far loading is; null hides it. A stage without a known total shows a moving bar. */
export function showProgress(progress) {
  $("progress").hidden = !progress;
  if (!progress) return;
  const { stage, loaded, total } = progress;
  const far = stage === "weights" && loaded ? `, ${size(loaded)} of ${total ? size(total) : "an unknown size"}` : "";
  write("progress-text", STAGES[stage] + far);
  if (total) Object.assign($("progress-bar"), { max: total, value: loaded });
  else $("progress-bar").removeAttribute("value");
}

/** Says what runs, on what, and what is wrong with that. `entry` is the model's line in models/index.json, if it has one. */
export function showModel(info, { name, entry }) {
  const { voc07_11pt: map, data, split } = entry?.measured ?? {};
  write("backend", [info.backend === "webgpu" ? "WebGPU" : "CPU", info.adapter, info.precision, info.gpuBytes && size(info.gpuBytes)].filter(Boolean).join(", "));
  write("weights", name);
  write("recognised", info.recognised ?? "–");
  write("network", `${info.arch}, ${info.inputSize} × ${info.inputSize}`);
  write("measured", map >= 0 ? `mAP ${(map * 100).toFixed(1)} % (11 points) on ${data} ${split}` : "–");
  write("licence", entry?.licence ?? "–");
  // Whatever the file says of itself.
  write("provenance", Object.entries(info.provenance).filter(([, value]) => value).map(([key, value]) => `${key}: ${value}`).join("; "));
  write("notice", info.fallbackReason ? `Running on the CPU, which is slower. ${info.fallbackReason}` : info.software ? SOFTWARE : "");
  $("nameless").hidden = !info.recognised || info.labels[0] !== "class 1";
}

const SOFTWARE = "This WebGPU adapter is a program on the CPU, and slow. Try ?backend=cpu in the address.";
