// What the labels lack before a model can learn well from them, as sentences. The figures are measured: see
// docs/teaching.md.

import { counted } from "../readout.js";
import { boxesText, isLabelled } from "./album.js";

const FEW = 5; // pictures of a class; ten to twenty are good
const MANY = 12; // classes
const SMALL = 25 / 300; // of the picture's sides
export const ENOUGH_TO_MEASURE = 12; // labelled pictures

/** `{ ready, sentences }`: whether there is anything to learn from, and what would help most, first things first. */
export function advise(album) {
  const labelled = album.pictures.filter(isLabelled);
  const empty = labelled.filter(({ boxes }) => !boxes.length).length;
  const open = album.pictures.length - labelled.length;
  const boxes = labelled.flatMap(({ boxes: own, width, height }) =>
    own.map((box) => ({ ...box, of: [width, height] })));
  const sentences = [];
  if (!boxes.length) return { ready: false, sentences: ["Draw a box around each of your objects, and name it."] };
  const holding = (name) => labelled.filter(({ boxes: own }) => own.some(({ label }) => label === name)).length;
  const rare = album.classes.map(({ name }) => [name, holding(name)]).filter(([, count]) => count < FEW);
  if (rare.length) {
    const listed = rare.slice(0, 4).map(([name, count]) => `“${name}” in ${counted(count, "picture")}`).join(", ");
    sentences.push(`${listed}${rare.length > 4 ? " and more" : ""}: ${FEW} are a start, 10 to 20 are good.`);
  }
  if (open) {
    sentences.push(`${counted(open, "picture")} without labels will be left out: draw boxes, or say “Nothing here”.`);
  }
  const wanted = Math.max(FEW, Math.round((labelled.length - empty) / 2));
  if (empty < wanted) {
    sentences.push(`${empty ? counted(empty, "picture") : "No picture"} without your objects: add ` +
      `${wanted - empty} or more, of the empty scene and of anything else. That helps most against false alarms.`);
  }
  const small = boxes.filter(({ width, height, of }) => width < SMALL * of[0] && height < SMALL * of[1]).length;
  if (small) {
    sentences.push(`${boxesText(small)} smaller than the network sees well: go nearer, or cut the pictures to what ` +
      "matters.");
  }
  if (album.classes.length > MANY) {
    sentences.push(`${album.classes.length} classes are many for this page: save the data set and train on a GPU.`);
  }
  return { ready: true, sentences };
}
