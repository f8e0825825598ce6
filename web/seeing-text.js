// What the panel “How SSD sees” says, for people who have not read the paper.

import { counted } from "./readout.js";

/** The panel's inside. */
export const INSIDE = `
  <h2>How SSD sees</h2>
  <div role="group" aria-label="View" class="buttons">
    <button type="button" id="seeing-maps" aria-pressed="true">Maps</button>
    <button type="button" id="seeing-box" aria-pressed="false">Prior to box</button>
    <button type="button" id="seeing-nms" aria-pressed="false">Rivals</button>
  </div>
  <button type="button" id="seeing-close">Close</button>
  <p class="seeing-about" data-view="maps">
    SSD lays grids over the picture, from fine to coarse: its feature maps. Each cell of a grid has a few boxes of fixed
    sizes and shapes, the priors, which are the same for every picture. For each prior the network says how sure it is
    of every class. Fine maps find small things, coarse maps large ones. The brighter a cell, the surer it is of
    something.
  </p>
  <p class="seeing-about" data-view="box">
    A prior seldom fits. For each one the network also gives four numbers, its offsets. Two move the centre, by tenths
    of the prior's width and height. Two change width and height: 0 leaves them, more makes them larger, less smaller.
    Doing so is called decoding. Drag the slider to watch it, and then NMS.
  </p>
  <p class="seeing-about" data-view="nms">
    Many priors see the same thing, so there are many boxes for it. Non-maximum suppression (NMS) takes the surest box
    of a class and removes those that overlap it too much; then it goes on with the surest one left. The overlap is the
    area that two boxes share, divided by the area that they cover together (IoU). Soft NMS lowers the scores of the
    others instead, until some fall below the minimum. With a lower minimum score there are more rivals.
  </p>
  <div class="row" data-view="maps">
    <label for="seeing-map">Feature map</label>
    <select id="seeing-map"></select>
  </div>
  <div class="row" data-view="maps">
    <label for="seeing-row">Row</label>
    <input type="range" id="seeing-row" min="1" value="1" />
    <span class="number" aria-hidden="true">1</span>
  </div>
  <div class="row" data-view="maps">
    <label for="seeing-column">Column</label>
    <input type="range" id="seeing-column" min="1" value="1" />
    <span class="number" aria-hidden="true">1</span>
  </div>
  <div class="row" data-view="box nms">
    <label for="seeing-found">Detection</label>
    <select id="seeing-found"></select>
  </div>
  <div class="row" data-view="box">
    <label for="seeing-step">Step</label>
    <input type="range" id="seeing-step" min="0" value="0" />
    <span class="number" aria-hidden="true">0</span>
  </div>
  <p id="seeing-says" role="status"></p>
  <dl class="facts" id="seeing-facts" data-view="box"></dl>
  <ol id="seeing-rivals" data-view="nms" aria-label="Boxes that NMS removed"></ol>
  <p class="seeing-note">
    Computed again on the CPU: a score may differ in its last digits from the one on show.
  </p>`;

export const WORKING = "Looking into the network, on the CPU…";
export const NOTHING = "Nothing is found with these settings: lower the minimum score, or look at the feature maps.";

const percent = (share) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
const pixels = ({ width, height }) => `${Math.round(width)} × ${Math.round(height)} pixels`;

/** A map in the menu. */
export const mapName = ({ grid, boxes }, index) =>
  `${index + 1}: ${grid} × ${grid}, ${counted(grid * grid * boxes, "prior")}`;

/** A cell of a map. */
export function cellSays({ grid, boxes, scores, labels }, row, column) {
  const cell = row * grid + column;
  const best = labels[cell] ? `at best ${percent(scores[cell])} sure of ${labels[cell]}` : "sure of nothing";
  return `Row ${row + 1}, column ${column + 1}: ${best}. Its ${counted(boxes, "prior")} are drawn.`;
}

/** A detection at a step of its way; `last` is the step at which its box is decoded. */
export function stepSays({ label, score, place, removed }, step, last) {
  const share = `${step} of ${last}`;
  if (step === 0) return `The prior: box ${place.nth + 1} of its cell, drawn dashed.`;
  if (step < last) return `The offsets move and stretch the prior: ${share} parts of the way.`;
  if (step === last) return `All of the way: the decoded box. The network is ${percent(score)} sure of ${label}.`;
  if (step === last + 1) return `In red, what NMS removes for it: ${counted(removed, "rival")} of ${label}.`;
  return "After NMS: the rivals are gone, and the detection stays.";
}

/** The facts of a detection. */
export function facts({ place, offsets, path, box, score, removed }, maps) {
  const { grid, boxes } = maps[place.map];
  const [cx, cy, w, h] = offsets.map(signed);
  return {
    Prior: `${(place.prior + 1).toLocaleString("en")}, ${pixels(path[0])}`,
    "Feature map": `${place.map + 1} of ${maps.length}, ${grid} × ${grid}`,
    Cell: `row ${place.row + 1}, column ${place.column + 1}, box ${place.nth + 1} of ${boxes}`,
    "Offsets of the centre": `${cx} across, ${cy} down`,
    "Offsets of the size": `${w} in width, ${h} in height`,
    "Decoded box": pixels(box),
    Score: percent(score),
    "Removed by NMS": counted(removed, "rival"),
  };
}

/** What NMS removed for a detection. */
export function rivalsSay({ label, removed, rivals }) {
  if (!removed) return `No other box of ${label} came too near to it: NMS removed nothing.`;
  const which = removed > rivals.length ? `the best ${rivals.length} are listed` : "point at one to see it alone";
  return `For this detection NMS removed ${counted(removed, "rival")} of ${label}; ${which}.`;
}

export const rivalSays = ({ score, iou, place }) =>
  `${percent(score)}, overlap ${percent(iou)}, from map ${place.map + 1}, row ${place.row + 1}, ` +
  `column ${place.column + 1}`;
