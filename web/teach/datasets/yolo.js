// YOLO: a text for each picture with a line `class cx cy w h` for each object, as shares of the picture, or with the
// corners of an outline; and the names of the classes.

import { FORMATS } from "../../formats.js";
import { base, finder, stem } from "./paths.js";

const OTHER = /^(classes|labels|names|train|val|valid|test)\.txt$/i; // texts that are no labels
const NUMBERS = /^\d+(\s+-?[\d.]+(e[-+]?\d+)?){4,}\s*$/i;

/** The labels of the pictures that have some: a Map from a picture's file to `labels(size)`. */
export async function read(files, pictures, path) {
  const texts = files.filter(({ name }) => /\.txt$/i.test(name) && !OTHER.test(name));
  const names = await classNames(files);
  const find = finder(texts, path, stem);
  const found = new Map();
  for (const { file } of pictures) {
    const text = find(path(file));
    const lines = text && (await text.text()).split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
    if (!lines?.every((line) => NUMBERS.test(line))) continue;
    found.set(file, (size) => lines.map((line) => box(line, names, size)));
  }
  return found;
}

function box(line, names, { width, height }) {
  const [number, ...values] = line.split(/\s+/).map(Number);
  const label = names[number] ?? `class ${number}`;
  if (values.length < 6) {
    const [x, y, w, h] = values;
    return { label, x: (x - w / 2) * width, y: (y - h / 2) * height, width: w * width, height: h * height };
  }
  const [xs, ys] = [0, 1].map((odd) => values.filter((_, index) => index % 2 === odd));
  const [left, top] = [Math.min(...xs) * width, Math.min(...ys) * height];
  return { label, x: left, y: top, width: Math.max(...xs) * width - left, height: Math.max(...ys) * height - top };
}

// From a list, one name a line, or else from `names` in a yaml: `[a, b]`, `- a` or `0: a`.
async function classNames(files) {
  const list = files.find(({ name }) => /^(classes\.txt|labels\.txt|.*\.names)$/i.test(base(name)));
  if (list) return (await list.text()).split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  const yaml = files.find(({ name }) => /\.ya?ml$/i.test(name));
  const text = yaml ? await yaml.text() : "";
  const plain = (name) => name.replace(/\s+#.*$/, "").trim().replace(/^(["'])(.*)\1$/, "$2");
  const [, inline] = text.match(/^names:\s*\[([^\]]*)\]/m) ?? [];
  if (inline) return inline.split(",").map(plain);
  const [, block = ""] = text.match(/^names:[^\S\n]*\r?\n((?:[^\S\n]*(?:-|["']?\d+["']?:).*(?:\n|$))*)/m) ?? [];
  const names = [];
  for (const [, number, name] of block.matchAll(/^\s*(?:-|["']?(\d+)["']?:)[^\S\n]*(.*)$/gm)) {
    names[number ?? names.length] = plain(name);
  }
  return names;
}

/** The files of a data set, as `[name, text]`. */
export const write = (reports, labels) => FORMATS.yolo.files(reports, labels);
export const folder = FORMATS.yolo.pictures;
