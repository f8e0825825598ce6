// Pascal VOC: an XML for each picture, in whole pixels counted from 1 with both corners included.

import { FORMATS } from "../../formats.js";
import { base, finder, fits, stem } from "./paths.js";

/** The labels of the pictures that have some: a Map from a picture's file to `labels(size)`. */
export async function read(files, pictures, path) {
  const find = finder(pictures.map(({ file }) => file), path, stem);
  const byName = finder(pictures.map(({ file }) => file), path, base);
  const found = new Map();
  for (const file of files.filter(({ name }) => /\.xml$/i.test(name))) {
    const document = new DOMParser().parseFromString(await file.text(), "text/xml");
    const root = document.documentElement;
    if (root.nodeName !== "annotation") continue;
    const named = text(root, "filename");
    const picture = find(path(file)) ?? (named && byName(named));
    if (picture) found.set(picture, (size) => boxes(root, size));
  }
  return found;
}

function boxes(root, size) {
  const given = root.querySelector(":scope > size");
  if (given && !fits(size, { width: number(given, "width"), height: number(given, "height") })) return "unfit";
  return [...root.querySelectorAll(":scope > object")].flatMap((object) => {
    const box = object.querySelector(":scope > bndbox");
    if (!box) return [];
    const [left, top, right, bottom] = ["xmin", "ymin", "xmax", "ymax"].map((name) => number(box, name));
    return { label: text(object, "name"), x: left - 1, y: top - 1, width: right - left + 1, height: bottom - top + 1 };
  });
}

const text = (element, name) => element.querySelector(`:scope > ${name}`)?.textContent.trim() ?? "";
const number = (element, name) => Number.parseFloat(text(element, name));

/** The files of a data set, as `[name, text]`. */
export const write = (reports) => FORMATS.voc.files(reports);
export const folder = FORMATS.voc.pictures;
