// What was detected, as files of other programs. A report is what `detect --json` prints of one picture, and so are
// the pixels: corners, from the upper left.

/** The report on a picture of that name. `decodeMs` is null for a frame. */
export function report(name, decodeMs, { width, height, detections, timing }) {
  const { preprocess, network, postprocess, total } = timing;
  return {
    image: name,
    width,
    height,
    detections: detections.map(({ label, classIndex, score, box: { x, y, width, height }, track }) => ({
      label,
      class: classIndex,
      score,
      box: [x, y, x + width, y + height],
      ...(track && { track }),
    })),
    timing_ms: { decode_image: decodeMs, preprocess, network, postprocess, total },
  };
}

/**
 * A row for each format: `suffix` of its file, and either `text(reports)` or, for a ZIP, `files(reports, labels)`, each
 * `[name, text]`, and the folder for `pictures`.
 */
export const FORMATS = {
  json: { suffix: "detections.json", text: (reports) => JSON.stringify(reports, null, 2) },
  coco: { suffix: "coco.json", text: coco },
  csv: { suffix: "detections.csv", text: csv },
  yolo: { suffix: "yolo.zip", files: yolo, pictures: "images" },
  voc: { suffix: "voc.zip", files: voc, pictures: "JPEGImages" },
};

// The paths without endings, but where two are the same then.
function stems(names) {
  const short = names.map((name) => name.replace(/\.[^./]*$/, ""));
  const seen = new Map();
  for (const name of short) seen.set(name, (seen.get(name) ?? 0) + 1);
  return short.map((name, index) => (seen.get(name) > 1 ? names[index] : name));
}

// COCO's results. `eval` knows a picture by its id or its file's stem; stems that are numbers are COCO's own ids.
function coco(reports) {
  const names = reports.map(({ image }) => image);
  const files = names.map((name) => name.split("/").at(-1));
  const ids = stems(new Set(files).size === files.length ? files : names);
  const numbers = ids.every((id) => /^\d{1,15}$/.test(id));
  const entries = reports.flatMap(({ detections }, index) => detections.map((found) => {
    const { class: category_id, score, box: [x1, y1, x2, y2] } = found;
    const image_id = numbers ? Number(ids[index]) : ids[index];
    return { image_id, category_id, bbox: [x1, y1, x2 - x1, y2 - y1], score };
  }));
  return `[${entries.map((entry) => JSON.stringify(entry)).join(",\n")}]\n`;
}

function csv(reports) {
  const cell = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
  const rows = reports.flatMap(({ image, width, height, detections }) => detections.map((found) => [
    image, width, height, found.label, found.class, found.score.toFixed(4), ...found.box.map((side) => side.toFixed(2)),
  ]));
  const head = ["image", "width", "height", "label", "class", "score", "x1", "y1", "x2", "y2"];
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

// A picture without objects has an empty file: it teaches background.
function yolo(reports, labels) {
  const names = stems(reports.map(({ image }) => image));
  const files = reports.map(({ width, height, detections }, index) => {
    const lines = detections.map(({ class: number, box: [x1, y1, x2, y2] }) => {
      const numbers = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height];
      return `${number - 1} ${numbers.map((value) => value.toFixed(6)).join(" ")}\n`;
    });
    return [`labels/${names[index]}.txt`, lines.join("")];
  });
  return [["classes.txt", labels.map((label) => `${label}\n`).join("")], ...files];
}

// Pixels are whole and counted from 1, both corners included.
function voc(reports) {
  const names = stems(reports.map(({ image }) => image));
  const escape = (text) => String(text).replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
  return reports.map(({ image, width, height, detections }, index) => {
    const lines = detections.map(({ label, box: [x1, y1, x2, y2] }) => {
      const [left, top] = [[x1, width], [y1, height]].map(([side, most]) => Math.min(Math.round(side) + 1, most));
      const [right, bottom] = [Math.max(Math.round(x2), left), Math.max(Math.round(y2), top)];
      return `  <object>
    <name>${escape(label)}</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>0</difficult>
    <bndbox><xmin>${left}</xmin><ymin>${top}</ymin><xmax>${right}</xmax><ymax>${bottom}</ymax></bndbox>
  </object>
`;
    });
    return [`Annotations/${names[index]}.xml`, `<annotation>
  <filename>${escape(image.split("/").at(-1))}</filename>
  <size><width>${width}</width><height>${height}</height><depth>3</depth></size>
  <segmented>0</segmented>
${lines.join("")}</annotation>
`];
  });
}
