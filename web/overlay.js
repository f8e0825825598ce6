// Boxes and labels over a picture, by one transform from source pixels to canvas pixels.

import { make } from "./dom.js";

/** A class's colour: golden-angle hues, all light enough for black text. */
export const colour = (classIndex) => `oklch(0.84 0.16 ${Math.round(classIndex * 137.508 + 10) % 360})`;

/** `LABEL NN%`, for the list and the picture. */
export const caption = ({ label, score }) => `${label} ${Math.round(score * 100)}%`;

/** Draws `result`, or nothing, over `view`; `highlight` is the index of a detection or null. */
export function drawOverlay(canvas, view, result, mirrored, highlight) {
  const where = place(canvas, view, result);
  if (result) drawDetections(canvas.getContext("2d"), result, { ...where, mirrored }, devicePixelRatio, highlight);
}

/** Clears a canvas that covers `view`, and says where a picture lies on it, in pixels of the canvas. */
export function place(canvas, view, picture) {
  const width = Math.round(view.clientWidth * devicePixelRatio);
  const height = Math.round(view.clientHeight * devicePixelRatio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d").clearRect(0, 0, width, height);
  if (!picture) return null;
  // As `object-fit: contain`.
  const scale = Math.min(width / picture.width, height / picture.height);
  return { scale, left: (width - picture.width * scale) / 2, top: (height - picture.height * scale) / 2 };
}

/** The picture with its boxes as a PNG Blob, in natural size; null if that is too large for a canvas. */
export const annotatedPng = (element, result) => new Promise((resolve) => annotated(element, result).toBlob(resolve));

/** The same as a canvas, or in that one. */
export function annotated(element, result, canvas = make("canvas")) {
  const { width, height } = result;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.drawImage(element, 0, 0, width, height);
  const unit = Math.max(1, Math.sqrt(width * height) / 700);
  drawDetections(pen, result, { scale: 1, left: 0, top: 0, mirrored: false }, unit, null);
  return canvas;
}

function drawDetections(pen, result, { scale, left, top, mirrored }, unit, highlight) {
  const placed = result.detections.map((detection, index) => {
    const { x, y, width, height } = detection.box;
    const seenX = mirrored ? result.width - x - width : x;
    const box = { x: left + seenX * scale, y: top + y * scale, width: width * scale, height: height * scale };
    return { detection, box, alpha: highlight === null || highlight === index ? 1 : 0.2 };
  });
  // All boxes before all labels; the best comes last, and so on top.
  for (const part of STYLES[document.documentElement.dataset.boxes] ?? STYLES.named) {
    for (const { detection, box, alpha } of placed.toReversed()) {
      pen.globalAlpha = alpha;
      part(pen, detection, box, unit);
    }
  }
  pen.globalAlpha = 1;
}

// The setting “Boxes”: what is drawn of a detection.
const STYLES = { named: [drawBox, drawLabel], filled: [fillBox, drawBox, drawLabel], plain: [drawBox] };

function fillBox(pen, { classIndex }, { x, y, width, height }) {
  const { globalAlpha } = pen;
  pen.globalAlpha *= 0.3;
  pen.fillStyle = colour(classIndex);
  pen.fillRect(x, y, width, height);
  pen.globalAlpha = globalAlpha;
}

function drawBox(pen, { classIndex }, { x, y, width, height }, unit) {
  // A dark halo keeps the line visible on any picture.
  for (const [style, line] of [["rgb(0 0 0 / 55%)", 4.5], [colour(classIndex), 2.5]]) {
    pen.strokeStyle = style;
    pen.lineWidth = line * unit;
    pen.strokeRect(x, y, width, height);
  }
}

// Above its box, or inside if there is no room, and never outside the canvas.
function drawLabel(pen, detection, { x, y }, unit) {
  pen.font = `600 ${13 * unit}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  const text = caption(detection);
  const width = pen.measureText(text).width + 12 * unit;
  const height = 20 * unit;
  const left = Math.max(0, Math.min(x - 1.25 * unit, pen.canvas.width - width));
  const top = y >= height ? y - height : Math.min(y, pen.canvas.height - height);
  pen.fillStyle = colour(detection.classIndex);
  pen.beginPath();
  pen.roundRect(left, top, width, height, 4 * unit);
  pen.fill();
  pen.fillStyle = "#111";
  pen.fillText(text, left + 6 * unit, top + height / 2 + unit);
}
