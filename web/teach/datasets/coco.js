// COCO: one JSON for all pictures, with boxes as left, top, width and height in pixels.

import { base, finder, fits } from "./paths.js";

/** The labels of the pictures that have some: a Map from a picture's file to `labels(size)`. */
export async function read(files, pictures, path) {
  const find = finder(pictures.map(({ file }) => file), path, base);
  const found = new Map();
  for (const file of files.filter(({ name }) => /\.json$/i.test(name))) {
    const { images, annotations, categories } = parsed(await file.text());
    if (!Array.isArray(images) || !Array.isArray(annotations)) continue;
    const listed = Array.isArray(categories) ? categories : [];
    const names = new Map(listed.map(({ id, name }) => [String(id), String(name)]));
    const boxes = new Map();
    for (const { image_id: id, category_id: category, bbox, iscrowd } of annotations) {
      if (!Array.isArray(bbox) || iscrowd === 1) continue;
      const [x, y, width, height] = bbox.map(Number);
      const label = names.get(String(category)) ?? `class ${category}`;
      boxes.set(String(id), [...(boxes.get(String(id)) ?? []), { label, x, y, width, height }]);
    }
    const folder = path(file).split("/").slice(0, -1).join("/");
    for (const { id, file_name: name, width, height } of images) {
      const picture = find(`${folder}/${String(name).replaceAll("\\", "/")}`);
      if (!picture) continue;
      found.set(picture, (size) => (fits(size, { width, height }) ? boxes.get(String(id)) ?? [] : "unfit"));
    }
  }
  return found;
}

// Some programs write NaN.
function parsed(text) {
  try {
    return JSON.parse(text.replace(/(?<=[[,:]\s*)NaN(?=\s*[\],}])/g, "null")) ?? {};
  } catch {
    return {};
  }
}

/** The files of a data set, as `[name, text]`. */
export function write(reports, labels) {
  const categories = labels.map((name, index) => ({ id: index + 1, name }));
  const images = reports.map(({ image, width, height }, index) => ({ id: index + 1, file_name: image, width, height }));
  const annotations = reports.flatMap(({ detections }, index) => detections.map((found) => {
    const { class: category_id, box: [x1, y1, x2, y2] } = found;
    const [width, height] = [x2 - x1, y2 - y1];
    return { image_id: index + 1, category_id, bbox: [x1, y1, width, height], area: width * height, iscrowd: 0 };
  }));
  annotations.forEach((annotation, index) => Object.assign(annotation, { id: index + 1 }));
  // "default" is the name of no split.
  return [["annotations/instances_default.json", JSON.stringify({ images, annotations, categories }, null, 1)]];
}
export const folder = "images";
