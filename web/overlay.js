// Boxes and labels over a picture, by one transform from source pixels to canvas pixels.

import { make } from "./dom.js";

/** A class's colour: golden-angle hues, all light enough for black text. */
export const colour = (classIndex) => `oklch(0.84 0.16 ${Math.round(classIndex * 137.508 + 10) % 360})`;

/** `LABEL NN%`, for the list and the picture. */
export const caption = ({ label, score }) => `${label} ${Math.round(score * 100)}%`;

// What keeps its number keeps its colour.
const hue = ({ track, classIndex }) => colour(track ?? classIndex);

/**
 * Draws `result`, or nothing, over `view`; `highlight` is the index of a detection or null. Returns the pen and where
 * the picture is: `to` leads from parts of it to pixels of the view, `from` back.
 */
export function drawOverlay(canvas, view, result, mirrored, highlight) {
  const where = place(canvas, view, result);
  if (!result) return null;
  const pen = canvas.getContext("2d");
  drawDetections(pen, result, { ...where, mirrored }, devicePixelRatio, highlight);
  const { scale, left, top } = where;
  const [wide, high] = [result.width * scale, result.height * scale].map((size) => size / devicePixelRatio);
  const [x0, y0] = [left / devicePixelRatio, top / devicePixelRatio];
  const seen = (x) => (mirrored ? 1 - x : x);
  return {
    pen,
    mirrored,
    to: (x, y) => [x0 + seen(x) * wide, y0 + y * high],
    from: (x, y) => [seen((x - x0) / wide), (y - y0) / high],
  };
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
    const { x, y, width, height } = detection.smooth ?? detection.box;
    const seenX = mirrored ? result.width - x - width : x;
    const box = { x: left + seenX * scale, y: top + y * scale, width: width * scale, height: height * scale };
    box.trail = detection.trail?.map((point) =>
      [left + (mirrored ? result.width - point.x : point.x) * scale, top + point.y * scale]);
    return { detection, box, alpha: highlight === null || highlight === index ? 1 : 0.2 };
  });
  // All boxes before all labels; the best comes last, and so on top.
  for (const part of [drawTrail, ...(STYLES[document.documentElement.dataset.boxes] ?? STYLES.named)]) {
    for (const { detection, box, alpha } of placed.toReversed()) {
      pen.globalAlpha = alpha;
      part(pen, detection, box, unit);
    }
  }
  pen.globalAlpha = 1;
}

// The setting “Boxes”: what is drawn of a detection.
const STYLES = { named: [drawBox, drawLabel], filled: [fillBox, drawBox, drawLabel], plain: [drawBox] };

function fillBox(pen, detection, { x, y, width, height }) {
  const { globalAlpha } = pen;
  pen.globalAlpha *= 0.3;
  pen.fillStyle = hue(detection);
  pen.fillRect(x, y, width, height);
  pen.globalAlpha = globalAlpha;
}

function drawTrail(pen, detection, { trail }, unit) {
  if (!trail) return;
  pen.strokeStyle = hue(detection);
  pen.lineWidth = 2 * unit;
  pen.beginPath();
  for (const [x, y] of trail) pen.lineTo(x, y);
  pen.stroke();
}

function drawBox(pen, detection, { x, y, width, height }, unit) {
  // A dark halo keeps the line visible on any picture.
  for (const [style, line] of [["rgb(0 0 0 / 55%)", 4.5], [hue(detection), 2.5]]) {
    pen.strokeStyle = style;
    pen.lineWidth = line * unit;
    pen.strokeRect(x, y, width, height);
  }
}

// Above its box, or inside if there is no room, and never outside the canvas.
function drawLabel(pen, detection, { x, y }, unit) {
  pen.font = `600 ${13 * unit}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  const text = `${detection.track ? `#${detection.track} ` : ""}${caption(detection)}`;
  const width = pen.measureText(text).width + 12 * unit;
  const height = 20 * unit;
  const left = Math.max(0, Math.min(x - 1.25 * unit, pen.canvas.width - width));
  const top = y >= height ? y - height : Math.min(y, pen.canvas.height - height);
  pen.fillStyle = hue(detection);
  pen.beginPath();
  pen.roundRect(left, top, width, height, 4 * unit);
  pen.fill();
  pen.fillStyle = "#111";
  pen.fillText(text, left + 6 * unit, top + height / 2 + unit);
}
