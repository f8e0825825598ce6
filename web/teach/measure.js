// How good the new model is on pictures that it has not learned from, and which of them to look at first.

import { $, make } from "../dom.js";
import { counted } from "../readout.js";

const SHOWN = 6;
const FEW = 10;

/** Shows a measure of `held`, the held-out pictures; null if there was none. */
export function showMeasure(album, measure, held) {
  const worst = (measure?.worst ?? []).map((index) => held[index]).filter(Boolean).slice(0, SHOWN);
  $("teach-measure").textContent = sentence(measure);
  $("teach-worst").hidden = !worst.length;
  $("teach-worst").replaceChildren(...worst.map(({ id, name }) => {
    const onclick = () => {
      const place = album.pictures.findIndex((picture) => picture.id === id);
      if (place >= 0) album.go(place);
    };
    return make("li", {}, make("button", { type: "button", onclick }, name));
  }));
  $("teach-keep").disabled = false;
}

function sentence(measure) {
  if (!measure) return "The new model is in use. Look at other pictures with it, and label more where it errs.";
  const { ap50, pictures } = measure;
  if (ap50 === null || ap50 === undefined) return "The new model is in use. Nothing could be measured.";
  const hint = pictures < FEW ? ", which is no more than a hint" : "";
  return `The new model is in use. AP50 ${ap50.toFixed(2)} on ${counted(pictures, "held-out picture")}${hint}. ` +
    "The worst come first: check their labels, and add pictures like them.";
}
