// Files as a data set: its pictures, and their labels if it has some.

import { path, pictures } from "../../files.js";
import * as coco from "./coco.js";
import { unzip } from "./unzip.js";
import * as voc from "./voc.js";
import * as yolo from "./yolo.js";

/** The formats by name; each has `read`, `write` and the `folder` of the pictures. */
export const DATASETS = { yolo, voc, coco };

const TITLES = { yolo: "YOLO", voc: "Pascal VOC", coco: "COCO" };

// How many folders at the beginning all paths share.
function shared([first, ...others]) {
  const end = first.findIndex((folder, place) => others.some((folders) => folders[place] !== folder));
  return end < 0 ? first.length : end;
}

/**
 * `{ format, entries }` of files, of which some may be ZIPs. An entry is `{ file, name, labels }`: `labels(size)` gives
 * boxes for a picture of that size, or "unfit"; it is absent where nobody has labelled. The format that labels most
 * pictures counts.
 */
export async function readDataset(given) {
  const files = [];
  for (const file of given) {
    if (/\.zip$/i.test(file.name)) files.push(...await unzip(file));
    else if (!file.name.startsWith(".")) files.push(file);
  }
  const found = pictures(files);
  let best = ["", new Map()];
  for (const [name, { read }] of Object.entries(DATASETS)) {
    const labels = await read(files, found, path);
    if (labels.size > best[1].size) best = [name, labels];
  }
  const [format, labels] = best;
  // The folders that a format puts all pictures into are not part of their names.
  const above = format ? shared(found.map(({ name }) => name.split("/").slice(0, -1))) : 0;
  const below = (name) => name.split("/").slice(above).join("/");
  const entries = found.map(({ file, name }) => ({ file, name: below(name), labels: labels.get(file) }));
  return { format: format && ` (${TITLES[format]})`, entries };
}
