// What the page says: detections, times, progress. The model is in card.js.

import { $, make } from "./dom.js";
import { caption, colour } from "./overlay.js";

const write = (id, text) => { $(id).textContent = text; };

export const showStatus = (text) => write("status", text);
export const showError = (sentence) => write("error", sentence);
export const milliseconds = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

let said = -Infinity; // when the last window was

/** Says how far a picture in windows is. Not at each window: screen readers read it aloud. */
export function showWindows({ done, total }) {
  if (performance.now() - said < 1000) return;
  said = performance.now();
  showStatus(`Window ${done} of ${total}`);
}

/** `1 object`, `3 objects`. */
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** Lists detections. Items are reused, since they may have focus and pointer. */
export function showDetections(detections) {
  const list = $("detections");
  while (list.children.length > detections.length) list.lastChild.remove();
  while (list.children.length < detections.length) {
    list.append(make("li", {}, make("button")));
  }
  detections.forEach((detection, index) => {
    const button = list.children[index].firstChild;
    button.textContent = caption(detection);
    button.style.setProperty("--class", colour(detection.track ?? detection.classIndex));
    if (detection.track) button.dataset.track = detection.track;
    else delete button.dataset.track;
    button.style.setProperty("--score", detection.score);
  });
}

/** Calls `onHighlight(index | null)` when pointer or focus move over the list. */
export function watchList(onHighlight) {
  const list = $("detections");
  const enter = ({ target }) => {
    const item = target.closest("li");
    if (item) onHighlight([...list.children].indexOf(item));
  };
  for (const type of ["pointerover", "focusin", "click"]) list.addEventListener(type, enter);
  for (const type of ["pointerleave", "focusout"]) list.addEventListener(type, () => onHighlight(null));
}

/** Shows the times of a result. `fps` is null for a still picture. */
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

export const size = (count) => (count < 1e6 ? `${(count / 1e3).toFixed(1)} KB` : `${(count / 1e6).toFixed(1)} MB`);

/** Lists the cameras; the one with the id `chosen` is in use. */
export function showCameras(cameras, chosen) {
  const named = ({ label, deviceId }, index) => new Option(label || `Camera ${index + 1}`, deviceId);
  $("camera-device").replaceChildren(...cameras.map(named));
  $("camera-device").value = chosen;
}

const STAGES = {
  weights: "Downloading the weights",
  runtime: "Starting the detector",
  parse: "Reading the weights",
  convert: "Converting the weights",
  device: "Opening the device",
  upload: "Uploading the weights",
  compile: "Compiling the kernels",
  ready: "Ready",
};

let kernels = 0; // see compiled

/** Shows the progress of loading; null hides it. Without a total the bar moves. */
export function showProgress(progress) {
  $("progress").hidden = !progress;
  if (!progress) return;
  const { stage, loaded, total } = progress;
  if (stage === "parse") kernels = 0;
  if (stage === "compile") kernels = total ?? 0;
  const amount = stage === "weights" && loaded ? `, ${size(loaded)}${total ? ` of ${size(total)}` : ""}` : "";
  write("progress-text", STAGES[stage] + amount);
  if (total) Object.assign($("progress-bar"), { max: total, value: loaded });
  else $("progress-bar").removeAttribute("value");
}

/** The number of kernels that were compiled for the detector that was loaded last. */
export const compiled = () => kernels;
