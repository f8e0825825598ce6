// The card of a model: what it knows, was trained on and measured. The making of it is one click away.

import { $, make } from "./dom.js";
import { compiled, counted, size } from "./readout.js";

const FEW = 8; // classes that are named without a click

const write = (id, text) => { $(id).textContent = text || "–"; };
const percent = (value) => `${(value * 100).toFixed(1)} %`;

/**
 * Shows the model and what it runs on. `entry` is from models/index.json, if the model ships; `engine` is as asked for.
 */
export function showModel(info, { name, entry }, engine) {
  const { data, split, steps, metric, command, ...origin } = info.provenance;
  const device = [info.backend === "webgpu" ? "WebGPU" : "CPU", info.adapter, info.precision];
  write("weights", name);
  write("recognised", info.recognised);
  for (const element of [$("recognised"), $("recognised").previousElementSibling]) element.hidden = !info.recognised;
  $("knows").replaceChildren(classes(info.labels));
  write("trained-on", [data, split, steps && counted(steps, "step")].filter(Boolean).join(", "));
  write("measured", measures(entry?.measured ?? {}) || metric);
  write("licence", entry?.licence);
  write("backend", [...device, info.gpuBytes && size(info.gpuBytes)].filter(Boolean).join(", "));
  const own = compiled() ? `this project's, ${counted(compiled(), "kernel")} compiled` : "this project's";
  write("engine", engine === "burn" ? "Burn's" : own);
  write("network", `${info.arch}, ${info.inputSize} × ${info.inputSize}`);
  write("provenance", Object.entries(origin).filter(([, value]) => value).map((row) => row.join(": ")).join("; "));
  write("made-by", command?.replaceAll(" && ", " &&\n"));
  $("copy-commands").hidden = !command || !navigator.clipboard;
  $("copy-commands").textContent = "Copy commands";
  const slow = "No graphics processor is at work: this WebGPU adapter is software, which is slow. " +
    "Adding ?backend=cpu to the address is faster.";
  const fallback = info.fallbackReason && `Running on the CPU, which is slower. ${info.fallbackReason}`;
  const untimed = info.stageTimes ? "" : " It has no clock: the network's time is that of all its stages.";
  $("notice").textContent = fallback ?? (info.software ? slow : "") + untimed;
  $("nameless").hidden = !info.recognised || info.labels[0] !== "class 1";
}

function classes(labels) {
  const names = labels.join(", ");
  if (labels.length <= FEW) return document.createTextNode(names);
  return make("details", {}, make("summary", {}, `${labels.length} classes`), names);
}

function measures({ voc07_11pt: map, coco_ap: ap, data, split }) {
  const found = [map >= 0 && `mAP ${percent(map)}`, ap >= 0 && `COCO AP ${percent(ap)}`].filter(Boolean);
  return found.length ? `${found.join(", ")} on ${data} ${split}` : "";
}

$("copy-commands").onclick = async ({ target }) => {
  await navigator.clipboard.writeText($("made-by").textContent);
  target.textContent = "Copied";
};
